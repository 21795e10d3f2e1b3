import math

import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.selection import MergeReduce
from hf_distill.selection.certificate import centre_queries, relative_errors
from tests.selection.test_certificates import uneven


def reduced(x, seed=0, part=97, **options):
    stream = MergeReduce(**{"size": 60, "centres": 3, "block": 100, "sampled": 80, "seed": seed} | options)
    for rows in x.split(part):
        stream.add(rows)
    return stream


def test_weighted_sums_of_a_stream_are_unbiased():
    x = uneven(500)
    sums = []
    for seed in range(60):
        found = reduced(x, seed).result()
        assert len(set(found.rows.tolist())) == 60 and torch.equal(found.features, x[found.rows])
        sums.append(torch.stack((found.weight.sum(), found.weight @ x[found.rows][:, 0])))
    found = torch.stack(sums).double()
    expected = torch.stack((torch.tensor(500.0), x[:, 0].sum())).double()
    assert ((found.mean(0) - expected).abs() < 3 * found.std(0) / math.sqrt(60)).all()


def test_memory_grows_with_the_logarithm_and_the_cost_of_centres_is_kept():
    x = torch.randn(6400, 4, generator=torch.Generator().manual_seed(0)) + 5 * (torch.arange(6400)[:, None] % 3)
    stream, most = MergeReduce(size=60, centres=3, block=100), 0
    for rows in x.split(50):
        stream.add(rows)
        most = max(most, stream.held())
    assert most <= 100 + 60 * (1 + 8 * math.log(64, 8))
    found = stream.result()
    assert float(relative_errors(x, found.rows, found.weight, centre_queries(x, 3)).mean()) < 0.3
    assert stream.count == 6400 and stream.result().rows.max() > 3200


def test_how_rows_come_in_changes_nothing():
    x = uneven(350)
    assert torch.equal(reduced(x, part=7).result().rows, reduced(x, part=350).result().rows)
    # Few rows are all kept.
    assert reduced(x[:50]).result().weight.tolist() == [1] * 50


def test_what_cannot_be_reduced():
    with pytest.raises(UserError, match=r"^size is 5 and block 5;"):
        MergeReduce(size=5, block=5)
    with pytest.raises(UserError, match=r"^there are no rows"):
        MergeReduce().result()
    with pytest.raises(UserError, match=r"^row 1 has a feature that is not finite"):
        MergeReduce().add(torch.tensor([[1.0], [math.nan]]))
    with pytest.raises(UserError, match=r"^row 4 has a feature that is not finite, 1 of 2 rows have"):
        MergeReduce(size=1, block=3).leaf(torch.tensor([[1.0], [math.nan]]), 3)
