from __future__ import annotations

import importlib.util
import io

import numpy as np
import pytest
from PIL import ImageColor

from hf_distill.hub import DistilledDataset, plot
from hf_distill.hub.plot import COLOURS, SCALE, Panel, line_plot
from hf_distill.sweep.picture import draw
from tests.hub.test_series_format import EVALUATION, SPECS, make

BLUE, RED = (ImageColor.getrgb(colour) for colour in COLOURS[:2])


def where(picture, colour) -> np.ndarray:
    """Rows and columns, in points, of the pixels of a hue; text and grid are grey."""
    pixels = np.asarray(picture, int)[::SCALE, ::SCALE]
    return np.argwhere((np.ptp(pixels, axis=-1) > 60) & (pixels.argmin(-1) == np.argmin(colour)))


def cut(picture, *box: int):
    """A part of a picture, in points."""
    return picture.crop([SCALE * side for side in box])


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right():
    pixels = where(line_plot([Panel("p", {"a": np.arange(50.0)})], size=(200, 100)), BLUE)
    left, right = pixels[pixels[:, 1].argmin()], pixels[pixels[:, 1].argmax()]
    # The panel reaches from column 52 to 190 and from row 18 to 80, with 4 % of its height on both sides.
    assert left[1] <= 56 and right[1] >= 186 and left[0] > 72 and right[0] < 26


def test_a_logarithmic_axis_makes_powers_a_line():
    straight, powers = (
        where(line_plot([Panel("", {"a": values}, log=log)]), BLUE)
        for values, log in ((np.arange(9.0), False), (10.0 ** np.arange(9), True))
    )
    np.testing.assert_array_equal(powers, straight)


def test_panels_stand_in_a_grid_under_one_legend():
    panels = [Panel(f"channel {i}", {"real": [1, 2], "distilled": [2, 1]}) for i in range(5)]
    picture = line_plot(panels, columns=2, size=(200, 100), caption="Spectra")
    # One line of text for the caption and one for the legend.
    assert picture.size == (SCALE * 400, SCALE * (2 * 20 + 3 * 100))
    assert len(where(cut(picture, 0, 20, 400, 40), BLUE)) and len(where(cut(picture, 0, 20, 400, 40), RED))
    assert not len(where(cut(picture, 0, 0, 400, 20), BLUE))
    assert not len(where(cut(picture, 200, 240, 400, 340), BLUE)), "there is no sixth panel"
    assert line_plot(panels[:1]).width == SCALE * 400, "no empty column"


def test_what_is_not_finite_is_a_gap():
    values = np.zeros(101)
    values[20:81] = np.nan
    columns = set(where(line_plot([Panel("", {"a": values})]), BLUE)[:, 1].tolist())
    assert not columns & set(range(52 + 75, 52 + 260)) and columns & set(range(52, 110))


@pytest.mark.parametrize("values", [[], [1.0], [3.0, 3.0, 3.0], [np.nan, np.nan], [0.0, 1e300], [-1e-300, 1e-300]])
def test_odd_values_are_drawn(values):
    for log in (False, True):
        assert line_plot([Panel("中", {"a": values}, log=log)]).size == (SCALE * 400, SCALE * 150)


def test_each_line_may_have_places_of_its_own():
    panel = Panel("forecast", {"past": [0, 1], "future": [1, 0]}, x={"past": [0, 10], "future": [10, 20]})
    picture = line_plot([panel], size=(200, 100))
    body = cut(picture, 0, 21, 200, 120)
    assert where(body, BLUE)[:, 1].max() < where(body, RED)[:, 1].min() + 3


def test_error_bars_reach_as_far_as_they_are_given():
    plain, barred = (
        where(cut(line_plot([Panel("", {"a": [0.0, 1, 0], "b": [-9, 9, 0]}, errors=errors)]), 0, 20, 400, 170), BLUE)
        for errors in ({}, {"a": [4.5, 4.5, 4.5]})
    )
    height = {True: np.ptp(barred[:, 0]), False: np.ptp(plain[:, 0])}
    assert height[False] < 12 and 50 < height[True] < 80, "a range of 1 and one of 10 in 18 of 112 points"


def test_axes_have_titles_and_a_mark():
    bare = line_plot([Panel("", {"a": [1, 2, 3]})])
    for option in ({"x_title": "time steps of 1 h"}, {"y_title": "accuracy (%)"}, {"now": (1, "now")}):
        assert line_plot([Panel("", {"a": [1, 2, 3]}, **option)]).tobytes() != bare.tobytes()


def test_equal_values_give_equal_bytes_whatever_the_user_likes():
    import matplotlib

    def drawn():
        written = io.BytesIO()
        line_plot([Panel("a", {"x": [1, 3, 2], "y": [2, 2, 4]}, log=True)], caption="c").save(written, format="PNG")
        return written.getvalue()

    first = drawn()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "lines.linewidth": 5}):
        assert drawn() == first
        assert matplotlib.rcParams["font.size"] == 20
    assert b"tEXt" not in first and b"tIME" not in first


def test_a_name_is_no_formula():
    for name in ("$", r"$\frac$", "_hidden", "a$b$c", "x" * 10_000, "\x1b[2J\n"):
        assert line_plot([Panel(name, {name: [1, 2], f"{name}2": [2, 1]})], caption=name).size == (
            SCALE * 400,
            SCALE * 190,
        )


@pytest.fixture
def without_matplotlib(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))
    plot.can_plot.cache_clear()
    yield found
    plot.can_plot.cache_clear()


def test_without_matplotlib_there_is_one_warning_and_no_picture(without_matplotlib, recwarn):
    for _ in range(2):
        assert line_plot([Panel("a", {"x": [1, 2]})]) is None
    assert [str(said.message) for said in recwarn] == [
        "plots are left out without matplotlib: pip install 'hf-distill[plot]'"
    ]


@pytest.mark.filterwarnings("ignore:plots are left out")
def test_a_series_is_saved_measured_and_read_without_matplotlib(without_matplotlib, monkeypatch, tmp_path):
    saved = make(SPECS["text"])
    folder = saved.save_pretrained(tmp_path / "set")
    saved.add_evaluation(EVALUATION)
    assert not (folder / "preview.png").exists() and "preview.png" not in (folder / "README.md").read_text()
    assert draw([{"kind": "in the loop", "mean": 0.5, "metric": "accuracy", "bits_per_value": 2}]) is None
    # Where there is one, it is drawn again.
    monkeypatch.setattr(importlib.util, "find_spec", without_matplotlib)
    plot.can_plot.cache_clear()
    again = DistilledDataset.from_pretrained(folder)
    assert again.evaluation == EVALUATION
    again.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "preview.png").exists()
    assert "(preview.png)" in (tmp_path / "again" / "README.md").read_text()
