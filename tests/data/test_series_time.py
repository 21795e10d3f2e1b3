from __future__ import annotations

import logging

import pytest

from hf_distill.errors import UserError
from tests.data.series import ROWS, columns, data, dates


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
