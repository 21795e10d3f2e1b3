import math

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.selection import (
    FacilityLocationSelector,
    GraphCutSelector,
    HerdingSelector,
    KCenterSelector,
    KMeansSelector,
    KMeansSensitivitySelector,
    LeverageSelector,
    NormSelector,
    RandomSelector,
)
from hf_distill.selection.certificate import bounded_error, centre_queries, needed_size, relative_errors, spread_of
from hf_distill.selection.leverage import leverage_scores
from hf_distill.selection.sampling import draw, inclusion

DRAWS = 200


def uneven(rows: int = 600) -> torch.Tensor:
    """A large cloud, a small one far away and single rows far out."""
    x = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0))
    x[-20:] += 8
    x[-3:] *= 6
    return x


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


SAMPLED = {
    "kmeans": KMeansSensitivitySelector(centres=3),
    "leverage": LeverageSelector(),
    "labels": LeverageSelector(labels=True),
    "gaussian": LeverageSelector(kernel="gaussian"),
    "norms": NormSelector(pick="random"),
}


def fitted(name: str):
    x = uneven()
    selector = SAMPLED[name]
    return selector.fit(x, x[:, :1] + x[:, 1:2].square()) if name == "labels" else selector.fit(x)


def test_probabilities_are_proportional_and_one_at_most():
    sizes = torch.tensor([1.0, 2.0, 3.0, 94.0])
    assert inclusion(sizes, 3).tolist() == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert inclusion(sizes, 2).tolist() == pytest.approx([1 / 6, 2 / 6, 3 / 6, 1])
    assert inclusion(sizes, 4).tolist() == [1] * 4 and inclusion(torch.ones(4), 1).tolist() == [0.25] * 4


def test_rows_are_drawn_with_their_probabilities_and_no_two_more_often_than_alone():
    p = inclusion(torch.arange(1.0, 8.0), 3)
    taken = torch.zeros(1500, 7)
    for seed in range(len(taken)):
        rows = draw(p, 3, generator(seed))
        assert len(set(rows.tolist())) == 3
        taken[seed, rows] = 1
    error = (p * (1 - p) / len(taken)).sqrt()
    assert ((taken.mean(0) - p).abs() < 4 * error + 1e-9).all()
    both = taken.T @ taken / len(taken)
    assert (both - p[:, None] * p < 0.04).masked_fill(torch.eye(7, dtype=torch.bool), True).all()


@pytest.mark.parametrize("name", SAMPLED)
def test_weighted_sums_are_unbiased(name):
    selector = fitted(name)
    # Sums that no selector looks at: the number of rows, a coordinate, and whether a row is far out.
    values = torch.cat((torch.ones(600, 1), uneven()[:, :1], (uneven().norm(dim=1) > 6)[:, None].float()), 1)
    sums = []
    for seed in range(DRAWS):
        rows, weight = selector.select(40, generator(seed))
        sums.append(weight @ values[rows])
    found = torch.stack(sums).double()
    error = found.std(0) / math.sqrt(DRAWS)
    assert ((found.mean(0) - values.sum(0)).abs() <= 3 * error + 1e-6).all(), (found.mean(0), error)


def test_no_choice_of_centres_breaks_the_bound_of_a_sensitivity():
    x = uneven()
    bounds = KMeansSensitivitySelector(centres=3).fit(x).bounds_
    for seed in range(50):
        loss = centre_queries(x * (1 + seed / 10), 3, 8, seed)(x).double()
        assert (loss / loss.sum(0) <= bounds[:, None]).all()
    # 6 a + 4 |B|, as its terms are worked out in the docstring.
    assert float(bounds.sum()) == pytest.approx(6 * 2 * 8 * 2.618 + 4 * 6, rel=1e-6)


