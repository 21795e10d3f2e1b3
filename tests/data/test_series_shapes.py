"""Series that stand one below the other, or a row each, become channels of one table; and where their parts end."""

from __future__ import annotations

import json
import random

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset, DatasetDict

from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError
from tests.data.series import SMALL, columns, data, dates

ROWS, NAMES = 48, ("north", "south", "east")


def wide(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(rows, len(NAMES)))
    return pd.DataFrame({"date": dates(rows), **{name: values[:, place] for place, name in enumerate(NAMES)}})


def long(frame: pd.DataFrame, order: str, choice: random.Random) -> pd.DataFrame:
    table = frame.melt("date", var_name="station", value_name="load")
    if order == "time":
        table = table.sort_values("date", kind="stable")
    elif order == "any":
        table = table.sample(frac=1, random_state=choice.randrange(99))
    return table.reset_index(drop=True)


def read(frame: pd.DataFrame, **options) -> SeriesData:
    table = Dataset.from_pandas(frame, preserve_index=False)
    return SeriesData.from_dataset(table, **{**SMALL, **options}).setup()


def channels(real: SeriesData) -> dict[str, list[float]]:
    """The values of every channel in the source's units, all rows."""
    parts = torch.cat([real.train.values, real.validation.values[4:], real.test.values[4:]])
    raw = real.spec.denormalize(parts)
    return {name: raw[:, place].tolist() for place, name in enumerate(real.spec.channels)}


def check(real: SeriesData, frame: pd.DataFrame, names: dict[str, str] | None = None) -> None:
    found = channels(real)
    names = names or {name: name for name in NAMES}
    assert set(found) == set(names.values())
    for name, channel in names.items():
        assert found[channel] == pytest.approx(frame[name].tolist(), abs=1e-5)


@pytest.mark.parametrize("order", ["id", "time", "any"])
def test_series_one_below_the_other(order, caplog):
    choice, frame = random.Random(order), wide()
    table = long(frame, order, choice)
    for ids in ({}, {"id_column": "station"}):
        real = read(table, **ids)
        check(real, frame)
        assert (real.spec.time_column, real.spec.start, real.spec.step) == ("date", "2024-02-28T22:00:00", 3600.0)
    assert "3 series, told apart by station, become 3 channels of 48 time steps" in caplog.text
    numbered = table.assign(store_id=table["station"].map({name: place + 5 for place, name in enumerate(NAMES)}))
    check(read(numbered.drop(columns="station")), frame, dict(zip(NAMES, ("5", "6", "7"), strict=True)))
    check(read(numbered), frame)  # both tell the same rows apart
    two = table.assign(other=-table["load"])
    real = read(two)
    assert sorted(channels(real)) == sorted(f"{value} {name}" for value in ("load", "other") for name in NAMES)
    assert set(read(two, columns=["load"]).spec.channels) == set(NAMES)


def test_series_of_two_ids():
    frame = wide()
    table = long(frame, "id", random.Random(0))
    both = pd.concat([table.assign(shop=shop, load=table["load"] * factor) for shop, factor in (("a", 1), ("b", 10))])
    with pytest.raises(UserError, match=r"goes back|has the time of row"):
        read(both.reset_index(drop=True))
    real = read(both.reset_index(drop=True), id_column=["shop", "station"])
    assert len(real.spec.channels) == 6
    assert channels(real)["b south"] == pytest.approx((10 * frame["south"]).tolist(), abs=1e-4)


def test_rows_that_come_twice_and_rows_that_are_missing():
    table = long(wide(), "id", random.Random(0))
    with pytest.raises(UserError, match="row 144 has the time and the station of another row"):
        read(pd.concat([table, table[3:4]]).reset_index(drop=True), id_column="station")
    with pytest.raises(UserError, match=r"column 'south' has 1 missing .*--data\.missing=ffill"):
        read(table.drop(index=60).reset_index(drop=True))
    assert read(table.drop(index=60).reset_index(drop=True), missing="ffill").spec.num_channels == 3
    with pytest.raises(UserError, match=r"no column 'shop'; set --data\.id_column to one of date, station, load"):
        read(table, id_column="shop")


def test_nothing_tells_the_series_apart():
    with pytest.raises(UserError, match=r"goes back at row 20 .*--data\.id_column"):
        data({"t": dates(20) * 2, **columns()}).setup()


