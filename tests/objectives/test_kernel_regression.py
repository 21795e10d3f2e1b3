"""Kernel regression against its primal problem, a gradient descent to the end, and a wide network."""

import math

import pytest
import torch
from datasets import Dataset
from torch.nn.functional import conv2d

from hf_distill.augment import SiameseAugment
from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.labels import DenseLabels, ValueLabels
from hf_distill.objectives import KernelRegression
from hf_distill.objectives.kernels import ridge_prediction, tangent_kernel
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet, VectorSet
from tests.objectives.sets import TINY, fresh, harmonic_set, pixel_set, small_series
from tests.objectives.test_target_cells import lines


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(math.prod(shape))).double()


def test_the_solution_is_that_of_the_primal_problem():
    """``(X^T W X + r I)^-1 X^T W y`` has as many unknowns as there are features, and is the same regression."""
    x, y, others, w = drawn(6, 4), drawn(6, 3), drawn(5, 4), torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0, 0.5]).double()
    found = ridge_prediction(others @ x.T, x @ x.T, y, w, ridge=0.01)
    level = 0.01 * (x.square().sum(1) * w).sum() / 6
    gram = x.T @ (w[:, None] * x) + level * torch.eye(4).double()
    assert torch.allclose(found, others @ torch.linalg.solve(gram, x.T @ (w[:, None] * y)), atol=1e-5)


def test_without_a_ridge_the_set_itself_is_fitted():
    x, y = drawn(6, 10), drawn(6, 3)
    assert torch.allclose(ridge_prediction(x @ x.T, x @ x.T, y, torch.ones(6), ridge=1e-9), y, atol=1e-5)


def test_a_kernel_that_is_none_gives_no_number():
    assert ridge_prediction(drawn(3, 2), -torch.eye(2).double(), drawn(2, 1), torch.ones(2), ridge=0.1).isnan().all()


def test_the_loss_and_its_gradients_are_those_of_the_formula(digits):
    """Written out plainly in double precision, with learned labels; finite differences of the loss agree."""
    synthetic = PixelSet(per_class=1, labels=DenseLabels())
    start = digits.sample(list(range(10)), 1, torch.Generator().manual_seed(0))
    synthetic.initialize(start.x, start.y, digits.spec)
    with torch.no_grad():
        synthetic.labels.values.add_(0.02)
    objective = KernelRegression(pool=fresh(TINY), real_batch=30, ridge=1e-3)
    loss = objective(synthetic, digits, Streams(0))["regression"]
    loss.backward()
    network = TINY.build((1, 8, 8), 10, Streams(0).seed_for("network")).double()
    real = digits.draw(30, Streams(0).generator("real"))
    truth = torch.eye(10).double()[real.y] - 0.1
    x, y = (v.detach().double().requires_grad_() for v in (synthetic().x, synthetic().y))
    ours, theirs = network.features(x), network.features(real.x.double())
    kernel = ours @ ours.T
    inverse = torch.linalg.inv(kernel + 1e-3 * kernel.trace() / 10 * torch.eye(10))
    expected = (theirs @ ours.T @ inverse @ (y - 0.1) - truth).square().sum(1).mean() / 2
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    assert torch.allclose(synthetic.pixels.grad.double(), x.grad, atol=1e-5)
    # The label that is read is a share of its sum: the gradient of what is stored is without its mean.
    shares = synthetic.labels.values.detach().double()
    pull = (y.grad - (y.grad * y.detach()).sum(1, keepdim=True)) / shares.sum(1, keepdim=True)
    assert torch.allclose(synthetic.labels.values.grad.double(), pull, atol=1e-5)


def test_the_tangent_kernel_is_that_of_a_wide_network():
    """The mean product of the gradients of all weights and biases, over random networks of one hidden layer."""
    x, width, generator = drawn(4, 5), 50_000, torch.Generator().manual_seed(0)
    first = (torch.randn(width, 5, generator=generator) * (2 / 5) ** 0.5).double()
    before = x @ first.T + 0.1 * torch.randn(width, generator=generator).double()
    second = (torch.randn(width, generator=generator) * 2**0.5).double()
    hidden, slope = before.relu(), (before > 0).double()
    # Weights w / sqrt(n) with w of variance 2, biases 0.1 b: derivatives by unit-variance variables.
    of_second = 2 * hidden @ hidden.T / width + 0.01
    of_first = (slope * second) @ (slope * second).T / width * (2 * x @ x.T / 5 + 0.01)
    assert torch.allclose(tangent_kernel(x, x), of_second + of_first, rtol=0.03, atol=0.03)


def expected_tangent(x, y, depth):
    """A pair of inputs at a time, by the integrals of arc-cosine kernels of order 0 and 1."""
    xx, xy, yy = (2 * float(a @ b) / len(a) + 0.01 for a, b in ((x, x), (x, y), (y, y)))
    tangent = xy
    for _ in range(depth):
        angle = math.acos(max(-1.0, min(1.0, xy / math.sqrt(xx * yy))))
        first = math.sin(angle) + (math.pi - angle) * math.cos(angle)
        order0, order1 = (math.pi - angle) / (2 * math.pi), math.sqrt(xx * yy) * first / (2 * math.pi)
        xy, tangent = 2 * order1 + 0.01, 2 * order1 + 0.01 + 2 * order0 * tangent
        xx, yy = xx + 0.01, yy + 0.01
    return tangent


