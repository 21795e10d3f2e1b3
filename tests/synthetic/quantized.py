"""Quantized sets at tiny size."""

import json

import torch

from hf_distill import decode
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.spec import DataSpec
from hf_distill.quantization import LearnedLevels
from hf_distill.synthetic import QuantizedSet, SeriesSet, VectorSet


def spec(shape=(1, 4, 4), classes=3):
    return DataSpec(
        task="image-classification" if len(shape) == 3 else "tabular-classification",
        input_column="x",
        label_column="y",
        shape=shape,
        classes=tuple("abcdefghij"[:classes]),
        mean=(0.5,) * shape[0],
        std=(0.25,) * shape[0],
        features={"x": {"dtype": "float32", "_type": "Value"}},
    )


def series_spec():
    features = {name: {"dtype": "float32", "_type": "Value"} for name in "abc"}
    return SeriesSpec(channels=tuple("abc"), mean=(0.0,) * 3, std=(1.0,) * 3, features=features, lookback=4, horizon=2)


def read(packed, spec):
    """Inputs, labels and weights as the published decoder makes them of what is written."""
    record = {"codes": {"meta": packed.meta}, "spec": spec.to_dict()}
    return decode.decode(json.loads(json.dumps(record)), packed.columns)


def filled(inner, quantizer=None, **options):
    synthetic = QuantizedSet(synthetic=inner, quantizer=quantizer or LearnedLevels(bits=2), **options)
    generator = torch.Generator().manual_seed(0)
    if isinstance(inner, SeriesSet):
        synthetic.initialize(
            torch.randn(inner.length, 3, generator=generator), torch.arange(inner.length), series_spec()
        )
    else:
        shape = (5,) if isinstance(inner, VectorSet) else (1, 4, 4)
        y = torch.arange(3).repeat_interleave(inner.per_class)
        synthetic.initialize(torch.randn(len(y), *shape, generator=generator) / 2, y, spec(shape))
    return synthetic
