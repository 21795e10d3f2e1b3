"""What every kind of label and weight must do, for every set of samples, plain and quantized."""

import copy
import math

import numpy as np
import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.labels import DenseLabels, FixedWeights, HardLabels, LearnedWeights, TopLabels, ViewLabels
from hf_distill.quantization import Budget, UniformQuantizer
from hf_distill.synthetic import CoarsePixelSet, GeneratedSet, PixelSet, QuantizedSet, VectorSet
from hf_distill.synthetic.base import all_examples
from tests.synthetic.quantized import read, spec

LABELS = {
    "hard": HardLabels,
    "top": lambda: TopLabels(top=2),
    "top, fixed": lambda: TopLabels(top=2, learned=False),
    "dense": DenseLabels,
    "logits": lambda: DenseLabels(stored="logits"),
    "logits, fixed": lambda: DenseLabels(stored="logits", learned=False),
    "views": lambda: ViewLabels(views=3),
    "top of views": lambda: ViewLabels(labels=TopLabels(top=2), views=3),
}
WEIGHTS = {"none": lambda: None, "fixed": FixedWeights, "learned": LearnedWeights}
SETS = {"pixels": PixelSet, "vectors": VectorSet, "coarse": CoarsePixelSet, "generated": GeneratedSet}
W = torch.tensor([0.5, 1.5, 1.0, 0.25, 2.0, 0.75])  # which average 1


def start(shape):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, *shape, generator=generator) / 2
    likeliest = torch.eye(3)[torch.arange(3).repeat_interleave(2)]
    return x, 0.6 * likeliest + 0.4 * torch.rand(6, 3, generator=generator).softmax(1)


def made(kind, labels, weights, quantized):
    shape = (5,) if kind == "vectors" else (1, 4, 4)
    inner = SETS[kind](per_class=2, labels=LABELS[labels](), weights=WEIGHTS[weights]())
    synthetic = QuantizedSet(synthetic=inner, quantizer=UniformQuantizer(bits=6)) if quantized else inner
    x, y = start(shape)
    synthetic.initialize(x, y, spec(shape), W)
    return synthetic


def written(packed):
    """Bits of all bytes in the columns, and of hard labels that are no bytes."""
    total = 0
    for name, values in packed.columns.items():
        if name == "per_class":
            total += 16
        elif isinstance(values[0], bytes):
            # A class number is two bits here, and 32 as it is written in a plain set.
            total += sum(8 * len(value) for value in values) // (16 if name == "chosen" else 1)
        else:
            total += 2 * len(values)
    return total


CASES = [
    (kind, labels, weights, quantized)
    for kind in SETS
    for labels in LABELS
    for weights in WEIGHTS
    for quantized in (False, True)
    if not (kind == "vectors" and "views" in labels) and (labels == "hard" or weights != "fixed" or kind == "pixels")
]


@pytest.mark.parametrize(("kind", "labels", "weights", "quantized"), CASES)
def test_what_is_written_is_what_is_decoded_and_counted(kind, labels, weights, quantized):
    synthetic = made(kind, labels, weights, quantized)
    decoded, packed, bits = synthetic(), synthetic.pack(), synthetic.bits()
    x, y, w = read(packed, synthetic.spec)
    tolerance = 1e-6 if kind == "coarse" else 0.5 / 255 / 0.25 + 1e-6 if kind == "generated" and not quantized else 0
    assert np.abs(x - decoded.x.detach().numpy()).max() <= tolerance
    assert y.dtype == (np.int64 if labels == "hard" else np.float32) and y.shape == tuple(decoded.y.shape)
    assert np.allclose(y, decoded.y.detach().numpy(), atol=1e-6) and np.allclose(w, decoded.w.detach().numpy())
    assert w.mean() == pytest.approx(1, abs=1e-6) and bits.total == written(packed)
    if quantized:
        assert synthetic.planner().bits(synthetic.spec, 2) == bits and packed.meta["claimed_bits"] == bits.total
    if labels != "hard":
        assert np.allclose(y.sum(-1), 1, atol=1e-6)
    if weights != "none" and not quantized:
        assert np.allclose(w, W, atol=1e-6) and bits.side == 6 * 32


@pytest.mark.parametrize("labels", LABELS)
def test_labels_that_are_joined_are_those_of_all_samples(labels):
    _, y = start((1, 4, 4))
    whole, first, second = (LABELS[labels]() for _ in range(3))
    for own, given in ((whole, y), (first, y[:4]), (second, y[4:])):
        own.taught(given, spec((1, 4, 4)))
    first.join([second])
    assert torch.equal(first.decode(first.codes()), whole.decode(whole.codes()))
    assert torch.equal(first.classes(), whole.classes()) if whole.classes() is not None else first.classes() is None


@pytest.mark.parametrize(
    ("labels", "learned"), [("dense", True), ("logits", True), ("top", True), ("top, fixed", False)]
)
@pytest.mark.parametrize("quantized", [False, True])
def test_gradients_reach_what_is_learned_and_nothing_else(labels, learned, quantized):
    synthetic = made("pixels", labels, "learned", quantized)
    inner = synthetic.synthetic if quantized else synthetic
    batch = synthetic()
    ((batch.y * torch.tensor([1.0, 2.0, 3.0])).sum(1) * batch.w).sum().backward()
    assert bool(list(inner.labels.parameters())) is learned
    assert all(parameter.grad.abs().sum() > 0 for parameter in inner.labels.parameters())
    assert inner.weights.w.grad.abs().sum() > 0
    groups = inner.param_groups(2.0)
    assert [group["lr"] for group in groups] == ([2.0, 2.0, 0.2] if learned else [2.0, 0.2])