def test_the_tangent_kernel_of_convolutions_is_that_of_wide_ones():
    """Of two convolutions and a layer on all places, weights divided by the root of what they see."""
    x, width = drawn(3, 2, 4, 5), 250
    shapes = {"first": (width, 2, 3, 3), "second": (width, width, 3, 3), "last": (1, width, 4, 5)}
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        weights[name] = torch.randn(shape, generator=generator).double()
        weights[f"{name} bias"] = torch.randn(shape[0], generator=generator).double()

    def network(weights, image):
        hidden = image[None]
        for name, shape in shapes.items():
            scale = (2 / math.prod(shape[1:])) ** 0.5
            padding = 1 if name != "last" else 0
            hidden = conv2d(hidden, scale * weights[name], 0.1 * weights[f"{name} bias"], padding=padding)
            hidden = hidden if name == "last" else hidden.relu()
        return hidden.sum()

    found = torch.func.vmap(torch.func.grad(network), (None, 0))(weights, x)
    gradients = torch.cat([value.flatten(1) for value in found.values()], 1)
    expected = gradients @ gradients.T
    torch.testing.assert_close(tangent_kernel(x, x, depth=2, window=3), expected, rtol=0.1, atol=0.1)
    assert (tangent_kernel(x, x, depth=2) - expected).abs().max() > 0.5


def test_convolutions_are_of_images():
    vectors = lines(label_column="y", target="values")
    with pytest.raises(UserError, match=r"objective.window is that of images, and these samples are \(1,\)"):
        KernelRegression(kernel="tangent", window=3).prepare(VectorSet(per_class=1), vectors, 1)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_tangent_kernel_of_any_depth(depth):
    x, y = drawn(4, 5), drawn(3, 5)
    expected = torch.tensor([[expected_tangent(a, b, depth) for b in y] for a in x], dtype=torch.float64)
    assert torch.allclose(tangent_kernel(x, y, depth), expected, rtol=1e-9)


def test_a_margin_pulls_labels_whose_likeliest_class_is_hardly_ahead(digits):
    """Of two labels one is ahead by more than a tenth, where the term ends."""
    synthetic = PixelSet(per_class=1, labels=DenseLabels())
    start = digits.sample(list(range(10)), 1, torch.Generator().manual_seed(0))
    synthetic.initialize(start.x, start.y, digits.spec)
    close = torch.full((10,), 0.05)
    close[3], close[7] = 0.32, 0.28
    with torch.no_grad():
        synthetic.labels.values[0] = close
    objective = KernelRegression(kernel="tangent", margin=2.0, real_batch=10)
    term = objective(synthetic, digits, Streams(0))["margin"]
    assert term.item() == pytest.approx(-2 * (9 * 0.1 + 0.04) / 10, rel=1e-4)
    gradient = torch.autograd.grad(term, synthetic.labels.values)[0]
    assert gradient[1:].abs().max() == 0 and gradient[0, 3] < 0 < gradient[0, 7]
    with pytest.raises(UserError, match="margin is that of classes, and what is learned are values"):
        KernelRegression(margin=1.0).prepare(synthetic, lines(label_column="y", target="values"), 1)
    one = RealData.from_dataset(Dataset.from_dict({"v": [[0.0], [1.0]], "label": [0, 0]})).setup()
    with pytest.raises(UserError, match="margin is that of classes, and what is learned is one class: set it to 0"):
        KernelRegression(margin=1.0).prepare(synthetic, one, 1)


def test_orthogonal_and_equal_inputs_by_hand():
    """Of equal inputs the angle is 0: ``2 s + 0.01``; of orthogonal ones cos a is 0.01 / s."""
    x = torch.eye(2, dtype=torch.float64) * 3
    size = 9 + 0.01
    angle = math.acos(0.01 / size)
    share = (math.pi - angle) / math.pi
    across = size * math.sin(angle) / math.pi + share * 0.01 + 0.01 + share * 0.01
    assert tangent_kernel(x, x).flatten().tolist() == pytest.approx(
        [2 * size + 0.01, across, across, 2 * size + 0.01], rel=1e-6
    )


@pytest.mark.parametrize("options", [{"pool": fresh(TINY)}, {"kernel": "tangent"}], ids=["features", "tangent"])
def test_descent_on_it_fits_other_real_samples(digits, options):
    synthetic = pixel_set(digits)
    objective = KernelRegression(**options, real_batch=100, augment=SiameseAugment(strategy="scale"))
    judge = KernelRegression(**options, real_batch=300)
    before = judge(synthetic, digits, Streams(1))["regression"].item()
    for step in range(10):
        loss = objective(synthetic, digits, Streams(0, step=step))["regression"]
        with torch.no_grad():
            synthetic.pixels -= 0.05 * torch.autograd.grad(loss, synthetic.pixels)[0].sign()
    assert judge(synthetic, digits, Streams(1))["regression"].item() < 0.9 * before


@pytest.mark.parametrize("column", ["y", ["plus", "minus"]], ids=["values", "labels"])
def test_a_set_of_all_rows_has_no_error_whatever_is_learned(column):
    """The kernel of rows that differ is positive definite; and of a value that is off by 1 the half square is left."""
    real = lines(label_column=column, target="values" if column == "y" else "labels")
    synthetic = VectorSet(per_class=60, labels=ValueLabels())
    batch = real.train.batch(torch.arange(60))
    synthetic.initialize(batch.x, batch.y, real.spec)
    objective = KernelRegression(kernel="tangent", real_batch=60, ridge=1e-12)
    assert objective(synthetic, real, Streams(0))["regression"].item() < 1e-4
    moved = VectorSet(per_class=60, labels=ValueLabels())
    moved.initialize(batch.x, batch.y + 1, real.spec)
    expected = 0.5 * batch.y.shape[1]
    assert objective(moved, real, Streams(0))["regression"].item() == pytest.approx(expected, rel=1e-2)


def test_a_series_is_refused():
    real = small_series()
    with pytest.raises(UserError, match="KernelRegression needs samples: choose UnrolledMatching"):
        KernelRegression().work(harmonic_set(real), real)
