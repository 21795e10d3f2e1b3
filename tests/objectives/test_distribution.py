import math

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.augment import SiameseAugment
from hf_distill.data import Batch, RealData
from hf_distill.errors import UserError
from hf_distill.labels import DenseLabels, HardLabels
from hf_distill.networks import MLP, ConvNet, CustomNetwork
from hf_distill.networks.base import Classifier
from hf_distill.objectives import DistributionMatching, real_chunks
from hf_distill.objectives.class_means import calibrated_temperature, class_means, squared_distances
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet, VectorSet
from tests.objectives.sets import TINY, fresh


def test_class_means_weigh_samples_and_soft_labels():
    features = torch.tensor([[1.0], [3.0], [10.0]])
    hard = Batch(features, torch.tensor([0, 0, 1]), torch.tensor([3.0, 1.0, 2.0]))
    assert class_means(features, hard, 2).flatten().tolist() == [1.5, 10.0]
    soft = Batch.of(features, torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))
    assert class_means(features, soft, 2).flatten().tolist() == pytest.approx([2.5 / 1.5, 11.5 / 1.5])


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


def whole_class(digits, per_class):
    """All samples of every class, as a synthetic set."""
    index = torch.cat([digits.train.class_index(c)[:per_class] for c in range(10)])
    synthetic = PixelSet(per_class=per_class)
    batch = digits.train.batch(index)
    synthetic.initialize(batch.x, batch.y, digits.spec)
    return synthetic


def objective(**kwargs):
    return DistributionMatching(pool=fresh(ConvNet(width=8, depth=2)), **kwargs)


