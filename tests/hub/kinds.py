"""A small set of every kind that is published."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hf_distill.hub import DistilledDataset
from hf_distill.labels import DenseLabels, FixedWeights, LearnedWeights, TopLabels, ViewLabels
from hf_distill.quantization import LearnedLevels, PowersOfTwoQuantizer, UniformQuantizer
from hf_distill.synthetic import (
    CoarsePixelSet,
    CosineSet,
    HarmonicSet,
    MixedSet,
    MotionSet,
    PixelSet,
    QuantizedSet,
    SpectrogramSet,
    VectorSet,
)
from tests.hub.conftest import (
    EVALUATION,
    audio_spec,
    columns_spec,
    frames_spec,
    image_spec,
    make,
    mixed_spec,
    png,
    signal_spec,
    vector_spec,
)
from tests.hub.test_series_format import EVALUATION as SERIES_EVALUATION
from tests.hub.test_series_format import SPECS as SERIES
from tests.hub.test_series_format import make as make_series

FEATURES = {
    "protocol": {"extractor": {"class_path": "Pixels"}, "reference": "test split", "neighbours": 5},
    "rows": [{"metric": "fid", "distilled": 1.5, "random_mean": 2.5, "random_std": 0.5}],
}


def quantized(inner, quantizer, x, spec, **options) -> DistilledDataset:
    synthetic = QuantizedSet(synthetic=inner, quantizer=quantizer, **options)
    synthetic.initialize(x, torch.arange(len(x)) if spec.task.startswith("time") else labels(len(x), spec), spec)
    return DistilledDataset.from_synthetic(synthetic, config={"method": {"class_path": "OptimizedDistillation"}})


def labels(count: int, spec) -> torch.Tensor:
    return torch.arange(spec.num_classes).repeat_interleave(count // spec.num_classes)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def smooth(count: int) -> torch.Tensor:
    """Images that entropy coding makes smaller."""
    return (torch.linspace(-1, 1, 36).reshape(6, 6) * torch.linspace(0.5, 1, count)[:, None, None])[:, None]


def _evaluated() -> DistilledDataset:
    pictures = {"spectrum.png": png()}
    dataset = make(image_spec(), pictures=pictures, history=[{"step": 1, "loss": 2.0}], citations=["@x{y}"])
    dataset.add_evaluation({**EVALUATION, "features": FEATURES}, {"more.png": png(1)})
    return dataset


def _series() -> DistilledDataset:
    dataset = make_series(SERIES["text"])
    dataset.add_evaluation(SERIES_EVALUATION)
    return dataset


def _soft() -> DistilledDataset:
    spec = vector_spec()
    soft = VectorSet(per_class=2, labels=TopLabels(top=2))
    return quantized(soft, UniformQuantizer(bits=4), noise(4, 5), spec, labels=UniformQuantizer(bits=8))


def _weighted() -> DistilledDataset:
    spec = vector_spec()
    synthetic = VectorSet(per_class=2, labels=DenseLabels(stored="logits"), weights=FixedWeights())
    synthetic.initialize(noise(4, 5), labels(4, spec), spec, torch.tensor([0.5, 1.5, 1.75, 0.25]))
    return DistilledDataset.from_synthetic(synthetic)


def _views() -> DistilledDataset:
    inner = PixelSet(per_class=2, labels=ViewLabels(labels=TopLabels(top=2), views=3), weights=LearnedWeights())
    synthetic = QuantizedSet(synthetic=inner, quantizer=UniformQuantizer(bits=4))
    spec, w = image_spec(), torch.tensor([0.5, 1.5, 1.0, 0.25, 2.0, 0.75])
    synthetic.initialize(noise(6, 1, 6, 6), labels(6, spec), spec, w)
    return DistilledDataset.from_synthetic(synthetic)


def _mixed() -> DistilledDataset:
    spec = mixed_spec()
    x = torch.cat((noise(4, spec.shape[0] - 4), torch.tensor([3.0, 1, 2, 0]).expand(4, 4)), 1)
    return quantized(MixedSet(per_class=2), UniformQuantizer(bits=4), x, spec)


_SPECTRUM = {"granularity": "channel", "bits": 4}

KINDS: dict[str, Callable[[], DistilledDataset]] = {
    "images": _evaluated,
    "vectors": lambda: make(vector_spec("float64")),
    "series": _series,
    "series without times": lambda: make_series(SERIES["wide"]),
    "quantized": lambda: quantized(PixelSet(per_class=2), LearnedLevels(bits=2), noise(6, 1, 6, 6), image_spec()),
    "entropy-coded": lambda: quantized(
        PixelSet(per_class=20), UniformQuantizer(bits=2), smooth(60), image_spec(), coding="entropy"
    ),
    "coarse": lambda: quantized(
        CoarsePixelSet(per_class=2), PowersOfTwoQuantizer(bits=3, granularity="class"), noise(6, 1, 6, 6), image_spec()
    ),
    "spectrum": lambda: quantized(
        HarmonicSet(length=24, wrap=5), UniformQuantizer(symmetric=True, **_SPECTRUM), noise(24, 3), SERIES["text"]
    ),
    "soft labels": _soft,
    "weighted": _weighted,
    "views": _views,
    "series with classes": lambda: make(signal_spec()),
    "cosines": lambda: quantized(
        CosineSet(per_class=2, harmonics=5), UniformQuantizer(bits=4), noise(4, 1, 24), signal_spec(channels=1)
    ),
    "columns": lambda: make(columns_spec()),
    "quantized columns": lambda: quantized(
        VectorSet(per_class=2), UniformQuantizer(bits=4), noise(4, 6), columns_spec()
    ),
    "videos": lambda: make(frames_spec()),
    "motion": lambda: quantized(
        MotionSet(per_class=2, still=2, moving=3), UniformQuantizer(bits=4), noise(4, 3, 1, 6, 6), frames_spec()
    ),
    "sounds": lambda: make(audio_spec()),
    "several kinds": _mixed,
    "tones": lambda: quantized(
        SpectrogramSet(per_class=2, bands=4, frames=8), LearnedLevels(bits=2), noise(4, 800), audio_spec()
    ),
}
"""Makes each of them."""
