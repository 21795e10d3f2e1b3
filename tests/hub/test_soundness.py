"""Destroyed sets are not published; whatever real data holds may be."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage

from hf_distill.data import RealData, SeriesData
from hf_distill.errors import DivergenceError
from hf_distill.hub import DistilledDataset
from hf_distill.hub.soundness import bound
from hf_distill.initialization import SubSeries
from hf_distill.labels import TopLabels
from hf_distill.methods import Coreset, Run, Undistilled
from hf_distill.quantization import LearnedLevels, PowersOfTwoQuantizer, UniformQuantizer
from hf_distill.synthetic import (
    CoarsePixelSet,
    HarmonicSet,
    PixelSet,
    QuantizedSet,
    SeriesSet,
    Synthetic,
    VectorSet,
)
from tests.data.series import data
from tests.hub.conftest import image_spec, make, vector_spec

ROWS = 12


def labels(classes: int, rows: int = ROWS) -> torch.Tensor:
    return torch.arange(classes).repeat_interleave(rows // classes)


def real_series(*channels: np.ndarray) -> SeriesData:
    noise = np.random.default_rng(0).standard_normal((2, 200))
    named = {name: values.tolist() for name, values in zip("ab", channels or noise, strict=False)}
    return data(named, lookback=8, horizon=4).setup()


def filled(synthetic: Synthetic, seed: int = 0) -> Synthetic:
    """A set of random samples, whatever it holds."""
    generator = torch.Generator().manual_seed(seed)
    if isinstance(synthetic, SeriesSet) or isinstance(getattr(synthetic, "synthetic", None), SeriesSet):
        spec = real_series().spec
        synthetic.initialize(torch.randn(synthetic.size, 2, generator=generator), torch.arange(synthetic.size), spec)
        return synthetic
    vectors = isinstance(synthetic, VectorSet) or isinstance(getattr(synthetic, "synthetic", None), VectorSet)
    spec = vector_spec() if vectors else image_spec()
    x = torch.randn(ROWS, *spec.shape, generator=generator)
    synthetic.initialize(x, labels(spec.num_classes), spec)
    return synthetic


SETS = {
    "images": lambda: PixelSet(per_class=4),
    "coarse": lambda: CoarsePixelSet(per_class=4),
    "vectors": lambda: VectorSet(per_class=6),
    "soft": lambda: VectorSet(per_class=6, labels=TopLabels(top=2)),
    "series": lambda: SeriesSet(length=24),
    "spectrum": lambda: HarmonicSet(length=24),
    "sparse": lambda: HarmonicSet(length=24, harmonics=3),
    "uniform": lambda: QuantizedSet(synthetic=PixelSet(per_class=4), quantizer=UniformQuantizer(bits=4)),
    "levels": lambda: QuantizedSet(synthetic=VectorSet(per_class=6), quantizer=LearnedLevels(bits=2)),
    "powers": lambda: QuantizedSet(synthetic=SeriesSet(length=24), quantizer=PowersOfTwoQuantizer(bits=4)),
}


def refused(made: DistilledDataset, folder: Path, message: str) -> None:
    """A destroyed set must leave the folder as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(DivergenceError, match=message) as caught:
        made.save_pretrained(folder)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", SETS)
def test_one_stored_number_that_is_not_finite_is_enough(name: str, tmp_path: Path) -> None:
    DistilledDataset.from_synthetic(filled(SETS[name]())).save_pretrained(tmp_path)
    generator = np.random.default_rng(0)
    parameters = [key for key, _ in filled(SETS[name]()).named_parameters()]
    quantized = name in ("uniform", "levels", "powers")
    for key in parameters:
        if quantized and key.startswith("synthetic."):
            continue  # such values have no code: the training refuses them
        for value in (math.nan, math.inf, -math.inf):
            synthetic = filled(SETS[name]())
            parameter = synthetic.get_parameter(key).data.view(-1)
            place = int(generator.integers(len(parameter)))
            if name == "spectrum":  # the first and the last imaginary parts stand for nothing
                place = 2 + place % (len(parameter) - 4)
            if name == "sparse":
                place = int(synthetic.kept.flatten().nonzero()[place % 3])
            parameter[place] = value
            refused(DistilledDataset.from_synthetic(synthetic), tmp_path, "not finite|not all of its values are finite")


def test_a_range_that_its_float16_cannot_hold_is_refused(tmp_path: Path) -> None:
    synthetic = filled(SETS["uniform"]())
    made = DistilledDataset.from_synthetic(synthetic)
    made.save_pretrained(tmp_path)
    synthetic.get_parameter("quantizers.of_pixels.ends").data.fill_(70000.0)  # above 65504
    destroyed = DistilledDataset.from_synthetic(synthetic)
    destroyed.x = made.x
    refused(destroyed, tmp_path, "stored numbers 'pixels_side' are not finite")


@pytest.mark.parametrize("rows", [2, 10, 1000, 10**6])
def test_the_farthest_real_row_that_there_can_be_is_within_the_bound(rows: int) -> None:
    # All rows equal but one: its distance is sqrt(rows - 1) standard deviations, the most that there is.
    values = np.zeros(rows)
    values[0] = 1.0
    distance = (1 - values.mean()) / values.std()
    spec = vector_spec(size=1)
    spec = type(spec).from_dict({**spec.to_dict(), "num_rows": rows, "mean": [0.0], "std": [1.0]})
    assert distance == pytest.approx(math.sqrt(rows - 1)) and distance < bound(spec) / 9
    assert bound(type(spec).from_dict({**spec.to_dict(), "num_rows": 0})) > 1e5  # a stream: their number is not known