def test_the_whole_class_has_no_loss(digits):
    # 139 samples are the smallest class; asking for a multiple of all classes' sizes gives each class whole.
    smallest = min(digits.spec.class_counts)
    table = Dataset.from_dict(
        {
            "v": [[float(label), i / 10] for label in range(2) for i in range(smallest)],
            "label": [label for label in range(2) for _ in range(smallest)],
        }
    )
    real = RealData.from_dataset(table).setup()
    synthetic = VectorSet(per_class=smallest)
    batch = real.train.batch(torch.arange(2 * smallest))
    synthetic.initialize(batch.x, batch.y, real.spec)
    loss = DistributionMatching(pool=fresh(MLP(width=16)), augment=None, real_per_class=smallest)(
        synthetic, real, Streams(0)
    )
    assert float(loss["features"]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("overlap, uneven", [(0.3, 0), (3.0, 0), (3.0, 1)])
def test_the_calibrated_temperature_has_the_least_cross_entropy(overlap, uneven):
    """Against a scan of temperatures, with every class mean taken anew without the sample."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(8)
    features = torch.eye(3, 5)[labels] + overlap * torch.randn(24, 5, generator=generator)
    w = 1 + uneven * torch.linspace(-0.9, 3, 24)
    batch = Batch(features, labels, w)
    means = class_means(features, batch, 3)
    distances = torch.empty(24, 3)
    for row in range(24):
        rest = torch.arange(24) != row
        without = class_means(features[rest], batch.take(rest.nonzero()[:, 0]), 3)
        distances[row] = (features[row] - without).square().sum(1)
    scan = torch.logspace(-2, 4, 2000)

    def loss(temperature):
        return w @ torch.nn.functional.cross_entropy(-distances / temperature, labels, reduction="none") / w.sum()

    found = calibrated_temperature(features, batch, means)
    assert loss(found).item() == pytest.approx(min(loss(t).item() for t in scan), abs=1e-5)
    assert calibrated_temperature(2 * features, batch, 2 * means).item() == pytest.approx(4 * found.item(), rel=1e-3)


def test_the_calibrated_unit_replaces_the_spread(digits):
    synthetic = whole_class(digits, 2)
    options = {"real_per_class": 20, "discrimination": 1.0}
    found = objective(temperature=0.5, temperature_unit="calibrated", **options)
    term = found(synthetic, digits, Streams(0))["discrimination"]
    view = found._view(synthetic, digits, Streams(0))
    same = objective(temperature=0.5 * float(view.unit / view.spread), **options)
    assert term.item() == pytest.approx(same(synthetic, digits, Streams(0))["discrimination"].item(), rel=1e-5)
    assert view.unit != view.spread


def test_chunks_change_nothing(digits):
    """Neither of the real side nor of the set, which in many parts is computed again for its gradient."""
    losses, gradients = [], []
    for chunk in (1, 7, 1000):
        synthetic = whole_class(digits, 4)
        loss = objective(real_per_class=20, chunk=chunk)(synthetic, digits, Streams(0))["features"]
        loss.backward()
        losses.append(loss.item())
        gradients.append(synthetic.pixels.grad)
    assert losses == pytest.approx([losses[-1]] * 3, rel=1e-4)
    assert all(torch.allclose(g, gradients[-1], atol=1e-5 * gradients[-1].abs().max().item()) for g in gradients)


def test_batch_statistics_are_those_of_the_whole_set(digits):
    matching = DistributionMatching(
        pool=fresh(ConvNet(width=4, depth=1, norm="batch")), augment=None, real_per_class=20, chunk=7
    )
    synthetic = whole_class(digits, 4)
    loss = matching(synthetic, digits, Streams(0))["features"]
    view = matching._view(synthetic, digits, Streams(0))
    means = class_means(view.eyes.network.features(synthetic().x), synthetic(), 10)
    assert loss.item() == pytest.approx((means - view.means).square().sum().item(), rel=1e-5)


def test_real_samples_are_read_a_few_classes_at_a_time(digits, monkeypatch):
    synthetic, seen = whole_class(digits, 1), []
    sample = digits.sample
    monkeypatch.setattr(real_chunks, "_HELD", 1)
    monkeypatch.setattr(digits, "sample", lambda classes, count, g: seen.append(classes) or sample(classes, count, g))
    objective(real_per_class=20, chunk=70)(synthetic, digits, Streams(0))
    assert seen == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    seen.clear()
    objective(real_per_class=20, chunk=7)(synthetic, digits, Streams(0))
    assert seen == [[label] for label in range(10)]


def test_means_of_many_classes_take_no_matrix_of_samples_and_classes():
    count = 200_000  # the matrix would take 160 GB
    features = torch.arange(2.0 * count).view(count, 2).requires_grad_()
    means = class_means(features, Batch.of(features, torch.arange(count).flip(0)), count)
    assert torch.equal(means, features.flip(0))
    means[0].sum().backward()
    assert features.grad[-1].tolist() == [1, 1] and features.grad[:-1].eq(0).all()


def test_normalised_matching_and_discrimination_by_hand():
    """Two classes at 0 and 2 in one dimension, a network that is the identity, synthetic samples at 0 and 1."""
    table = Dataset.from_dict({"v": [[0.0], [2.0]], "label": [0, 1]})
    real = RealData.from_dataset(table).setup()  # normalised: -1 and 1

    class Identity(MLP):
        def build(self, shape, num_classes, seed):
            return Classifier(torch.nn.Identity(), 1, num_classes)

    synthetic = VectorSet(per_class=1)
    synthetic.initialize(torch.tensor([[-1.0], [0.0]]), torch.arange(2), real.spec)
    matching = DistributionMatching(
        pool=fresh(Identity()), augment=None, real_per_class=1, normalize=True, discrimination=3.0, temperature=0.5
    )
    terms = matching(synthetic, real, Streams(0))
    # Squared distances to the means' centre are 1 and 1; the second synthetic mean is off by 1.
    assert float(terms["features"]) == pytest.approx(1 / 2)
    # Logits -d / 0.5: real -1 sees (0, 1), real 1 sees (4, 1).
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-6))) / 2
    assert float(terms["discrimination"]) == pytest.approx(3 * expected, rel=1e-5)


def test_cells_are_matched_one_by_one():
    """A class at 0 and 4 in two cells, with synthetic samples at 1 and 3: equal class means, and yet a loss."""
    table = Dataset.from_dict({"v": [[0.0]] * 5 + [[4.0]] * 3 + [[9.0]] * 2, "label": [0] * 8 + [1] * 2})
    real = RealData.from_dataset(table).setup()

    class Identity(MLP):
        def build(self, shape, num_classes, seed):
            return Classifier(torch.nn.Identity(), 1, num_classes)

    synthetic = VectorSet(per_class=2)
    values = (torch.tensor([[3.0], [1.0], [9.0], [9.0]]) - real.spec.mean[0]) / real.spec.std[0]
    synthetic.initialize(values, torch.tensor([0, 0, 1, 1]), real.spec)
    matching = DistributionMatching(pool=fresh(Identity()), augment=None, real_per_class=4, cell_size=1)
    matching.prepare(synthetic, real, 1)
    loss = matching(synthetic, real, Streams(0))["features"]
    loss.backward()
    scale = real.spec.std[0]
    assert loss.item() == pytest.approx(2 / scale**2, rel=1e-5)  # 3 for 4, 1 for 0; class 1 is one cell and right
    expected = [[-2 / scale], [2 / scale], [0], [0]]
    assert torch.allclose(synthetic.pixels.grad, torch.tensor(expected), atol=1e-5)


def test_a_resumed_objective_keeps_the_cells(digits):
    synthetic = whole_class(digits, 4)
    first = objective(cell_size=2)
    first.prepare(synthetic, digits, 1)
    late = objective(cell_size=2)
    late.load_state_dict(first.state_dict())
    moved = whole_class(digits, 4)
    with torch.no_grad():
        moved.pixels.copy_(synthetic.pixels.flip(0))
    late.prepare(moved, digits, 1)
    assert torch.equal(late._member, first._member)
    assert torch.bincount(first._member).tolist() == [2] * 20


def test_squared_distances():
    points, centres = torch.randn(5, 3), torch.randn(2, 3)
    assert torch.allclose(squared_distances(points, centres), torch.cdist(points, centres).square(), atol=1e-5)


def test_every_step_has_a_new_view_unless_it_is_reused(digits):
    synthetic = whole_class(digits, 1)
    made = []

    class Counting(DistributionMatching):
        def _make_view(self, synthetic, real, streams):
            made.append(streams.step)
            return super()._make_view(synthetic, real, streams)

    small = {"pool": fresh(TINY), "real_per_class": 2}
    new = Counting(**small)
    for step in range(3):
        new(synthetic, digits, Streams(0, step=step))
    assert made == [0, 1, 2]
    made.clear()
    pooled = Counting(**small, views=2, reuse=3)
    for step in range(12):
        pooled(synthetic, digits, Streams(0, step=step))
    assert made == [0, 1, 6, 7]


def test_a_resumed_objective_sees_the_same_views(digits):
    synthetic = whole_class(digits, 1)
    settings = {"real_per_class": 4, "views": 3, "reuse": 4}
    through = objective(**settings)
    losses = [float(through(synthetic, digits, Streams(5, step=step))["features"]) for step in range(20)]
    late = objective(**settings)
    assert [float(late(synthetic, digits, Streams(5, step=s))["features"]) for s in range(7, 20)] == losses[7:]


def test_real_and_synthetic_share_the_augmentation(digits):
    """With the same samples on both sides any augmentation gives no loss; with different parameters it would."""
    one = Dataset.from_dict({"image": [digits_image(digits, c) for c in range(2)], "label": [0, 1]})
    real = RealData.from_dataset(one).setup()
    synthetic = PixelSet(per_class=1)
    batch = real.train.batch(torch.arange(2))
    synthetic.initialize(batch.x, batch.y, real.spec)
    matching = DistributionMatching(
        pool=fresh(ConvNet(width=8, depth=2)), augment=SiameseAugment(mode="M"), real_per_class=1
    )
    for step in range(5):
        assert float(matching(synthetic, real, Streams(0, step=step))["features"]) == pytest.approx(0, abs=1e-6)


def digits_image(digits, label):
    from PIL import Image

    return Image.fromarray(digits.train.raw(digits.train.class_index(label)[:1])[0, 0].numpy())


def test_vectors_refuse_augmentation():
    real = RealData.from_dataset(Dataset.from_dict({"v": [[0.0, 1.0], [1.0, 0.0]], "label": [0, 1]})).setup()
    synthetic = VectorSet(per_class=1)
    batch = real.train.batch(torch.arange(2))
    synthetic.initialize(batch.x, batch.y, real.spec)
    with pytest.raises(UserError, match="augment=null"):
        DistributionMatching(pool=fresh(MLP(width=4)), augment=SiameseAugment())(synthetic, real, Streams(0))
    # What is left out is no augmentation here.
    losses = [
        DistributionMatching(pool=fresh(MLP(width=4)), **options)(synthetic, real, Streams(0))["features"]
        for options in ({}, {"augment": None})
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("options", [{}, {"normalize": True, "discrimination": 0.5}])
@pytest.mark.parametrize("labels", [HardLabels, DenseLabels])
def test_a_class_without_samples_is_as_if_it_were_not_there(options, labels):
    """With natural balance the set has none of it either, and the loss is that of the other classes alone."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=generator) + torch.arange(40)[:, None] % 2
    losses, gradients = [], []
    for names, found in ((["a", "b"], [0, 1]), (["a", "none", "b"], [0, 2])):
        features = Features({"x": List(Value("float32")), "label": ClassLabel(names=names)})
        rows = {"x": x.tolist(), "label": [found[row % 2] for row in range(40)]}
        data = Dataset.from_dict(rows, features=features)
        real = RealData.from_dataset(data, class_balance="natural").setup()
        synthetic = VectorSet(per_class=2, labels=labels())
        batch = real.train.batch(torch.arange(6))
        synthetic.initialize(batch.x, batch.y, real.spec)
        matching = DistributionMatching(pool=fresh(MLP(width=4, depth=1)), augment=None, real_per_class=8, **options)
        matching.prepare(synthetic, real, 1)
        terms = matching(synthetic, real, Streams(1))
        losses.append({name: value.item() for name, value in terms.items()})
        torch.stack(list(terms.values())).sum().backward()
        gradients += [p.grad[:, found] for p in synthetic.labels.parameters()]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert labels is HardLabels or torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("distance", ["mean", "mmd", "characteristic"])
@pytest.mark.parametrize("counts", [(5,), (60, 4)])
def test_a_set_of_one_class_is_learned(distance, counts):
    """The data have no other one, or few rows of it and the set none: there are no distances to divide by."""
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    x = torch.randn(len(labels), 5, generator=torch.Generator().manual_seed(0))
    features = Features({"x": List(Value("float32")), "label": ClassLabel(num_classes=len(counts))})
    data = Dataset.from_dict({"x": x.tolist(), "label": labels}, features=features)
    real = RealData.from_dataset(data, class_balance="natural").setup()
    synthetic = VectorSet(per_class=1)
    synthetic.initialize(*(values[:2] for values in (x, torch.tensor(labels))), real.spec)
    matching = DistributionMatching(
        pool=fresh(MLP(width=4, depth=1)),
        real_per_class=4,
        distance=distance,
        normalize=True,
        discrimination=1.0,
        temperature_unit="calibrated",
    )
    matching.prepare(synthetic, real, 1)
    terms = matching(synthetic, real, Streams(1))
    terms["features"].backward()
    assert terms["features"] > 0 and terms["discrimination"] == 0 and synthetic.pixels.grad.isfinite().all()


def test_labels_of_a_class_without_samples_have_no_gradient_of_next_to_nothing():
    y = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], requires_grad=True)
    class_means(torch.tensor([[1.0], [3.0]]), Batch.of(torch.zeros(2, 1), y), 3).sum().backward()
    # The first class has the mean (1 + 3 / 2) / 1.5 = 5 / 3, which a share moves by (f - 5 / 3) / 1.5.
    assert torch.allclose(y.grad, torch.tensor([[-4 / 9, -4, 0], [8 / 9, 0, 0]]))


