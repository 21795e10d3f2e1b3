from __future__ import annotations

import datetime
import logging

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict, Features, Value

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.data.series_time import synthetic_times
from hf_distill.errors import UserError
from tests.data.series import HOUR, ROWS, SMALL, START, columns, data, dates


def test_everything_is_inferred():
    spec = data({"when": dates(), **columns()}).setup().spec
    assert (spec.task, spec.time_column, spec.channels) == ("time-series-forecasting", "when", ("b", "a"))
    assert (spec.start, spec.step, spec.time_format) == ("2024-02-28T22:00:00", 3600.0, "%Y-%m-%d %H:%M:%S")
    assert (spec.borders, spec.num_rows, spec.lookback, spec.horizon) == ((28, 32, 40), 28, 4, 2)
    t = np.arange(28)
    assert spec.mean == pytest.approx([3 * t.mean(), 10 - t.mean()])
    assert spec.std == pytest.approx([3 * t.std(), t.std()])
    assert list(spec.features) == ["when", "b", "a"] and spec.bits_per_row == 128
    assert SeriesSpec.from_dict(spec.to_dict()) == spec


def test_parts_and_windows():
    real = data({"t": dates(), **columns()}).setup()
    # Rows 0-27 train, 28-31 validation, 32-39 test; the latter two look back on 4 rows more.
    assert [len(part.values) for part in (real.train, real.validation, real.test)] == [28, 8, 12]
    assert [len(part) for part in (real.train, real.validation, real.test)] == [23, 3, 7]
    x, y = real.test.batch(torch.tensor([0, 6]))
    assert x.shape == (2, 4, 2) and y.shape == (2, 2, 2)
    raw = real.spec.denormalize(torch.cat((x, y), 1))
    torch.testing.assert_close(
        raw[:, :, 0] / 3, torch.tensor([range(28, 34), range(34, 40)]).double(), atol=1e-4, rtol=0
    )
    assert real.train.values.mean(0).abs().max() < 1e-6
    assert real.train.values.std(0, correction=0) == pytest.approx([1, 1])


def test_windows_are_views():
    part = data({"t": dates(), **columns()}, stride=5).setup().train
    windows = part.windows
    assert windows.shape == (5, 6, 2) and len(part) == 5
    assert windows.untyped_storage().data_ptr() == part.values.untyped_storage().data_ptr()
    torch.testing.assert_close(windows[2], part.values[10:16], rtol=0, atol=0)


def test_pieces_are_contiguous_and_reach_both_ends():
    part = data(columns()).setup().train
    generator = torch.Generator().manual_seed(0)
    starts = set()
    for _ in range(60):
        piece = part.piece(25, generator)
        starts.add(int((part.values[:, 0] == piece[0, 0]).nonzero()))
        torch.testing.assert_close(piece.diff(dim=0), part.values.diff(dim=0)[:24])
    assert starts == {0, 1, 2, 3}
    with pytest.raises(UserError, match="29 time steps was asked for and there are 28"):
        part.piece(29, generator)


@pytest.mark.parametrize(
    ("splits", "borders"),
    [("auto", (28, 32, 40)), ("6:2:2", (24, 32, 40)), ([10, 20, 30], (10, 20, 30)), ("3:0:1", (30, 30, 40))],
)
def test_splits(splits, borders):
    real = data(columns(), splits=splits).setup()
    assert real.spec.borders == borders
    if borders[0] == borders[1]:
        with pytest.raises(UserError, match="no validation rows"):
            _ = real.validation


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ("half", "'half' is unknown"),
        ("7:3", "'7:3' is unknown"),
        ("0:1:1", "'0:1:1' is unknown"),
        ([10, 20], "three rows where"),
        ([20, 10, 30], "must increase"),
        ([10, 20, 41], "at 40 or before"),
        ("ett_hour", "needs 14400 rows"),
    ],
)
def test_wrong_splits(splits, message):
    with pytest.raises(UserError, match=message):
        data(columns(), splits=splits).setup()


@pytest.mark.parametrize(
    ("rows", "step", "path", "expected"),
    [
        (17_420, 60, "in-memory", (8640, 11520, 14400)),
        (69_680, 15, "in-memory", (34560, 46080, 57600)),
        (15_000, 60, "owner/ETTh2.csv", (8640, 11520, 14400)),
        (15_000, 60, "in-memory", (10_500, 12_000, 15_000)),
    ],
)
def test_the_ett_series_are_known_by_name_or_size(rows, step, path, expected):
    times = [START + i * datetime.timedelta(minutes=step) for i in range(rows)]
    real = data({"date": times, "x": np.arange(rows, dtype=np.float32)}, path=path)
    assert real.setup().spec.borders == expected