@pytest.mark.parametrize("name", ["vectors", "series"])
def test_values_that_no_real_sample_has_are_refused(name: str, tmp_path: Path) -> None:
    synthetic = filled(SETS[name]())
    parameter = next(synthetic.parameters())
    parameter.data.view(-1)[3] = 0.9 * bound(synthetic.spec)
    DistilledDataset.from_synthetic(synthetic).save_pretrained(tmp_path)
    parameter.data.view(-1)[3] = -1.1 * bound(synthetic.spec)
    refused(DistilledDataset.from_synthetic(synthetic), tmp_path, "standard deviations from the mean")


def test_constant_sets_are_refused(tmp_path: Path) -> None:
    made = make(image_spec())
    made.save_pretrained(tmp_path)
    black = make(image_spec())
    black.x = torch.full_like(black.x, -9.0)
    refused(black, tmp_path, "6 samples of 3 classes are all equal")
    flat = make(image_spec(channels=3))
    flat.x = flat.x[..., :1, :1].expand_as(flat.x)
    refused(flat, tmp_path, "6 images are all flat")
    vectors = make(vector_spec())
    vectors.x = vectors.x[:1].expand_as(vectors.x)
    refused(vectors, tmp_path, "4 samples of 2 classes are all equal")
    series = filled(SeriesSet(length=24))
    series.values.data.copy_(series.values.data[:1].expand_as(series.values))
    refused(DistilledDataset.from_synthetic(series), tmp_path, "24 time steps are all equal")


def test_what_is_partly_constant_may_be_published(tmp_path: Path) -> None:
    flat = make(image_spec())
    flat.x[:-1] = -9.0  # one sample has a picture
    flat.save_pretrained(tmp_path / "flat")
    channel = make(image_spec(channels=3))
    channel.x[:, 1:] = 0.5
    channel.save_pretrained(tmp_path / "channel")
    series = filled(SeriesSet(length=24))
    series.values.data[:, 1] = 0.25
    DistilledDataset.from_synthetic(series).save_pretrained(tmp_path / "series")
    one = filled(CoarsePixelSet(per_class=4, factor=6))  # a value an image, by its description
    DistilledDataset.from_synthetic(one).save_pretrained(tmp_path / "one")
    quantized = filled(QuantizedSet(synthetic=CoarsePixelSet(per_class=4, factor=6)))
    DistilledDataset.from_synthetic(quantized).save_pretrained(tmp_path / "quantized")


def pictures(levels: list[int], classes: list[int]) -> RealData:
    features = Features({"image": Image(), "label": ClassLabel(num_classes=2)})
    images = [PILImage.new("L", (8, 8), level) for level in levels]
    return RealData.from_dataset(Dataset.from_dict({"image": images, "label": classes}, features=features))


def test_real_samples_are_published_whatever_they_are(tmp_path: Path) -> None:
    """Flat images, equal vectors of two classes, and a piece in which nothing happens."""
    Coreset(per_class=1).distill(pictures([0, 90, 90, 200], [0, 0, 1, 1])).save_pretrained(tmp_path / "flat")
    Coreset(per_class=1).distill(pictures([7] * 4, [0, 0, 1, 1])).save_pretrained(tmp_path / "equal")
    rows = {"v": [[0.0]] * 99 + [[1.0]], "label": [0, 1] * 50}
    Coreset(per_class=1).distill(RealData.from_dataset(Dataset.from_dict(rows))).save_pretrained(tmp_path / "vectors")
    rain = np.zeros(400)
    rain[7] = 1.0
    piece = Undistilled(synthetic=SeriesSet(length=24), initial=SubSeries())
    for seed in range(3):
        made = piece.distill(real_series(rain), Run(seed=seed))
        made.save_pretrained(tmp_path / f"rain{seed}")
        assert DistilledDataset.from_pretrained(tmp_path / f"rain{seed}").x.unique().numel() == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_real_row_far_out_is_published(seed: int, tmp_path: Path) -> None:
    """One row in 3000 carries all of the variance, or a mean that is large beside the deviation."""
    generator = np.random.default_rng(seed)
    scale = 10.0 ** generator.integers(-3, 4)
    values = np.zeros((3000, 2))
    values[0] = scale
    values[:, 1] = 10.0 ** generator.integers(0, 9) + generator.standard_normal(3000)
    data = RealData.from_dataset(Dataset.from_dict({"v": values.tolist(), "label": [0] + [1] * 2999}))
    made = Coreset(per_class=1).distill(data)
    assert made.x[0, 0] == pytest.approx(math.sqrt(2999), rel=1e-3)
    made.save_pretrained(tmp_path)


def test_destroyed_sets_are_not_pushed(hub: object) -> None:
    made = make(vector_spec())
    made.x[0, 0] = math.nan
    with pytest.raises(DivergenceError, match="1 of its 20 values are not finite"):
        made.push_to_hub("tester/destroyed")
