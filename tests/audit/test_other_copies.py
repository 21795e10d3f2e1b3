"""Copies in a series are pieces of the training rows; whole rows are all copies."""

from __future__ import annotations

import pytest
import torch

from hf_distill.audit import Audit
from hf_distill.audit.windows import nearest_pieces, pieces
from hf_distill.cli.main import run
from hf_distill.data import RowsData
from hf_distill.errors import UserError
from hf_distill.features import HashedTextFeatures
from hf_distill.hub import DistilledDataset
from hf_distill.hub.audits import audit_line
from hf_distill.initialization import SubSeries
from hf_distill.methods import Run, Undistilled
from hf_distill.synthetic import SeriesSet
from tests.data.series import data
from tests.methods.test_rows import coreset, messages


def noise(rows=400):
    values = torch.randn(rows, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return data({"a": values[:, 0].tolist(), "b": values[:, 1].tolist()}, splits="6:1:3").setup()


def test_the_nearest_piece_is_that_of_brute_force():
    generator = torch.Generator().manual_seed(0)
    train, points = torch.randn(30, 2, generator=generator), torch.randn(5, 3, 2, generator=generator)
    every = torch.stack([train[start : start + 3] for start in range(28)])
    assert torch.equal(pieces(train, 3), every)
    points[4] = every[17]
    found, exact = nearest_pieces(points.flatten(1), every)
    wanted = (points[:, None] - every[None]).square().sum((2, 3)).sqrt().min(1).values
    assert torch.allclose(found, wanted.double(), atol=1e-3) and exact.tolist() == [False] * 4 + [True]


def test_pieces_of_a_series_that_are_real_are_counted():
    real = noise()
    made = Undistilled(synthetic=SeriesSet(length=24), initial=SubSeries()).distill(real, Run(progress=False))
    found = Audit().run(made.published(), real)
    copies = found.result["copies"]
    assert (copies["steps"], copies["samples"], copies["exact"], copies["near"]) == (4, 6, 6, 0)
    assert found.pairs is None and "of the 6 pieces of 4 time steps 6 are exact copies" in audit_line(found.result)
    # One piece is changed a little, one is replaced by what nobody drew.
    made.x[1] += 1e-3
    made.x[8:12] = 9.0
    copies = Audit().run(made, real).result["copies"]
    assert (copies["exact"], copies["near"]) == (4, 1)
    with pytest.raises(UserError, match="measures whole rows of RowsData"):
        Audit().run(made, RowsData.from_dataset(messages()))


def test_whole_rows_are_copies_of_their_source(tmp_path, monkeypatch, capsys):
    messages().to_parquet(tmp_path / "source.parquet")
    monkeypatch.chdir(tmp_path)
    assert not run(["distill", "--config=coreset_text", "--data.path=source.parquet", "--method.size=12",
          "--output_dir=set", "--method.selector.init_args.centres=3"])  # fmt: skip
    assert not run(["audit", "set"])
    assert "of the 12 samples 12 are exact copies of training rows" in capsys.readouterr().out
    assert DistilledDataset.from_pretrained("set").audit["copies"]["exact"] == 12
    other = RowsData.from_dataset(messages().select(range(30)))
    with pytest.raises(UserError, match="the rows of the set are not those of"):
        Audit().run(DistilledDataset.from_pretrained("set"), other)


def test_sets_of_whole_rows_are_compared(tmp_path, monkeypatch, capsys):
    messages().to_parquet(tmp_path / "source.parquet")
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1):
        real = RowsData(path="source.parquet")
        features = HashedTextFeatures()
        coreset(features).distill(real, Run(progress=False, seed=seed)).save_pretrained(f"set{seed}")
    assert not run(["compare", "set0", "set1", "--output_dir=compared"])
    assert "set1" in capsys.readouterr().out
