"""Series with a class each are the lists of their column, a row a channel, and are written as the column had them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from datasets import Array2D, ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.networks import ConvNet1d
from hf_distill.networks.default import default_network
from hf_distill.synthetic import CosineSet, VectorSet

ROWS = np.random.default_rng(0).normal(3, 2, (6, 2, 5)).astype(np.float32)  # rows, channels, steps


def table(values, feature):
    features = Features({"series": feature, "label": ClassLabel(names=["a", "b"])})
    return Dataset.from_dict({"series": values, "label": [k % 2 for k in range(len(values))]}, features=features)


def of(values, feature, **options):
    made = table(values, feature)
    return RealData.from_dataset(made, made, **{"time_axis": "last", **options}).setup()


CASES = {
    "channels": (ROWS.tolist(), List(List(Value("float32"))), "last", ROWS),
    "steps": (ROWS.swapaxes(1, 2).tolist(), List(List(Value("float32"))), "first", ROWS),
    "array": (ROWS.tolist(), Array2D((2, 5), "float32"), "last", ROWS),
    "plain": (ROWS[:, 0].tolist(), List(Value("float32")), "first", ROWS[:, :1]),
}


@pytest.mark.parametrize("storage", ["memory", "arrow"])
@pytest.mark.parametrize("case", CASES)
def test_a_row_is_a_series_normalised_by_channel(case, storage, tmp_path):
    values, feature, axis, expected = CASES[case]
    real = of(values, feature, time_axis=axis, storage=storage)
    spec = real.spec
    assert (spec.kind, spec.task, spec.shape) == ("signal", "tabular-classification", expected.shape[1:])
    assert np.array_equal(real.train.raw(torch.arange(6)).numpy(), expected)
    np.testing.assert_allclose(spec.mean, expected.mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(spec.std, expected.std((0, 2)), rtol=1e-5)
    normal = (expected - expected.mean((0, 2))[:, None]) / expected.std((0, 2))[:, None]
    batch = real.test.batch(torch.arange(6))
    np.testing.assert_allclose(batch.x.numpy(), normal, atol=1e-5)

    synthetic = VectorSet(per_class=3)
    order = batch.y.argsort(stable=True)
    synthetic.initialize(batch.x[order], batch.y[order], spec)
    made = DistilledDataset.from_synthetic(synthetic)
    again = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    np.testing.assert_allclose(again.x.numpy(), normal[order.numpy()], atol=1e-5)
    written = np.array(again.to_dataset()["series"][:])
    np.testing.assert_allclose(written, np.array(values)[order.numpy()], rtol=1e-5)


def test_columns_of_numbers_are_the_steps_of_one_channel():
    features = {**{f"t{step}": Value("float64") for step in range(5)}, "label": ClassLabel(names=["a", "b"])}
    columns = {f"t{step}": ROWS[:, 0, step].tolist() for step in range(5)}
    made = Dataset.from_dict({**columns, "label": [0, 1] * 3}, features=Features(features))
    real = RealData.from_dataset(made, made, time_axis="last").setup()
    assert (
        real.spec.kind == "signal" and real.spec.shape == (1, 5) and real.spec.columns == ("t0", "t1", "t2", "t3", "t4")
    )
    assert np.allclose(real.test.raw(torch.arange(6)).numpy(), ROWS[:, :1])


def test_what_is_no_series_of_one_length_is_refused():
    with pytest.raises(UserError, match=r"row 1 holds 3 numbers, the first row 5 numbers"):
        of([[1.0] * 5, [1.0] * 3], List(Value("float32")))
    uneven = [ROWS[0].tolist(), [[1.0] * 4, [1.0] * 6]]
    with pytest.raises(UserError, match=r"row 1 holds 2 lists of 4, 6 numbers, the first row 2 of 5 \(column"):
        of(uneven, List(List(Value("float32"))))
    with pytest.raises(UserError, match="holds lists of lists of lists"):
        of([[[[1.0]]]] * 2, List(List(List(Value("float32")))))
    with pytest.raises(UserError, match=r"data.transform is for numbers, and column 'series' holds series"):
        from hf_distill import VectorTransform

        of(*CASES["plain"][:2], transform=VectorTransform())
    with pytest.raises(UserError, match=r"ConvNet1d of depth 3 needs series .* of 8 steps or more"):
        ConvNet1d().build((2, 5), 2, 0)


def test_a_vector_stays_one_where_nothing_is_said():
    made = table(*CASES["plain"][:2])
    spec = RealData.from_dataset(made).setup().spec
    assert spec.kind == "vector" and "about" not in spec.to_dict()


def test_the_usual_network_is_as_deep_as_the_series_is_long():
    real = of(*CASES["channels"][:2])
    assert type(default_network(real.spec)).__name__ == "ConvNet1d" and default_network(real.spec).depth == 2


def test_cosines_keep_what_is_slow():
    steps = torch.arange(24)
    slow = torch.cos(torch.pi * (steps + 0.5) * 3 / 24)
    fast = torch.cos(torch.pi * (steps + 0.5) * 20 / 24)
    real = of((slow + fast)[None].repeat(4, 1).tolist(), List(Value("float32")))
    synthetic = CosineSet(per_class=2, harmonics=8)
    batch = real.train.batch(torch.tensor([0, 2, 1, 3]))
    synthetic.initialize(batch.x, batch.y, real.spec)
    kept = real.spec.denormalize(synthetic().x)[:, 0]
    assert torch.allclose(kept, slow.expand(4, -1), atol=1e-5)
    assert synthetic.bits().data == 4 * 8 * 32
    with pytest.raises(UserError, match="series of 24 steps have 1 to 23 to be stored"):
        CosineSet(harmonics=24).initialize(batch.x, batch.y, real.spec)
