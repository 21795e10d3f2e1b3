from __future__ import annotations

import datetime
import logging

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_time import synthetic_times
from hf_distill.errors import UserError
from tests.data.series import ROWS, SMALL, columns, data, dates


def swapped(i: int, j: int) -> list[str]:
    rows = dates()
    rows[i], rows[j] = rows[j], rows[i]
    return rows


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (swapped(5, 6), r"goes back at row 6 \(1 times in all\): sort"),
        (dates(20) * 2, r"goes back at row 20 .*several series"),
        ([dates()[i // 2] for i in range(ROWS)], r"row 1 of the time column 't' has the time of row 0 \(20 such rows"),
        ([*dates(7), *dates()[6:-1]], r"row 7 of the time column 't' has the time of row 6 \(1 such rows"),
        (dates(20) + dates(60)[40:], r"1 of 39 steps .* first at row 20.*--data.allow_irregular=true"),
        ([*dates()[:7], "noon", *dates()[8:]], r"row 7 of the time column 't' is 'noon' and not a date like"),
        ([*dates()[:7], None, *dates()[8:]], "row 7 of the time column 't' is empty"),
    ],
)
def test_times_are_checked(times, message):
    with pytest.raises(UserError, match=message):
        data({"t": times, **columns()}).setup()


def test_irregular_times_can_be_allowed():
    times = dates(20) + dates(60)[40:]
    assert data({"t": times, **columns()}, allow_irregular=True).setup().spec.step == 3600.0


def test_a_few_gaps_in_a_long_series_are_logged(caplog):
    times = dates(401)
    del times[200]
    with caplog.at_level(logging.WARNING):
        real = data({"t": times, **columns(400)}).setup()
    assert real.spec.step == 3600.0 and "1 of 399 steps" in caplog.text and "row 200" in caplog.text


def test_text_that_is_no_date_is_no_time():
    with pytest.raises(UserError, match="row 0 of the time column 'note' is 'x', which no known format reads"):
        data({"note": ["x"] * ROWS, **columns()}, time_column="note").setup()


FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S+00:00",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%d-%b-%Y %H:%M",
    "%d %b %Y %H:%M:%S",
    "%b %d, %Y %H:%M",
    "%a %b %d %H:%M:%S %Y",
    "%Y%m%d%H%M",
    "%Y%m%dT%H%M%S",
    "%d/%m/%y %H:%M",
]
FREQUENCIES = ["min", "15min", "h", "6h", "D", "W-WED", "B", "MS", "ME", "QS-FEB", "QE", "YS", "2MS", "BMS"]
DAYS = ["%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y", "%b %d, %Y", "%d/%m/%y"]


def of_times(text: list, **options):
    rows = len(text)
    return data({"date": text, "a": np.sin(np.arange(rows)).tolist()}, **options).setup().spec


def check(text: list, times: pd.DatetimeIndex, **options) -> None:
    """The times are read as they are meant, and a synthetic column goes on as the source does."""
    spec = of_times(text, **options)
    assert spec.time_column == "date" and pd.Timestamp(spec.start) == times[0]
    assert synthetic_times(SeriesSpec.from_dict(spec.to_dict()), len(text)).to_pylist() == text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("step", ["7min", "h", "5h"])
def test_text_of_many_forms(form, step):
    # Long enough that day and month cannot change places.
    times = pd.date_range("2021-11-03 05:00", periods=4000, freq=step)
    check(times.strftime(form).tolist(), times)


@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("form", DAYS)
def test_calendars(frequency, form):
    rows = 1200 if frequency in ("min", "15min", "h", "6h") else 70  # two digits of the year reach 2068
    times = pd.date_range("1995-03-05", periods=rows, freq=frequency)
    hours = " %H:%M" if frequency in ("min", "15min", "h", "6h") else ""
    if (
        hours
        and rows * pd.Timedelta(pd.tseries.frequencies.to_offset(frequency)) < pd.Timedelta("13D")
        and form.startswith(("%d/", "%m/", "%d."))
    ):
        times = pd.date_range("1995-03-05", periods=20 * rows, freq=frequency)
    check(times.strftime(form + hours).tolist(), times)
    typed = Dataset.from_dict({"date": times.to_pydatetime().tolist(), "a": [0.5 * i for i in range(len(times))]})
    spec = SeriesData.from_dataset(typed, **SMALL).setup().spec
    assert synthetic_times(spec, len(times)).to_pylist() == typed["date"][:]