def test_leverage_scores_sum_to_the_effective_dimension():
    x = uneven()
    values = torch.linalg.svdvals(x.double()).square()
    scores = leverage_scores(x, 30.0)
    assert float(scores.sum()) == pytest.approx(float((values / (values + 30)).sum()))
    kernel = x.double() @ x.double().T
    exact = (kernel @ torch.linalg.inv(kernel + 30 * torch.eye(len(x)))).diagonal()
    assert torch.allclose(scores, exact, atol=1e-6)


def test_a_gaussian_kernel_is_taken_as_it_is_and_by_landmarks_nearly_so():
    x = uneven(300)
    selector = LeverageSelector(kernel="gaussian", ridge=1e-3).fit(x)
    distance = torch.cdist(x.double(), x.double()).square()
    kernel = (-distance / distance[distance > 0].median()).exp()
    exact = (kernel @ torch.linalg.inv(kernel + 1e-3 * 300 * torch.eye(300))).diagonal()
    assert torch.allclose(selector.leverage_, exact, atol=1e-4)
    some = LeverageSelector(kernel="gaussian", ridge=1e-3, exact=10, landmarks=150).fit(x).leverage_
    # Rows that no landmark is near are counted in full; the width is the median distance of the landmarks.
    assert (some >= 0.8 * exact).all() and float(some.sum()) < 1.5 * float(exact.sum())


def test_no_weights_break_the_bound_with_labels():
    x = uneven()
    y = x[:, 0] + x[:, 1].square()
    selector = LeverageSelector(labels=True).fit(x, y)
    mapped = selector._features[:, :-1].double()
    for seed in range(200):
        w = torch.randn(mapped.shape[1], generator=generator(seed)).double() * 10 ** (seed % 5 - 2)
        loss = (mapped @ w - y).square() + selector._ridge * w.square().sum() / len(x)
        assert (loss / loss.sum() <= selector.bounds_ + 1e-9).all()
    assert (selector.bounds_ > LeverageSelector().fit(x).bounds_ - 1e-9).all()
    with pytest.raises(UserError, match="needs targets"):
        LeverageSelector(labels=True).fit(x)


@pytest.mark.parametrize("name", ["kmeans", "leverage", "labels", "random"])
def test_certificates_hold(name):
    selector = RandomSelector().fit(uneven()) if name == "random" else fitted(name)
    selector.select(150, generator())
    certificate = selector.certificate_
    assert certificate.size == 150 and certificate.delta == 0.05 and certificate.epsilon > 0
    queries = centre_queries(uneven(), 10) if name == "random" else selector._queries()
    broken = 0
    for seed in range(DRAWS):
        rows, weight = selector.select(150, generator(seed))
        broken += float(relative_errors(selector._features, rows, weight, queries).max()) > certificate.epsilon
    assert broken <= certificate.delta * DRAWS
    # Neither is it empty: the error that is measured is within a factor of it.
    assert certificate.measured > certificate.epsilon / 30


def test_bernstein_s_bound_is_that_of_fair_coins():
    # 400 rows with probability 1/2 and equal loss: the sum has a deviation of 1/20.
    spread = spread_of(torch.ones(400, 1), torch.full((400,), 0.5, dtype=torch.float64), lambda x: x)
    assert spread == [(pytest.approx(1 / 400), pytest.approx(1 / 200))]
    log = math.log(2 / 0.05)
    epsilon = bounded_error(*spread[0], 1, 0.05)
    assert epsilon**2 / 2 / (1 / 400 + epsilon / 600) == pytest.approx(log)
    # A size at which variance and largest share are total / size gives that epsilon again.
    size = needed_size(3.0, 0.1, 1, 0.05)
    assert bounded_error(3 / size, 3 / size, 1, 0.05) == pytest.approx(0.1, rel=1e-3)


def test_sensitivities_keep_what_uniform_rows_miss():
    errors = {}
    for selector in (RandomSelector(), KMeansSensitivitySelector(centres=10)):
        selector.fit(uneven())
        found = []
        for seed in range(8):
            selector.select(60, generator(seed))
            found.append(selector.certificate_.measured)
        errors[type(selector)] = sum(found) / 8
    assert errors[KMeansSensitivitySelector] < 0.7 * errors[RandomSelector]


