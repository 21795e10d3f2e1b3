"""StatisticsMatching: images recovered from the statistics of a teacher, in chunks."""

import pytest
import torch

from hf_distill.augment import RandomViews
from hf_distill.data.real import RealData
from hf_distill.errors import Interrupted, UserError
from hf_distill.initialization import NoiseSamples
from hf_distill.labels import DenseLabels
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.methods.start import read_start
from hf_distill.networks import ConvNet
from hf_distill.objectives import StatisticsMatching
from hf_distill.objectives.layer_inputs import by_patch, moments
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from hf_distill.training import Adam, Recipe, Teacher
from tests.evaluation.sets import table, vectors

TEACHER = Teacher(network=ConvNet(width=4, depth=2, norm="batch"), recipe=Recipe(epochs=3, batch_size=32))
WHOLE = RandomViews(least=1.0, flip=0.0)


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(table(60, 0), table(30, 1)).setup()


def filled(real):
    synthetic = PixelSet(per_class=2)
    batch = NoiseSamples().draw(real, 2, Streams(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    return synthetic


def test_the_terms_are_those_of_the_paper(real):
    synthetic = filled(real)
    objective = StatisticsMatching(teacher=TEACHER, weight=0.1, first=5.0, views=WHOLE)
    terms = objective(synthetic, real, Streams(0))
    network = TEACHER.experts(real).networks[0]
    convolution, norm, *_ = network.body
    x = convolution(synthetic.pixels)  # what the first batch normalisation is given
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    first = (mean - norm.running_mean).norm() + (variance - norm.running_var).norm()
    again, second = network.body[:4](synthetic.pixels), network.body[4:6]
    x = second[0](again)
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    other = (mean - second[1].running_mean).norm() + (variance - second[1].running_var).norm()
    assert torch.allclose(terms["statistics"], 0.1 * (5 * first + other), rtol=1e-4)
    expected = torch.nn.functional.cross_entropy(network(synthetic.pixels), synthetic().y)
    assert torch.allclose(terms["cross_entropy"], expected, rtol=1e-4)
    sum(terms.values()).backward()
    assert not any(parameter.requires_grad for parameter in objective._networks[0].parameters())
    assert torch.equal(objective(synthetic, real, Streams(0, rank=3))["statistics"], terms["statistics"])


def test_convolutions_are_given_what_they_are_given_for_real_rows(real):
    synthetic = filled(real)
    plain = Teacher(
        network=ConvNet(width=4, depth=2, norm="instance"), recipe=TEACHER.recipe
    )  # nothing but convolutions
    objective = StatisticsMatching(teacher=plain, weight=0.1, first=5.0, views=WHOLE, convolutions=True)
    statistics = objective(synthetic, real, Streams(0))["statistics"]
    block = plain.experts(real).networks[0].body[:4]
    rows = real.train.batch(torch.arange(60)).x
    distances = []
    for seen, normal in ((synthetic.pixels, rows), (block(synthetic.pixels), block(rows))):
        (mean, variance), (own_mean, own_variance) = (
            (x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)) for x in (normal, seen)
        )
        distances.append((own_mean - mean).norm() + (own_variance - variance).norm())
    torch.testing.assert_close(statistics, 0.1 * (5 * distances[0] + distances[1]), rtol=1e-4, atol=1e-5)
    # Inputs are normalised by the training rows, so that the first convolution is given mean 0 and variance 1 of them.
    first = next(iter(objective._expected(0, real).values()))
    torch.testing.assert_close(first, torch.tensor([[0.0], [1.0]]), rtol=0, atol=1e-3)
    both = StatisticsMatching(teacher=TEACHER, views=WHOLE, convolutions=True)
    normal = StatisticsMatching(teacher=TEACHER, views=WHOLE)
    assert both(synthetic, real, Streams(0))["statistics"] > normal(synthetic, real, Streams(0))["statistics"]


def test_patches_are_compared_place_by_place(real):
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert by_patch(x, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    mean, variance = moments(by_patch(x, 2), torch.ones(1))
    assert mean.tolist() == [2.5, 4.5, 10.5, 12.5] and variance.tolist() == [4.25] * 4
    assert by_patch(torch.ones(2, 3, 5, 4), 2).shape == (2, 6, 12)  # enlarged to 6 by 4
    plain = Teacher(network=ConvNet(width=4, depth=1, norm="instance"), recipe=TEACHER.recipe)
    options = {"teacher": plain, "weight": 1.0, "first": 2.0, "views": WHOLE, "convolutions": True}
    synthetic = filled(real)
    alone, both = (StatisticsMatching(**options, patches=side)(synthetic, real, Streams(0)) for side in (0, 4))
    rows, squares = real.train.batch(torch.arange(60)).x, 0.0
    for top, left in ((0, 0), (0, 4), (4, 0), (4, 4)):
        own, normal = (part[:, :, top : top + 4, left : left + 4] for part in (synthetic.pixels, rows))
        apart = own.mean() - normal.mean(), own.var(correction=0) - normal.var(correction=0)
        squares = squares + torch.stack(apart).square()
    difference = both["statistics"] - alone["statistics"]
    torch.testing.assert_close(difference, 2 * squares.sqrt().sum(), rtol=1e-3, atol=1e-4)
    with pytest.raises(UserError, match=r"set objective.convolutions=true"):
        StatisticsMatching(teacher=TEACHER, patches=4).check(real)


def test_a_moving_average_is_compared_and_has_the_gradient_of_the_present(real):
    synthetic, objective = filled(real), StatisticsMatching(teacher=TEACHER, views=WHOLE, average=0.75)
    convolution = TEACHER.experts(real).networks[0].body[0]
    seen = []
    for _ in range(2):
        objective(synthetic, real, Streams(0))
        x = convolution(synthetic.pixels)
        seen.append(torch.stack([x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)]).detach())
        synthetic.pixels.data *= 0.5
    torch.testing.assert_close(objective._averages["0.body.1"], 0.75 * seen[0] + 0.25 * seen[1])
    present = torch.tensor([[2.0], [3.0]], requires_grad=True)
    value = objective._averaged("another", torch.tensor([[6.0], [7.0]])) * 0 + objective._averaged("another", present)
    value.sum().backward()
    assert value.flatten().tolist() == [5.0, 6.0] and present.grad.flatten().tolist() == [1.0, 1.0]


def test_parts_shrink_along_the_curriculum(real):
    objective = StatisticsMatching(teacher=TEACHER, views=RandomViews(least=0.1, flip=0.0), curriculum=0.5)
    x = torch.randn(4, 1, 8, 8)
    objective.prepare(filled(real), real, 10)
    torch.testing.assert_close(objective._seen(x, Streams(0)), x)  # the whole image at first
    assert not torch.allclose(objective._seen(x, Streams(0).at(5)), x)
    assert objective.views.least == 0.1


def method(**options):
    objective = StatisticsMatching(teacher=TEACHER, weight=0.1, convolutions=True, average=0.5)
    options = {"steps": 6, "optimizer": "adam", "lr": 0.1, "checkpoint_every": 2, "preview_every": 0, **options}
    return OptimizedDistillation(
        synthetic=PixelSet(per_class=3), objective=objective, initial=NoiseSamples(), **options
    )


def test_images_are_recovered(real):
    teacher = Teacher(network=TEACHER.network, recipe=Recipe(epochs=20, batch_size=32, optimizer=Adam(lr=0.01)))
    made = OptimizedDistillation(
        synthetic=PixelSet(per_class=3),
        objective=StatisticsMatching(teacher=teacher, weight=0.1, views=RandomViews(least=0.5, flip=0.0)),
        initial=NoiseSamples(),
        steps=40,
        optimizer="adam",
        lr=0.1,
        chunk=3,
    ).distill(real, Run(progress=False))
    experts = teacher.experts(real)
    noise = NoiseSamples().draw(real, 3, Streams(0))
    before, after = (experts.probabilities(x)[torch.arange(9), noise.y].mean() for x in (noise.x, made.x))
    assert after > before + 0.2 and made.y.tolist() == [0] * 3 + [1] * 3 + [2] * 3


class Stop:
    """Asks to stop once, at the tenth look: in the middle of the second chunk."""

    seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @property
    def requested(self):
        Stop.seen += 1
        return Stop.seen == 10


def test_a_run_goes_on_in_the_middle_of_a_chunk(real, tmp_path, monkeypatch):
    whole = method(chunk=1).distill(real, Run(folder=tmp_path / "whole", progress=False))
    monkeypatch.setattr("hf_distill.methods.optimized.StopRequest", Stop)
    run = {"folder": tmp_path / "again", "progress": False}
    with pytest.raises(Interrupted, match="stopped after step"):
        method(chunk=1).distill(real, Run(**run))
    assert len(list((tmp_path / "again" / "chunks").glob("*.pt"))) == 1 and method().is_unfinished(tmp_path / "again")
    with pytest.raises(UserError, match="holds an unfinished run"):
        method(chunk=1).distill(real, Run(**run))
    with pytest.raises(UserError, match="another configuration"):
        method(chunk=1, lr=0.2).distill(real, Run(**run, resume=True))
    again = method(chunk=1).distill(real, Run(**run, resume=True))
    assert again.packed == whole.packed
    begun = read_start(tmp_path / "again", again.config)
    assert begun is not None and len(begun) == 9  # the start of the whole set, not of a chunk
    method().finish(tmp_path / "again")
    assert not method().is_unfinished(tmp_path / "again")


def test_what_cannot_be_recovered_is_refused_before_the_work(real):
    plain = Teacher(network=ConvNet(width=4, depth=2))
    with pytest.raises(UserError, match=r"no batch normalisation.*norm: batch"):
        StatisticsMatching(teacher=plain).check(real)
    with pytest.raises(UserError, match="recovers images with classes"):
        StatisticsMatching(teacher=TEACHER).check(RealData.from_dataset(vectors(30, 0)).setup())
    with pytest.raises(UserError, match="set their mix to none"):
        StatisticsMatching(teacher=TEACHER, views=RandomViews(mix="cutmix")).check(real)
    with pytest.raises(UserError, match=r"method\.chunk divides a PixelSet"):
        OptimizedDistillation(
            synthetic=PixelSet(labels=DenseLabels()), objective=StatisticsMatching(teacher=TEACHER), chunk=1
        ).fit(real, Run())
