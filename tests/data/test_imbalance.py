"""The field's long tail, which rows stay, and what has none."""

import pytest

from hf_distill import RealData
from hf_distill.data.imbalance import long_tail
from hf_distill.errors import UserError
from tests.evaluation.sets import table


def test_the_profile_is_the_field_s():
    # CIFAR-10-LT at 100, as it is quoted everywhere.
    assert long_tail([5000] * 10, 100) == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert long_tail([5000] * 10, 1) == [5000] * 10 and long_tail([3, 3, 3], 100) == [3, 1, 1]
    assert long_tail([10, 2, 10], 4) == [10, 2, 2]  # there are no more than two


def test_training_rows_alone_are_left_out_and_always_the_same():
    one, two = (RealData.from_dataset(table(90, 0), table(30, 1), imbalance_factor=9).setup() for _ in range(2))
    assert one.spec.class_counts == (30, 10, 3) and one.spec.num_rows == 43 and len(one.test) == 30
    assert one.spec.source["imbalance_factor"] == 9
    assert one.train.labels.tolist() == two.train.labels.tolist()
    assert (one.train.values == two.train.values).all()
    every = RealData.from_dataset(table(90, 0)).setup().train.values.flatten(1).tolist()
    places = [every.index(row) for row in one.train.values.flatten(1).tolist()]
    assert places == sorted(places)


def test_a_stream_is_refused():
    with pytest.raises(UserError, match="a stream"):
        RealData.from_dataset(table(30, 0).to_iterable_dataset(), imbalance_factor=2).setup()