def test_a_day_of_every_month():
    times = pd.DatetimeIndex([pd.Timestamp(2000 + i // 12, i % 12 + 1, 15, 6) for i in range(80)])
    spec = of_times(times.strftime("%Y-%m-%d %H:%M").tolist())
    assert spec.frequency == "months=1"
    check(times.strftime("%Y-%m-%d %H:%M").tolist(), times)


def test_holidays_are_no_business_days(caplog):
    times = pd.date_range("2015-01-01", periods=400, freq="B").delete([40, 90, 170, 300])
    spec = of_times(times.strftime("%Y-%m-%d").tolist())
    assert spec.frequency == "B" and "4 of 395 steps" in caplog.text
    with pytest.raises(UserError, match="unlike the others"):
        of_times(times.delete(range(0, 300, 6)).strftime("%Y-%m-%d").tolist())


def test_the_order_of_day_and_month_is_asked_where_it_is_open():
    text = pd.date_range("2020-01-01", periods=12).strftime("%d/%m/%Y").tolist()
    with pytest.raises(UserError, match=r"'01/01/2020' can be .* say which with --data\.time_format=%"):
        of_times(text, lookback=2, horizon=1)
    for form, frequency in (("%d/%m/%Y", None), ("%m/%d/%Y", "months=1")):
        assert of_times(text, lookback=2, horizon=1, time_format=form).frequency == frequency
    with pytest.raises(UserError, match=r"row 0 of the time column 'date' is '01/01/2020', which '%Y' does not read"):
        of_times(text, time_format="%Y", lookback=2, horizon=1)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("step", ["15min", "h"])
@pytest.mark.parametrize("start", ["2020-02-20", "2020-09-20"])
def test_summer_time(zone, step, start, caplog):
    times = pd.date_range(start, periods=75 * 24 * (4 if step == "15min" else 1), freq=step, tz=zone)
    local = times.tz_localize(None)
    spec = of_times(local.strftime("%Y-%m-%d %H:%M").tolist())
    assert spec.step == {"15min": 900, "h": 3600}[step] and spec.start == local[0].isoformat()
    assert "changes to or from summer time" in caplog.text
    offset = of_times([str(time) for time in times])
    assert pd.Timestamp(offset.start) == times[0].tz_convert("UTC").tz_localize(None)
    assert offset.time_format.endswith("+00:00") and offset.step == spec.step
    twice = local.insert(500, local[499])  # a row that is there twice is no change of clocks
    with pytest.raises(UserError, match="row 500 of the time column 'date' has the time of row 499"):
        of_times(twice.strftime("%Y-%m-%d %H:%M").tolist())


@pytest.mark.parametrize("name", ["date", "MESS_DATUM", "anything"])
@pytest.mark.parametrize(
    ("form", "frequency"),
    [("%Y%m%d%H", "h"), ("%Y%m%d", "D"), ("%Y%m%d%H%M", "15min"), ("%Y%m", "MS"), ("%Y%m%d", "B")],
)
def test_digits_that_are_dates(name, form, frequency):
    times = pd.date_range("2019-11-28", periods=300, freq=frequency)
    numbers = times.strftime(form).astype(int).tolist()
    spec = data({"a": np.sin(np.arange(300)).tolist(), name: numbers}).setup().spec
    assert (spec.time_column, spec.channels) == (name, ("a",)) and pd.Timestamp(spec.start) == times[0]
    assert synthetic_times(SeriesSpec.from_dict(spec.to_dict()), 300).to_pylist() == numbers


@pytest.mark.parametrize(("unit", "size"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("name", ["timestamp", "unix", "t"])
def test_an_epoch(unit, size, name):
    numbers = [(1_577_836_800 + 3600 * i) * size for i in range(200)]
    spec = data({name: numbers, "a": np.sin(np.arange(200)).tolist()}).setup().spec
    assert (spec.time_column, spec.start, spec.step, spec.channels) == (name, numbers[0], 3600 * size, ("a",))
    # Beside dates it is no channel, and no time either.
    with_dates = {"date": dates(200), name: numbers, "a": np.sin(np.arange(200)).tolist()}
    with_dates["date"] = [datetime.datetime.fromtimestamp(n / size, datetime.timezone.utc).isoformat() for n in numbers]
    spec = data(with_dates).setup().spec
    assert (spec.time_column, spec.channels) == ("date", ("a",))


def test_numbers_that_only_look_like_an_epoch_are_a_channel():
    values = (1.5e9 + 1e6 * np.random.default_rng(0).normal(size=200)).tolist()
    spec = data({"load": values, "a": np.arange(200.0).tolist()}).setup().spec
    assert spec.channels == ("load", "a") and spec.time_column is None


def test_dates_in_several_columns(caplog):
    times = pd.date_range("2021-12-30", periods=300, freq="h")
    values = np.sin(np.arange(300)).tolist()
    parts = {name: getattr(times, name).tolist() for name in ("year", "month", "day", "hour")}
    for table, named in (
        ({"No": list(range(1, 301)), **parts, "a": values}, ("year", "month", "day", "hour")),
        ({"Date": times.strftime("%d/%m/%Y").tolist(), "Time": times.strftime("%H:%M:%S").tolist(), "a": values}, None),
        ({"Time": times.strftime("%I:%M %p").tolist(), "Date": times.strftime("%Y-%m-%d").tolist(), "a": values}, None),
        ({"day": times.strftime("%Y-%m-%d").tolist(), "Hour": times.hour.tolist(), "a": values}, None),
    ):
        spec = data(table).setup().spec
        assert spec.channels == ("a",) and pd.Timestamp(spec.start) == times[0] and spec.step == 3600
        written = pd.to_datetime(pd.Series(synthetic_times(SeriesSpec.from_dict(spec.to_dict()), 300).to_pylist()),
                                 format=spec.time_format)  # fmt: skip
        assert (written.to_numpy() == times.to_numpy()).all()
        chosen = [name for name in table if name not in ("a", "No")]
        given = sorted(chosen, key=lambda name: (name.lower() == "time", name == "Hour")) if named is None else chosen
        assert data(table, time_column=given).setup().spec.start == spec.start
    caplog.clear()
    spec = data({"when": times.strftime("%Y-%m-%d %H:%M").tolist(), **parts, "a": values}).setup().spec
    assert spec.channels == ("a",) and "'hour' (it only tells the row or the time)" in caplog.text
    parts["hour"] = [(hour + 1) % 7 for hour in parts["hour"]]  # no clock, whatever it is called
    assert (
        "hour" in data({"when": times.strftime("%Y-%m-%d %H:%M").tolist(), **parts, "a": values}).setup().spec.channels
    )


@pytest.mark.parametrize("cell", ["2020-13-45", "31.02.2020", "the first of May", "12h30"])
def test_what_looks_like_time_and_is_none_is_an_error(cell):
    with pytest.raises(UserError, match=r"(row 0 of the )?(time )?column 'date' .*--data\.time_(column|format)"):
        of_times([cell] * 40)


def test_text_that_is_called_a_time_is_left_out_where_channels_are_chosen():
    table = {"period": ["peak", "night"] * 20, **columns()}
    with pytest.raises(UserError, match=r"column 'period' is called like a time and its row 0, 'peak', is none"):
        data(table).setup()
    assert data(table, columns=["a"]).setup().spec.time_column is None


def test_fractions_of_a_second_in_some_rows():
    times = pd.date_range("2020-01-01", periods=200, freq="500ms")
    text = [time.isoformat(sep=" ") for time in times.to_pydatetime()]
    spec = of_times(text)
    assert spec.step == 0.5 and pd.Timestamp(spec.start) == times[0]


def test_air_quality_as_it_is_published(tmp_path, caplog):
    """Semicolons, decimal commas, points between hours and minutes, and columns without a name or a value."""
    times = pd.date_range("2004-03-10 18:00", periods=200, freq="h")
    values = np.random.default_rng(0).normal(size=200).round(1)
    lines = [f"{t:%d/%m/%Y};{t:%H.%M.%S};{str(v).replace('.', ',')};;" for t, v in zip(times, values, strict=True)]
    (tmp_path / "s.csv").write_text("\n".join(["Date;Time;CO(GT);;", *lines]))
    real = SeriesData(path=str(tmp_path / "s.csv"), **SMALL).setup()
    assert real.spec.channels == ("CO(GT)",) and pd.Timestamp(real.spec.start) == times[0] and real.spec.step == 3600
    assert real.spec.denormalize(real.train.values)[:, 0].tolist() == pytest.approx(values[:140], abs=1e-6)
    assert "'Unnamed: 3' (it is empty)" in caplog.text


def test_quarters_and_names_of_zones():
    quarters = [f"{1990 + i // 4}Q{i % 4 + 1}" for i in range(60)]
    check(quarters, pd.date_range("1990-01-01", periods=60, freq="QS"))
    hours = pd.date_range("2020-01-01", periods=60, freq="h")
    for zone in ("UTC", "GMT"):
        check([f"{time} {zone}" for time in hours], hours)


def test_a_column_that_is_called_a_time_comes_first():
    hours = pd.date_range("2020-01-01", periods=60, freq="h").astype(str).tolist()
    table = {"loaded": ["2021-05-05 00:00:00"] * 60, "Date": hours, "a": np.sin(np.arange(60)).tolist()}
    assert data(table).setup().spec.time_column == "Date"
