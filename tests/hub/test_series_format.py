from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Features, Value
from huggingface_hub import DatasetCard
from PIL import Image as PILImage

from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import DistilledDataset, render_card
from hf_distill.hub.plot import SCALE
from hf_distill.synthetic.base import Bits, Packed
from tests.hub.conftest import Elsewhere, png

EVALUATION = {
    "protocol": {"steps": 200},
    "rows": [
        {
            "network": "iTransformer",
            "metric": "mse",
            "seeds": 5,
            "mean": 0.4123,
            "std": 0.0021,
            "mae_mean": 0.42,
            "mae_std": 0.001,
            "random_mean": 0.6,
            "random_std": 0.11,
            "full_mean": 0.38,
            "full_std": 0.001,
            "gap_closed": 0.853,
            "bits": 26880,
            "baselines": {},
        }
    ],
}


def series_spec(channels: int = 3, dtype: str = "float32", time: str | None = "string") -> SeriesSpec:
    names = tuple(f"load {i}" for i in range(channels))
    features = {"date": Value(time)} if time else {}
    features |= {name: Value(dtype) for name in names}
    return SeriesSpec(
        channels=names,
        mean=tuple(10.0 * i for i in range(channels)),
        std=tuple(2.0 + i for i in range(channels)),
        features=Features(features).to_dict(),
        lookback=12,
        horizon=4,
        borders=(1000, 1100, 1300),
        time_column="date" if time else None,
        time_format="%Y-%m-%d %H:%M:%S" if time == "string" else None,
        start="2016-07-01T00:00:00" if time else None,
        step=900.0 if time else None,
        source={"path": "owner/power", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"},
        num_rows=1000,
    )


SPECS = {
    "text": series_spec(),
    "double": series_spec(dtype="float64", time="timestamp[s]"),
    "int": series_spec(dtype="int16", time=None),
    "wide": series_spec(40),
}


def make(spec: SeriesSpec, shape: tuple[int, ...] = (60,), **about) -> DistilledDataset:
    """Distil nothing: random values, and the same as float32 for codes."""
    x = torch.randn(*shape, spec.num_channels, generator=torch.Generator().manual_seed(0))
    packed = Packed({"values": [x.numpy().astype("<f4").tobytes()]}, {"dtype": "<f4", "shape": list(x.shape)})
    return DistilledDataset(spec, x, torch.arange(len(x)), packed, Bits(data=x.numel() * 32, labels=0), **about)


@pytest.mark.parametrize("shape", [(60,), (3, 20)], ids=["one", "three"])
@pytest.mark.parametrize("name", SPECS)
def test_round_trip(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    picture = PILImage.new("RGB", (9, 9), "red")
    saved = make(SPECS[name], shape, seed=3, config={"a": 1}, pictures={"spectrum.png": picture})
    saved.save_pretrained(tmp_path / "set")
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert loaded.spec == saved.spec and loaded.packed == saved.packed and loaded.bits == saved.bits
    assert len(loaded) == len(saved) == 60 and loaded.x.shape == saved.x.shape
    np.testing.assert_array_equal(loaded.stored, saved.stored)
    assert loaded.pictures == saved.pictures
    torch.testing.assert_close(loaded.codes()["values"][0], saved.x, rtol=0, atol=0)
    tolerance = 0.51 / 2 if name == "int" else 1e-5  # half an integer, and the smallest deviation is 2
    torch.testing.assert_close(loaded.x, saved.x, rtol=0, atol=tolerance)
    loaded.save_pretrained(tmp_path / "again")
    for path in (tmp_path / "set").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "set")).read_bytes(), path


def test_the_table_is_the_sources(tmp_path: Path) -> None:
    dataset = make(SPECS["text"]).to_dataset()
    assert dataset.features.to_dict() == SPECS["text"].features
    assert dataset["date"][:3] == ["2016-07-01 00:00:00", "2016-07-01 00:15:00", "2016-07-01 00:30:00"]
    x = make(SPECS["text"]).x
    assert dataset["load 2"][5] == pytest.approx(x[5, 2].item() * 4 + 20, rel=1e-6)


def test_bits() -> None:
    assert make(SPECS["text"]).bits["default"] == Bits(data=60 * 3 * 32, labels=0)
    assert make(SPECS["double"]).bits["default"].total == 60 * 3 * 64
    assert make(SPECS["int"], (3, 20)).bits["default"].total == 60 * 3 * 16


def test_picture_names_are_file_names(tmp_path: Path) -> None:
    for name in ("../x.png", "a b.png", "x.jpg"):
        with pytest.raises(UserError, match="a picture cannot be called"):
            make(SPECS["text"], pictures={name: b""})


