"""Where there are no classes, cells of what is learned are matched, and the targets of a set move to theirs."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset

from hf_distill import MLP, DistributionMatching, OptimizedDistillation, ValueLabels, VectorSet
from hf_distill.data import RealData
from hf_distill.methods import Run
from hf_distill.objectives.target_cells import TargetCells


def lines(**options):
    """A value that is twice the input and more, and two labels of its sign."""
    x = torch.linspace(-1, 1, 60)[torch.randperm(60, generator=torch.Generator().manual_seed(0))]
    rows = {"x": x[:, None].tolist(), "y": (2 * x + 1).tolist(), "plus": (x > 0).tolist(), "minus": (x < 0).tolist()}
    source = Dataset.from_dict(rows)
    return RealData.from_dataset(source, source, input_column="x", **options).setup()


def test_cells_of_a_value_are_its_quantiles():
    real = lines(label_column="y", target="values")
    cells = TargetCells.of(real, samples=6, cell_size=2)
    y = real.train.targets[:, 0]
    ranks = y.argsort().argsort()
    assert [sorted(ranks[rows].tolist()) for rows in cells.rows] == [list(range(20 * k, 20 * k + 20)) for k in range(3)]
    torch.testing.assert_close(cells.means[:, 0], torch.stack([y[rows].mean() for rows in cells.rows]))
    assert cells.assign(torch.tensor([[3.0], [-3.0], [0.1], [2.0], [-2.0], [0.0]])).tolist() == [2, 0, 1, 2, 0, 1]


def test_cells_of_labels_are_what_comes_together():
    real = lines(label_column=["plus", "minus"], target="labels")
    cells = TargetCells.of(real, samples=4, cell_size=2)
    assert sorted(cells.means.tolist()) == [[0.0, 1.0], [1.0, 0.0]]
    member = cells.assign(torch.tensor([[1.0, 0], [0, 1.0], [0.9, 0.1], [0, 0.8]]))
    assert member[0] == member[2] != member[1] == member[3]


@pytest.mark.parametrize("cell_size", [None, 1])
def test_inputs_and_values_of_a_cell_come_to_be_its_own(cell_size):
    real = lines(label_column="y", target="values")
    objective = DistributionMatching(network=MLP(width=16), real_per_class=60, cell_size=cell_size)
    synthetic = VectorSet(per_class=4, labels=ValueLabels())
    method = OptimizedDistillation(synthetic=synthetic, objective=objective, steps=60, optimizer="adam", lr=0.1)
    made = method.fit(real, Run(progress=False))()
    order = made.y[:, 0].argsort()
    x, y = made.x[order, 0], made.y[order, 0]
    # All real samples lie on a line, in their own units the diagonal; the two halves have means of -0.87 and 0.87.
    halves = torch.tensor([-0.866, 0.866])
    torch.testing.assert_close(y.reshape(2, 2).mean(1), halves, atol=0.05, rtol=0)
    torch.testing.assert_close(x.reshape(2, 2).mean(1), halves, atol=0.15, rtol=0)