def test_files_of_every_kind(tmp_path):
    table = Dataset.from_dict({"date": dates(), **columns()})
    table.to_csv(tmp_path / "s.csv")
    table.to_parquet(tmp_path / "s.parquet")
    DatasetDict(train=table).save_to_disk(tmp_path / "saved")
    (tmp_path / "folder").mkdir()
    table.to_parquet(tmp_path / "folder" / "train.parquet")
    reference = SeriesData.from_dataset(table, **SMALL).setup()
    for name in ("s.csv", "s.parquet", "saved", "folder"):
        real = SeriesData(path=str(tmp_path / name), **SMALL).setup()
        assert torch.equal(real.train.values, reference.train.values), name
        assert real.spec.source["path"] == name
        assert real.setup() is real and real.state_dict() == {"fingerprint": real.spec.source["fingerprint"]}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (dates(), "string"),
        (dates(form="%Y/%m/%d %H:%M"), "string"),
        (dates(form="%d/%m/%Y %H:%M"), "string"),
        (dates(form="%Y-%m-%dT%H:%M:%SZ"), "string"),
        ([START + i * HOUR for i in range(ROWS)], "timestamp[us]"),
        ([START + i * HOUR for i in range(ROWS)], "timestamp[s, tz=UTC]"),
        ([(START + i * 24 * HOUR).date() for i in range(ROWS)], "date32"),
        (list(range(7, 7 + 3 * ROWS, 3)), "int32"),
        ([0.5 * i for i in range(ROWS)], "float64"),
    ],
)
def test_a_synthetic_time_column_continues_the_sources(values, dtype):
    features = Features({"x": Value("float32"), "date": Value(dtype)})
    table = Dataset.from_dict({"x": list(range(ROWS)), "date": values}, features=features)
    spec = SeriesData.from_dataset(table, **SMALL).setup().spec
    assert spec.time_column == "date" and spec.channels == ("x",)
    written = synthetic_times(SeriesSpec.from_dict(spec.to_dict()), ROWS)
    assert written.type == features.arrow_schema.field("date").type
    assert written.to_pylist() == table["date"][:]


def test_channels_can_be_chosen():
    real = data({"t": dates(), **columns()}, columns=["a"]).setup()
    assert real.spec.channels == ("a",) and real.train.values.shape == (28, 1)
    # Asked for, a number is a channel whatever its name.
    assert data({"time": list(range(ROWS)), "v": [1.0, 2.0] * 20}, columns=["time"]).setup().spec.time_column is None


def test_other_columns_are_left_out_and_named(caplog):
    with caplog.at_level(logging.WARNING):
        real = data({"station": ["x1"] * ROWS, "list": [[1.0]] * ROWS, "row": range(ROWS), **columns()}).setup()
    assert real.spec.channels == ("b", "a")
    assert "'station' (text, row 0: 'x1'), 'list' (List(Value('float64')), row 0: [1.0]), 'row' (it only" in caplog.text
    assert caplog.text.count("left out") == 1


def test_a_constant_channel_stays_at_zero(caplog):
    with caplog.at_level(logging.WARNING):
        real = data({"flat": [0.1] * ROWS, **columns()}).setup()
    assert real.spec.std[0] == 1.0 and real.spec.mean[0] == 0.1
    assert not real.train.values[:, 0].any()
    assert "constant in the training rows" in caplog.text and "flat" in caplog.text
    # A dead sensor that lives on in the test rows does not divide by zero.
    late = data({"late": [5.0] * 30 + [6.0] * 10, **columns()}).setup()
    assert late.test.values[-1, 0] == 1.0


def test_a_large_level_loses_no_digits():
    level = {"x": [1e9 + i % 2 for i in range(ROWS)]}
    values = data(level).setup().train.values
    torch.testing.assert_close(values.unique(), torch.tensor([-1.0, 1.0]))