def test_k_center_is_within_twice_the_best_radius():
    # Three groups of width 1: the best radius of three rows is at most 1.
    x = torch.cat([torch.rand(20, 1, generator=generator(s)) + 100 * s for s in range(3)])
    selector = KCenterSelector().fit(x)
    rows, weight = selector.select(3, generator(5))
    assert sorted((rows // 20).tolist()) == [0, 1, 2] and weight.tolist() == [20, 20, 20] and selector.radius_ <= 1
    assert selector.certificate_.loss == "radius" and selector.certificate_.delta == 0


def test_facility_location_is_greedy_however_it_is_found():
    x = uneven(120)
    selector = FacilityLocationSelector().fit(x)
    rows, weight = selector.select(6, generator())
    similar = (-torch.cdist(x, x).square() / torch.pdist(x).square().median()).exp()
    best, expected = torch.zeros(120), []
    for _ in range(6):
        expected.append(int((similar - best).clamp_min(0).sum(1).argmax()))
        best = torch.maximum(best, similar[expected[-1]])
    assert rows.tolist() == expected and float(weight.sum()) == 120
    assert selector.certificate_.measured <= selector.certificate_.epsilon == 1 / math.e
    some = FacilityLocationSelector(exact=100, slack=0.01).fit(x).select(6, generator())[0]
    assert similar[some].amax(0).sum() > 0.9 * best.sum()


def test_graph_cut_takes_typical_rows_that_differ():
    x = torch.cat((torch.zeros(20, 2), torch.tensor([[3.0, 0.0]]).expand(10, 2), torch.tensor([[0.0, 50.0]])))
    x = x + 0.01 * torch.randn(31, 2, generator=generator())
    assert (GraphCutSelector(diversity=0.0).fit(x).select(2, generator())[0] < 20).all()
    rows, weight = GraphCutSelector().fit(x).select(2, generator())
    # One of each group, and none that is like nothing.
    assert rows[0] < 20 <= rows[1] < 30 and sorted(weight.tolist()) == [10, 21]
    some = GraphCutSelector(exact=25).fit(x).select(2, generator())[0]
    assert some[0] < 20 <= some[1] < 30


def test_norms_rank_rows():
    x = torch.tensor([[3.0], [-5.0], [0.0], [1.0]])
    assert NormSelector().fit(x).select(2, generator())[0].tolist() == [1, 0]
    assert NormSelector(pick="shortest").fit(x).select(2, generator())[0].tolist() == [2, 3]


@pytest.mark.parametrize("cls", [KMeansSensitivitySelector, LeverageSelector, KCenterSelector, FacilityLocationSelector,
                                 NormSelector, HerdingSelector, KMeansSelector])  # fmt: skip
def test_features_that_cannot_be_compared(cls):
    x = torch.ones(8, 2)
    x[3, 1] = torch.nan
    with pytest.raises(UserError, match=r"^row 3 has a feature that is not finite, 1 of 8 rows have$"):
        cls().fit(x)
    x[3, 1] = 1e30
    with pytest.raises(UserError, match=r"^row 3 has a feature of 1e\+30, whose square overflows: scale them$"):
        cls().fit(x)
    # Equal rows are no error, and are told apart by their numbers.
    rows, weight = cls().fit(torch.ones(8, 2)).select(5, generator())
    assert len(set(rows.tolist())) == 5 and float(weight.sum()) == pytest.approx(8, rel=0.01)
    with pytest.raises(UserError, match=r"^cannot select 9 of 8 samples$"):
        cls().fit(torch.ones(8, 2)).select(9, generator())


def test_weights_that_overflow():
    selector = RandomSelector().fit(torch.ones(4, 1))
    with pytest.raises(UserError, match=r"^the weight of row 2 overflows"):
        selector._chose(torch.tensor([1, 2]), torch.tensor([1.0, torch.inf]))
    with pytest.raises(UserError, match="has no certificate before"):
        selector.certificate_  # noqa: B018
