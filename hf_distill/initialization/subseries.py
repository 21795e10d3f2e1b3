"""SubSeries: a piece of a real series to start from."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.options import PositiveInt
from hf_distill.seeding import Streams

# Windows and candidates need not be many: a profile is a mean over them.
_WINDOWS = 2000
_CHUNK = 256


class SubSeries(InitialSamples[SeriesData]):
    """A contiguous piece of the training series.

    Args:
        choose: ``random``, or ``typical``: of some random pieces, the one whose channels are most like those of the
            whole series in three numbers, by the squared difference of their logarithms: the mean standard deviation
            of a window, the root mean square of the window means, and that of the differences from step to step. A
            single piece may hold a dead sensor or a season that never comes back.
        candidates: Pieces that ``typical`` compares.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import SeriesData, SubSeries
        >>> from hf_distill.seeding import Streams
        >>> table = Dataset.from_dict({"load": [float(hour % 24) for hour in range(600)]})
        >>> real = SeriesData.from_dataset(table, lookback=24, horizon=12, splits=[400, 500, 600]).setup()
        >>> SubSeries(choose="typical", candidates=4).draw(real, 48, Streams(0)).x.shape
        torch.Size([48, 1])
    """

    def __init__(self, *, choose: Literal["random", "typical"] = "random", candidates: PositiveInt = 64) -> None:
        self.choose = choose
        self.candidates = candidates

    def draw(self, real: SeriesData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: The data is no series, or its training part is shorter than ``size``.
        """
        count = self.candidates if self.choose == "typical" else 1
        places = piece_starts(real, size, count, streams)
        values = real.train.values
        best = places[0]
        if count > 1:
            target = profile(values, real.spec.window)
            costs = [
                (profile(values[at : at + size], real.spec.window) - target).square().sum().item() for at in places
            ]
            best = places[costs.index(min(costs))]
        return Batch.of(values[best : best + size], torch.arange(size, device=values.device))


def piece_starts(real: SeriesData, size: int, count: int, streams: Streams) -> list[int]:
    """Return where so many random pieces of the training part begin.

    Raises:
        UserError: The data is no series, or its training part is shorter than ``size``.
    """
    if real.spec.kind != "series":
        raise UserError("only a series has pieces: choose SeriesData, or RealSamples for samples")
    starts = len(real.train.values) - size + 1
    if starts < 1:
        raise UserError(
            f"synthetic.length is {size} and the training part of {real.path} has {len(real.train.values)} time steps: "
            "lower the length"
        )
    return torch.randint(starts, (count,), generator=streams.generator("initial")).tolist()


def profile(values: Tensor, window: int) -> Tensor:
    """Return logarithms of spread, level and roughness of every channel over the windows of a series, ``(3, N)``."""
    views = values.unfold(0, window, max(1, len(values) // _WINDOWS))  # n, N, window
    spread = torch.cat([part.std(2) for part in views.split(_CHUNK)])
    level = torch.cat([part.mean(2) for part in views.split(_CHUNK)])
    rough = values.diff(dim=0).square().mean(0)
    return (torch.stack((spread.mean(0), level.square().mean(0).sqrt(), rough.sqrt())) + 1e-3).log()
