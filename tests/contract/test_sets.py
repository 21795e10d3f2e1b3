"""What every set, every kind of labels and every kind of weights of the public table must do."""

from __future__ import annotations

import copy
import json

import pytest
import torch

import hf_distill
from hf_distill.cli.distill import build_parser
from hf_distill.data.kinds.table import KINDS as KINDS_OF_INPUTS
from hf_distill.hub import DistilledDataset
from hf_distill.labels import Labels, ValueLabels, Weights
from hf_distill.lazy import import_parts
from hf_distill.parts import concrete
from hf_distill.quantization import UniformQuantizer
from hf_distill.synthetic import (
    CosineSet,
    HarmonicSet,
    MixedSet,
    MotionSet,
    QuantizedSet,
    RowsSet,
    SeriesSet,
    SpectrogramSet,
    Synthetic,
    TokenSet,
    VectorSet,
)
from hf_distill.synthetic.default import default_set
from tests.hub.conftest import (
    audio_spec,
    columns_spec,
    frames_spec,
    image_spec,
    mixed_spec,
    signal_spec,
    vector_spec,
    with_values,
)
from tests.hub.test_series_format import SPECS

import_parts()
# A set of texts decodes to numbers of tokens, which tests/synthetic/test_tokens.py looks at, and whole rows to nothing:
# tests/methods/test_rows.py.
SETS = sorted(cls.__name__ for cls in concrete(Synthetic) if cls not in (TokenSet, RowsSet))
PARTS = {"labels": concrete(Labels), "weights": concrete(Weights)}
KINDS = sorted({(option, cls.__name__) for option, classes in PARTS.items() for cls in classes})

INPUTS = {
    "image": image_spec,
    "frames": frames_spec,
    "audio": audio_spec,
    "vector": vector_spec,
    "signal": signal_spec,
    "columns": columns_spec,
    "mixed": mixed_spec,
}


def spec_of(synthetic):
    if isinstance(synthetic, SeriesSet):
        return SPECS["text"]
    if isinstance(synthetic, MotionSet):
        return frames_spec()
    if isinstance(synthetic.labels, ValueLabels):
        return with_values(image_spec())
    if isinstance(synthetic, SpectrogramSet):
        return audio_spec()
    if isinstance(synthetic, MixedSet):
        return mixed_spec()
    if isinstance(synthetic, CosineSet):
        return signal_spec()
    return vector_spec() if isinstance(synthetic, VectorSet) else image_spec()


def filled(synthetic, spec=None):
    """A set with random samples, or a series that is long enough for a window."""
    inner = synthetic.synthetic if isinstance(synthetic, QuantizedSet) else synthetic
    spec, generator = spec or spec_of(inner), torch.Generator().manual_seed(0)
    if isinstance(inner, SeriesSet):
        inner.resize(24)
        x, y = torch.randn(24, spec.num_channels, generator=generator), torch.arange(24)
    else:
        inner.resize(2)
        y = torch.arange(spec.num_groups).repeat_interleave(2)
        y = y if spec.target == "classes" else torch.randn(len(y), spec.num_outputs, generator=generator)
        x = torch.randn(len(y), *spec.shape, generator=generator) / 2
        if spec.kind == "mixed":  # the last ones are numbers of tokens, of texts that are filled up at the end
            x[:, -4:] = torch.tensor([3.0, 1, 2, 0])
    w = 0.5 + torch.rand(len(x), generator=generator)
    synthetic.initialize(x, y, spec, w / w.mean())
    return synthetic


def check(synthetic, folder):
    """A set is published, read back and decoded to what it stood for, and what is learned has a gradient."""
    decoded = synthetic()
    made = DistilledDataset.from_synthetic(synthetic, config={"method": {"class_path": "Coreset"}})
    loaded = DistilledDataset.from_pretrained(made.save_pretrained(folder))
    exact, soft = loaded.exact(), decoded.y.is_floating_point()
    inner = synthetic.synthetic if isinstance(synthetic, QuantizedSet) else synthetic
    rounded = 0.5 / 255 / 0.2 if type(synthetic).__name__ == "GeneratedSet" else 0
    assert (exact.x - decoded.x).abs().max() <= rounded + 1e-5
    assert torch.allclose(exact.w, decoded.w, atol=1e-6) and torch.equal(loaded.batch().w, made.w)
    if not isinstance(inner, SeriesSet):
        assert torch.allclose(exact.y.float(), decoded.y.float(), atol=1e-6)
        assert (
            torch.equal(loaded.y, inner.spec.goal.published(inner.spec, decoded.y))
            and exact.y.is_floating_point() is soft
        )
    assert loaded.bits["codes"] == synthetic.bits()
    every = synthetic.view(decoded, torch.arange(synthetic.examples(decoded)))
    loss = every.x.square().flatten(1).sum(1)
    if soft:
        loss = loss + every.y @ torch.arange(float(every.y.shape[1]))
    (loss * every.w).sum().backward()
    assert all(parameter.grad is not None for parameter in synthetic.parameters())
    grouped = [parameter for group in synthetic.param_groups(1.0) for parameter in group["params"]]
    assert {id(parameter) for parameter in grouped} == {id(parameter) for parameter in synthetic.parameters()}
    before = {name: values.clone() for name, values in synthetic.state_dict().items()}
    other = copy.deepcopy(synthetic)
    other.load_state_dict(before)
    assert torch.equal(other().x, decoded.x)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_published_and_decoded(name, tmp_path):
    check(filled(getattr(hf_distill, name)()), tmp_path / "set")


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_quantized(name, tmp_path):
    if name != "QuantizedSet":
        granularity = "channel" if issubclass(getattr(hf_distill, name), HarmonicSet) else "tensor"
        quantizer = UniformQuantizer(bits=6, granularity=granularity)
        check(filled(QuantizedSet(synthetic=getattr(hf_distill, name)(), quantizer=quantizer)), tmp_path / "set")


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("kind", INPUTS)
def test_the_set_of_every_kind_holds_it(kind, quantized, tmp_path):
    inner, spec = default_set(kind, per_class=2), INPUTS[kind]()
    assert spec.kind == kind
    made = QuantizedSet(synthetic=inner, quantizer=UniformQuantizer(bits=6)) if quantized else inner
    check(filled(made, spec), tmp_path / "set")


def test_every_kind_of_inputs_is_here():
    assert INPUTS.keys() | {"text"} == KINDS_OF_INPUTS.keys()  # texts: tests/synthetic/test_tokens.py


@pytest.mark.parametrize(("option", "name"), KINDS)
@pytest.mark.parametrize("quantized", [False, True])
def test_labels_and_weights_are_part_of_a_set(option, name, quantized, tmp_path):
    top = {"top": 2} if name == "TopLabels" else {}
    inner = hf_distill.PixelSet(**{option: getattr(hf_distill, name)(**top)})
    check(filled(QuantizedSet(synthetic=inner) if quantized else inner), tmp_path / "set")


@pytest.mark.parametrize("name", SETS)
def test_a_description_makes_the_same_set(name):
    described = {"class_path": "Undistilled", "init_args": {"synthetic": getattr(hf_distill, name)().config()}}
    parser = build_parser()
    again = parser.instantiate(parser.parse_object({"method": json.loads(json.dumps(described))})).method.synthetic
    assert again.config() == described["init_args"]["synthetic"]
