"""Pictures of forecasts on a test window, for the card."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from PIL.Image import Image
from torch import Tensor

from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.data.series_time import time_axis
from hf_distill.hub.plot import Panel, line_plot

_DRAWN = 4  # channels
_NAMES = {
    "distilled": "trained on the distilled series",
    "start": "on its start",
    "selected": "on a selected piece",
    "random": "on a random piece",
    "full": "on the full series",
}


def shown_window(test: SeriesSplit) -> tuple[Tensor, Tensor]:
    """Return the window in the middle of the test rows, ``(1, L, N)`` and ``(1, H, N)``: fixed, and not a choice."""
    return test.batch(torch.tensor([len(test) // 2]))


def forecast_pictures(
    forecasts: Mapping[str, Mapping[str, Tensor]], test: SeriesSplit, spec: SeriesSpec
) -> dict[str, Image]:
    """Return a picture for every network: the truth and the forecasts of networks trained on different data.

    Args:
        forecasts: Z-scored forecasts ``(H, N)`` of :func:`shown_window` by network and by what it was trained on,
            ``distilled``, ``start``, ``selected``, ``random`` or ``full``.
        test: The test rows.
        spec: The series.

    Returns:
        Pictures by file name; values are in the units of the source.
    """
    past, future = (part[0].cpu() for part in shown_window(test))
    truth = spec.denormalize(torch.cat((past, future)))
    ahead = list(range(spec.lookback, spec.window))
    pictures = {}
    for network, found in forecasts.items():
        values = {_NAMES[name]: spec.denormalize(forecast) for name, forecast in found.items()}
        panels = [
            Panel(
                channel,
                {"truth": truth[:, place], **{name: value[:, place] for name, value in values.items()}},
                {"truth": list(range(spec.window)), **dict.fromkeys(values, ahead)},
                x_title=time_axis(spec),
                now=(spec.lookback, "now"),
            )
            for place, channel in enumerate(spec.channels[:_DRAWN])
        ]
        safe = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in network)
        if (
            picture := line_plot(
                panels, caption=f"{network} on the test window in the middle, in the units of the source"
            )
        ) is not None:
            pictures[f"forecasts_of_{safe}.png"] = picture
    return pictures