@pytest.mark.parametrize("known", [True, False])
def test_a_series_a_row(known, tmp_path, caplog):
    frame = wide()
    rows = [
        {"start": frame["date"][0], "target": frame[name].tolist(), "item_id": name, **({"freq": "h"} if known else {})}
        for name in NAMES
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    real = SeriesData(path=str(tmp_path / "s.jsonl"), **SMALL).setup()
    check(real, frame)
    assert (real.spec.start == "2024-02-28T22:00:00" and real.spec.step == 3600.0) if known else real.spec.step is None
    assert ("the table does not tell" in caplog.text) is not known
    rows[1]["target"] = rows[1]["target"][:-1]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="series 'south' has 47 values and 'north' 48"):
        SeriesData(path=str(tmp_path / "t.jsonl"), **SMALL).setup()


def test_columns_called_by_dates(tmp_path):
    frame = wide()
    turned = frame.set_index("date").T.rename_axis("station").reset_index()
    turned.to_csv(tmp_path / "s.csv", index=False)
    real = SeriesData(path=str(tmp_path / "s.csv"), **SMALL).setup()
    check(real, frame)
    assert real.spec.start == "2024-02-28T22:00:00" and real.spec.step == 3600.0


def test_the_test_split_goes_on_where_the_training_split_ends(tmp_path, caplog):
    frame = wide()
    frame["whole"] = range(ROWS)
    frame["whole"] = frame["whole"] % 7
    (tmp_path / "s").mkdir()
    frame[:32].to_csv(tmp_path / "s" / "train.csv", index=False)
    frame[32:].assign(whole=frame["whole"][32:] / 2).to_csv(tmp_path / "s" / "test.csv", index=False)
    real = SeriesData(path=str(tmp_path / "s"), **SMALL).setup()
    assert real.spec.borders == (28, 32, 48) and "splits train, test of" in caplog.text
    found = channels(real)
    assert found["south"] == pytest.approx(frame["south"].tolist(), abs=1e-5)
    assert found["whole"][-1] == pytest.approx(frame["whole"][ROWS - 1] / 2, abs=1e-5)
    assert SeriesData(path=str(tmp_path / "s"), splits="6:1:1", **SMALL).setup().spec.borders == (24, 28, 32)
    parts = {"train": frame[:30], "validation": frame[30:36], "test": frame[36:]}
    saved = DatasetDict({name: Dataset.from_pandas(part, preserve_index=False) for name, part in parts.items()})
    saved.save_to_disk(tmp_path / "saved")
    assert SeriesData(path=str(tmp_path / "saved"), **SMALL).setup().spec.borders == (30, 36, 48)
    frame[32:].drop(columns="south").to_csv(tmp_path / "s" / "test.csv", index=False)  # what is asked for is hidden
    assert SeriesData(path=str(tmp_path / "s"), **SMALL).setup().spec.borders == (22, 26, 32)
    assert "split 'test' lacks column 'south' and is not read" in caplog.text
    frame[:16].to_csv(tmp_path / "s" / "test.csv", index=False)
    with pytest.raises(UserError, match="goes back at row 32"):
        SeriesData(path=str(tmp_path / "s"), **SMALL).setup()


@pytest.mark.parametrize(("share", "borders"), [(0.25, (32, 36, 48)), (0.5, (21, 24, 48))])
def test_the_last_rows_are_held_out(share, borders):
    assert read(wide(), test_fraction=share).spec.borders == borders
    with pytest.raises(UserError, match=r"says what is tested: leave out --data\.test_fraction"):
        read(wide(), test_fraction=share, splits="7:1:2")


def test_flags_are_channels_and_what_flickers_is_constant():
    flags = [i % 3 == 0 for i in range(40)]
    flicker = [0.1 + 0.2 if i % 2 else 0.3 for i in range(40)]
    spec = data({"open": flags, "flat": flicker, "a": np.arange(40) ** 2.0}).setup().spec
    assert spec.channels == ("open", "flat", "a") and spec.mean[0] == pytest.approx(np.mean(flags[:28]))
    assert spec.std[1] == 1.0 and spec.bits_per_row == 8 + 64 + 64
    stored = spec.denormalize(torch.tensor([[0.2, 0.0, 0.0], [9.0, 0.0, 0.0], [-9.0, 0.0, 0.0]]))
    assert stored[1:, 0].tolist() == [1.0, 0.0] and stored[0, 0] in (0.0, 1.0)