def test_learned_weights_stay_positive_and_average_one():
    synthetic = made("vectors", "hard", "learned", False)
    with torch.no_grad():
        synthetic.weights.w.copy_(torch.tensor([-3.0, 1.0, 2.0, 3.0, 4.0, 0.0]))
    synthetic.project()
    w = synthetic().w.detach()
    assert (synthetic.weights.w > 0).all() and float(synthetic.weights.w.detach().mean()) == pytest.approx(1)
    assert float(w.mean()) == pytest.approx(1)
    assert w[4] == pytest.approx(4 * w[1])


def test_a_share_below_zero_comes_back():
    synthetic = made("vectors", "dense", "none", False)
    with torch.no_grad():
        synthetic.labels.values[0] = torch.tensor([-1.0, 0.5, 0.5])
    assert synthetic().y[0].tolist() == [0, 0.5, 0.5]
    synthetic.project()
    synthetic().y[0, 0].backward()
    assert synthetic.labels.values.grad[0, 0] > 0


@pytest.mark.parametrize("labels", LABELS)
def test_a_set_that_is_thinned_keeps_labels_and_weights_of_its_samples(labels):
    synthetic = made("pixels", labels, "fixed", False)
    before = synthetic()
    kept = torch.tensor([0, 3, 4])
    synthetic.keep(kept)
    after = synthetic()
    assert len(after) == 3 and torch.equal(after.x, before.x[kept]) and torch.equal(after.y, before.y[kept])
    torch.testing.assert_close(after.w, before.w[kept] / before.w[kept].mean())


def test_a_budget_counts_labels_and_weights():
    # a sample: 5 values of 2 bits, 3 shares of 4 bits and a weight of 8; beside them three ranges of two float16
    inner = VectorSet(labels=DenseLabels(), weights=FixedWeights())
    quantizers = {"quantizer": UniformQuantizer(bits=2), "labels": UniformQuantizer(bits=4)}
    for spare, samples in ((0, 4), (-1, 3)):
        budget = Budget(total_bytes=12 + 4 * 3 * (10 + 12 + 8) // 8 + spare)
        synthetic = QuantizedSet(synthetic=copy.deepcopy(inner), budget=budget, **quantizers)
        synthetic.planner().plan(spec((5,)))
        assert synthetic.size == samples


def test_views_are_parts_with_labels_of_their_own():
    synthetic = made("pixels", "views", "fixed", False)
    with torch.no_grad():
        synthetic.labels.labels.values.copy_(torch.rand(18, 3, generator=torch.Generator().manual_seed(1)))
    decoded = synthetic()
    assert decoded.y.shape == (6, 3, 3) and synthetic.examples(decoded) == 18
    # Example 7 is the second view of the third sample: a part of half its sides, enlarged.
    some = synthetic.view(decoded, torch.tensor([6, 7]))
    assert torch.allclose(some.x[0], decoded.x[2]) and some.w.tolist() == [decoded.w[2]] * 2
    assert torch.equal(some.y, decoded.y[2, :2]) and torch.equal(some.hard, decoded.y[2, :2].argmax(-1))
    places = [[round((0.5 + view * step) % 1 * 2) for step in (0.75487766, 0.56984029)] for view in (1, 2)]
    top, left = places[0]
    part = decoded.x[2][None, :, top : top + 2, left : left + 2]
    enlarged = torch.nn.functional.interpolate(part, (4, 4), mode="bilinear", align_corners=False)
    assert torch.allclose(some.x[1], enlarged[0], atol=1e-6) and places[0] != places[1]
    whole = all_examples(synthetic, decoded)
    assert len(whole) == 18 and torch.equal(whole.take(torch.tensor([6, 7])).x, some.x)
    assert decoded.hard.tolist() == decoded.y[:, 0].argmax(-1).tolist()


def test_hard_labels_of_probabilities_are_the_likeliest():
    assert made("pixels", "hard", "none", False)().y.tolist() == [0, 0, 1, 1, 2, 2]


def test_logits_are_logarithms_of_what_they_start_from():
    synthetic = made("vectors", "logits", "none", False)
    assert torch.allclose(synthetic().y, start((5,))[1], atol=1e-6)
    hard = VectorSet(per_class=2, labels=DenseLabels(stored="logits"))
    hard.initialize(*start((5,))[:1], torch.arange(3).repeat_interleave(2), spec((5,)))
    assert float(hard.labels.values.detach().min()) == pytest.approx(math.log(1e-3))


def test_mistakes():
    x, y = start((5,))
    for labels, message in (
        (ViewLabels(), "ViewLabels label parts of images"),
        (TopLabels(top=4), r"labels\.top is 4; it must be 1 to 3"),
    ):
        with pytest.raises(UserError, match=message):
            VectorSet(per_class=2, labels=labels).initialize(x, y, spec((5,)))
    with pytest.raises(UserError, match=r"labels\.labels is HardLabels; choose DenseLabels or TopLabels"):
        PixelSet(per_class=2, labels=ViewLabels(labels=HardLabels())).initialize(*start((1, 4, 4)), spec())