def test_a_resumed_objective_keeps_the_classes(digits):
    """Labels are learned: by then a sample may be likelier of another class."""
    synthetic = PixelSet(per_class=1, labels=DenseLabels())
    batch = digits.train.batch(torch.cat([digits.train.class_index(label)[:1] for label in range(9)]))
    synthetic.initialize(batch.x, batch.y, digits.spec)
    first, late = objective(real_per_class=2), objective(real_per_class=2)
    first.prepare(synthetic, digits, 1)
    late.load_state_dict(first.state_dict())
    with torch.no_grad():
        synthetic.labels.values.copy_(synthetic.labels.values.roll(1, 1))
    late.prepare(synthetic, digits, 1)
    assert late._present.tolist() == first._present.tolist() == list(range(9))


def test_dropout_draws_from_the_streams(digits, monkeypatch, request):
    """Whatever torch's own generator has been used for, and in a run that goes on with a view that was made before."""
    monkeypatch.syspath_prepend(str(request.config.rootpath))
    network = CustomNetwork(function="tests.networks.sample_networks:with_dropout")
    synthetic, losses = whole_class(digits, 1), []
    for first in (0, 1):
        torch.rand(1 + first)
        matching = DistributionMatching(pool=fresh(network), real_per_class=2, reuse=2)
        for step in range(first, 2):
            losses.append(matching(synthetic, digits, Streams(0, step=step))["features"].item())
    assert losses[1] == losses[2] and losses[0] != losses[1]


def test_a_network_stands_for_a_pool_of_fresh_ones():
    short, long = DistributionMatching(network=TINY), DistributionMatching(pool=fresh(TINY))
    assert short.config() == long.config()
    with pytest.raises(UserError, match="leave one of them out"):
        DistributionMatching(network=TINY, pool=fresh(TINY))