def test_a_replaced_set_takes_its_pictures_along(tmp_path: Path) -> None:
    folder = make(SPECS["text"], pictures={"spectrum.png": png(1)}).save_pretrained(tmp_path / "set")
    assert (folder / "pictures" / "spectrum.png").read_bytes() == png(1)
    make(SPECS["text"]).save_pretrained(folder)
    assert not (folder / "pictures").exists()


def test_through_the_hub(hub) -> None:
    make(SPECS["text"], pictures={"a.png": png(1), "b.png": png(2)}).push_to_hub("owner/power")
    loaded = DistilledDataset.from_pretrained("owner/power")
    assert loaded.pictures == {"a.png": png(1), "b.png": png(2)} and len(loaded) == 60
    make(SPECS["text"], pictures={"b.png": png(3)}).push_to_hub("owner/power")
    assert DistilledDataset.from_pretrained("owner/power").pictures == {"b.png": png(3)}
    assert "pictures/a.png" not in hub.repos["owner/power"].files()


def test_card(tmp_path: Path) -> None:
    folder = make(SPECS["text"], pictures={"real_spectrum.png": png()}).save_pretrained(tmp_path / "set")
    record = json.loads((folder / "distillation.json").read_text())
    head = DatasetCard.load(folder / "README.md").data
    assert head.task_categories == ["time-series-forecasting"] and head.license == "cc-by-4.0"
    text = render_card({**record, "evaluation": EVALUATION})
    assert "A synthetic time series of 60 steps and 3 channels that stands for the 1,000 training steps" in text
    assert "![real spectrum](pictures/real_spectrum.png)" in text
    head_line, line = re.findall(r"^\| (?:network|iTransformer) .*$", text, re.M)
    assert head_line == (
        "| network | metric | networks | distilled | random, equal bits | full data | MAE | gap closed | bits |"
    )
    assert line == (
        "| iTransformer | mse | 5 on 1 set | 0.412 ± 0.002 | 0.600 ± 0.110 | 0.380 ± 0.001 | 0.420 ± 0.001 | 85 % |"
        " 26,880 |"
    )
    assert "tested on all 197 windows of the real test rows (look-back 12, horizon 4)" in text
    assert f"| {1000 * 96:,} | 12,000 |" in text and "| 5,760 | 720 | 5,760 + 0 + 0 | 16.7 |" in text
    assert "from 2016-07-01T00:00:00, 900 s a step" in text
    assert render_card(record) == (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("text", (60,)),
        pytest.param("double", (3, 20), marks=pytest.mark.slow),
        pytest.param("wide", (60,), marks=pytest.mark.slow),
    ],
)
def test_snippets_run_without_the_library(name, shape, elsewhere: Elsewhere, tmp_path: Path) -> None:
    dataset = make(SPECS[name], shape)
    folder = dataset.save_pretrained(tmp_path / "set")
    snippets = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    assert len(snippets) == 3
    code = "\n".join(snippets).replace("path/to/this/folder", str(folder))
    read = elsewhere(f"""{code}
import json
print(json.dumps({{
    "windows": list(windows.shape), "series": series.tolist(), "codes": stored["values"][0].tolist(),
    "loss": loss.item(),
    "columns": samples.column_names,
}}))
""")
    count = 60 - 15 if len(shape) == 1 else 3 * (20 - 15)
    assert read["windows"] == [count, dataset.spec.num_channels, 16]
    torch.testing.assert_close(torch.tensor(read["series"]), dataset.x.flatten(0, -2), rtol=0, atol=1e-4)
    assert read["codes"] == dataset.x.tolist()
    assert read["columns"] == list(dataset.spec.features)
    assert 0 < read["loss"] < 2.5


def test_a_task_of_a_newer_version_is_named(tmp_path: Path) -> None:
    path = make(SPECS["text"]).save_pretrained(tmp_path / "set") / "distillation.json"
    path.write_text(path.read_text().replace("time-series-forecasting", "speech"))
    with pytest.raises(ArtifactError, match=r"no format for the task 'speech'.*pip install -U"):
        DistilledDataset.from_pretrained(tmp_path / "set")


def test_the_picture_shows_eight_channels_at_most() -> None:
    spec = series_spec(40)
    dataset = make(spec)
    picture = dataset._format.preview(spec, dataset.stored, dataset.y)
    assert picture.size == (SCALE * 800, SCALE * (20 + 4 * 150))
    one = make(replace(series_spec(1)))._format.preview(series_spec(1), dataset.stored[:, :1], dataset.y)
    assert one.width == SCALE * 400