def test_missing_values_are_refused_or_filled(caplog):
    values = {"t": dates(), "a": [None, 1.0, None, None, 4.0, *range(5, ROWS - 1), float("nan")], "b": columns()["b"]}
    with pytest.raises(UserError, match=r"column 'a' has 4 missing .* the first in row 0: .*--data.missing=ffill"):
        data(values).setup()
    expected = {"ffill": [1, 1, 1, 1, 4], "interpolate": [1, 1, 2, 3, 4]}
    for how, head in expected.items():
        with caplog.at_level(logging.WARNING):
            real = data(values, missing=how).setup()
        raw = real.spec.denormalize(real.train.values)[:5, 0]
        torch.testing.assert_close(raw, torch.tensor(head).double(), atol=1e-5, rtol=0)
        last = real.spec.denormalize(real.test.values)[-2:, 0]
        assert last[0] == pytest.approx(last[1])
        known = [1.0, 4.0, *range(5, 28)]
        assert real.spec.mean[0] == pytest.approx(np.mean(known)) and real.spec.std[0] == pytest.approx(np.std(known))
        assert f"filled by {how}" in caplog.text


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"a": [1.0] * 5}, {}, r"the train part of in-memory has 3 rows and needs 6 .*--data.lookback"),
        ({**columns(8), "t": dates(8)}, {}, r"the train part of in-memory has 5 rows and needs 6"),
        ({"a": []}, {}, "is empty"),
        ({"name": ["x"] * ROWS}, {}, "no column of numbers to forecast .name is text"),
        ({"note": ["x"] * ROWS, **columns()}, {"columns": ["a", "note"]}, r"'note' is text \(row 0: 'x'\)"),
        (columns(), {"columns": ["c"]}, r"no column 'c'; choose --data.columns from b, a"),
        (columns(), {"columns": []}, "data.columns is empty"),
        ({"t": dates(), **columns()}, {"columns": ["t", "a"], "time_column": "t"}, "cannot be a channel too"),
        (columns(), {"time_column": "when"}, "no column 'when'; set --data.time_column"),
        (columns() | {"f": [True] * ROWS}, {"time_column": "f"}, "holds dates, text or numbers"),
        (
            {"gone": [None] * 29 + [1.0] * 11, "a": columns()["a"]},
            {"missing": "ffill"},
            "'gone' has no value in all 28",
        ),
    ],
)
def test_what_cannot_be_used(values, options, message):
    with pytest.raises(UserError, match=message) as caught:
        data(values, **options).setup()
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_in_memory_is_mapped():
    mapped = data(columns(), memory_gib=1e-9).setup()
    assert torch.equal(mapped.test.values, data(columns()).setup().test.values)


def test_integers_are_stored_as_integers():
    features = Features({"n": Value("int8"), "f": Value("float32")})
    table = Dataset.from_dict(
        {"n": [i - 20 for i in range(ROWS)], "f": [0.1 * i for i in range(ROWS)]}, features=features
    )
    spec = SeriesData.from_dataset(table, **SMALL).setup().spec
    assert spec.bits_per_row == 40
    raw = spec.denormalize(torch.tensor([[0.5, 0.5], [99.0, -99.0]]))
    assert raw[:, 0].tolist() == [round(0.5 * spec.std[0] + spec.mean[0]), 127]
    assert raw[0, 1] == np.float32(0.5 * spec.std[1] + spec.mean[1])


def test_configuration_round_trip():
    described = SeriesData(path="x.csv", columns=["a"], splits=[1, 2, 3]).config()
    assert SeriesData(**described["init_args"]).config() == described


def test_a_stream_is_refused():
    with pytest.raises(UserError, match="not IterableDataset"):
        SeriesData.from_dataset(Dataset.from_dict(columns()).to_iterable_dataset())


def test_numbers_that_stand_for_nothing_are_named(caplog):
    values = columns()
    values["a"][7] = values["a"][30] = -9999.0
    assert data(values).setup().spec.num_channels == 2
    assert "column 'a' holds -9999 in 2 rows, which often stands for a missing value" in caplog.text


@pytest.mark.parametrize("stride", [1, 3])
def test_windows_of_some_channels(stride: int) -> None:
    values = torch.randn(40, 7)
    split, index, channels = SeriesSplit(values, 5, 3, stride), torch.tensor([4, 0, 9]), torch.tensor([6, 2])
    past, future = split.batch(index)
    seen, ahead = split.batch(index, channels)
    assert torch.equal(seen, past[..., channels]) and torch.equal(ahead, future[..., channels])
