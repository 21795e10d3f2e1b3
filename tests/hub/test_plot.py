from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageColor

from hf_distill.hub.plot import COLOURS, Panel, _ticks, line_plot

BLUE, RED = (ImageColor.getrgb(colour) for colour in COLOURS[:2])


def where(picture, colour) -> np.ndarray:
    """Rows and columns of the pixels of a hue; text and grid are grey."""
    pixels = np.asarray(picture, int)
    return np.argwhere((np.ptp(pixels, axis=-1) > 60) & (pixels.argmin(-1) == np.argmin(colour)))


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right():
    pixels = where(line_plot([Panel("p", {"a": np.arange(50.0)})], size=(200, 100)), BLUE)
    left, right = pixels[pixels[:, 1].argmin()], pixels[pixels[:, 1].argmax()]
    # The panel reaches from column 52 to 190 and from row 18 to 80, with 4 % of its height on both sides.
    assert left[1] <= 56 and right[1] >= 186 and left[0] > 72 and right[0] < 26


def test_a_logarithmic_axis_makes_powers_a_line():
    values = {"a": 10.0 ** np.arange(9)}
    straight = np.asarray(line_plot([Panel("", {"a": np.arange(9.0)})]))[18:131, 52:391]
    powers = np.asarray(line_plot([Panel("", values, log=True)]))[18:131, 52:391]
    np.testing.assert_array_equal(powers, straight)


def test_panels_stand_in_a_grid_under_one_legend():
    panels = [Panel(f"channel {i}", {"real": [1, 2], "distilled": [2, 1]}) for i in range(5)]
    picture = line_plot(panels, columns=2, size=(200, 100), caption="Spectra")
    assert picture.size == (400, 20 + 3 * 100)
    assert len(where(picture.crop((0, 0, 400, 20)), BLUE)) and len(where(picture.crop((0, 0, 400, 20)), RED))
    assert not len(where(picture.crop((200, 220, 400, 320)), BLUE)), "there is no sixth panel"
    assert line_plot(panels[:1]).width == 400, "no empty column"


def test_what_is_not_finite_is_a_gap():
    values = np.zeros(101)
    values[20:81] = np.nan
    columns = set(where(line_plot([Panel("", {"a": values})]), BLUE)[:, 1].tolist())
    assert not columns & set(range(52 + 75, 52 + 260)) and columns & set(range(52, 110))


@pytest.mark.parametrize("values", [[], [1.0], [3.0, 3.0, 3.0], [np.nan, np.nan], [0.0, 1e300], [-1e-300, 1e-300]])
def test_odd_values_are_drawn(values):
    for log in (False, True):
        assert line_plot([Panel("中", {"a": values}, log=log)]).size == (400, 150)


def test_each_line_may_have_places_of_its_own():
    panel = Panel("forecast", {"past": [0, 1], "future": [1, 0]}, x={"past": [0, 10], "future": [10, 20]})
    picture = line_plot([panel], size=(200, 100))
    body = picture.crop((0, 21, 200, 120))
    assert where(body, BLUE)[:, 1].max() < where(body, RED)[:, 1].min() + 3


@pytest.mark.parametrize(("low", "high", "expected"), [(0, 10, [0, 5, 10]), (-0.9, 1.1, [0, 1]), (95, 130, [100, 120])])
def test_ticks_are_round(low, high, expected):
    assert _ticks(low, high, 3) == pytest.approx(expected)
