"""Data that are open already go where a later step works."""

import pytest
import torch
from datasets import Dataset

from hf_distill import RealData, SeriesData


def rows(storage):
    table = Dataset.from_dict({"x": [[float(k), 1.0 - k] for k in range(8)], "label": [0, 1] * 4})
    return RealData.from_dataset(table, storage=storage)


@pytest.mark.parametrize("storage", ["memory", "arrow"])
def test_open_samples_are_placed_again(storage):
    real = rows(storage).setup()
    index = torch.arange(2)
    real.setup("meta")
    assert real.train.batch(index).x.device.type == "meta"
    assert real.setup().train.batch(index).y.device.type == "meta", "they stay where nothing is said"


def test_open_windows_are_placed_again():
    table = Dataset.from_dict({"a": [float(k % 7) for k in range(200)]})
    real = SeriesData.from_dataset(table, lookback=4, horizon=2).setup()
    real.setup("meta")
    assert all(part.device.type == "meta" for part in real.train.batch(torch.arange(2)))
    assert real.test.values.device.type == "meta"
    assert real.setup().train.device.type == "meta"


def test_a_sweep_opens_its_data_where_it_distils(monkeypatch, tmp_path):
    from hf_distill.cli import sweep

    class Opened(Exception):
        pass

    placed = []
    monkeypatch.setattr("hf_distill.sweep.bits.Accelerator", lambda: type("A", (), {"device": torch.device("meta")}))

    def setup(self, device=None):
        placed.append(device)
        if device == torch.device("meta"):
            raise Opened
        return self

    monkeypatch.setattr(RealData, "setup", setup)
    with pytest.raises(Opened):
        sweep.run(["--config=configs/quadd_digits.yaml", f"--output_dir={tmp_path / 'sweep'}"])
    assert placed[-1] == torch.device("meta")
