"""SeriesSplit: one part of a series and its windows; and where the parts begin and end."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from hf_distill.errors import UserError

_NAMES = ("train", "validation", "test")
# 12, 4 and 4 months of 30 days, in rows; the field's convention for the ETT series.
_ETT = {"ett_hour": (8640, 11520, 14400), "ett_minute": (34560, 46080, 57600)}
# Rows and seconds a row of the ETT files, which tell them where the name does not.
_ETT_SIZES = {(17_420, 3600): "ett_hour", (69_680, 900): "ett_minute"}


class SeriesSplit:
    """One part of a series.

    Args:
        values: Normalised values ``(T, N)``. Those of validation and test begin with the last ``lookback`` rows of the
            part before, which the first window looks back on.
        lookback: Time steps that a forecaster sees, ``L``.
        horizon: Time steps that it forecasts, ``H``.
        stride: Time steps from one window to the next.
        device: Where batches go.
    """

    def __init__(
        self, values: Tensor, lookback: int, horizon: int, stride: int = 1, device: torch.device | str = "cpu"
    ) -> None:
        self.values = values
        self.lookback = lookback
        self.horizon = horizon
        self.stride = stride
        self.device = torch.device(device)

    def place(self, device: torch.device | str, memory_gib: float) -> None:
        """Give batches on another device from now on; the values go there where they take no more memory."""
        self.device = torch.device(device)
        if self.values.numel() * 4 <= memory_gib * 2**30:
            self.values = self.values.to(self.device)

    @property
    def windows(self) -> Tensor:
        """All windows as a view ``(n, lookback + horizon, N)`` of :attr:`values`: no memory of their own."""
        return self.values.unfold(0, self.lookback + self.horizon, self.stride).transpose(1, 2)

    @property
    def num_channels(self) -> int:
        """``N``."""
        return self.values.shape[1]

    def __len__(self) -> int:
        return (len(self.values) - self.lookback - self.horizon) // self.stride + 1

    def batch(self, index: Tensor, channels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return some windows: ``(B, lookback, N)`` and what comes after, ``(B, horizon, N)``.

        Args:
            index: Their numbers ``(B,)``.
            channels: The channels that are read ``(N,)``; null for all of them.
        """
        index = index.to(self.values.device)
        if channels is None:
            window = self.windows[index].to(self.device)
        else:
            rows = self.stride * index[:, None] + torch.arange(self.lookback + self.horizon, device=index.device)
            window = self.values[rows[..., None], channels.to(index.device)].to(self.device)
        return window[:, : self.lookback], window[:, self.lookback :]

    def piece(self, rows: int, generator: torch.Generator) -> Tensor:
        """Return a random contiguous piece of so many time steps, a view ``(rows, N)``.

        Raises:
            UserError: The part is shorter.
        """
        if rows > len(self.values):
            raise UserError(
                f"a piece of {rows} time steps was asked for and there are {len(self.values)}: ask for fewer"
            )
        start = int(torch.randint(len(self.values) - rows + 1, (), generator=generator))
        return self.values[start : start + rows]


def find_borders(
    splits: str | list[int],
    rows: int,
    path: str,
    step: float | int | None,
    ends: tuple[int, int, int] | None = None,
    test_fraction: float | None = None,
) -> tuple[int, int, int]:
    """Return where training, validation and test rows end.

    Args:
        splits: ``auto``, ``ett_hour``, ``ett_minute``, a ratio such as ``7:1:2``, or the three ends.
        rows: Rows of the series.
        path: The source's name, which tells an ETT series.
        step: Seconds a row, where they are known.
        ends: Where the source's own splits end, for ``auto``; without one for validation an eighth of the training rows
            validates.
        test_fraction: The share of the rows that ``auto`` tests on.

    Raises:
        UserError: It is none of these, or the series is too short for it.
    """
    if test_fraction is not None and splits != "auto":
        raise UserError(f"data.splits {splits} says what is tested: leave out --data.test_fraction")
    if isinstance(splits, list):
        if len(splits) != 3 or any(not isinstance(end, int) for end in splits):
            raise UserError(f"data.splits {splits} must be the three rows where train, validation and test end")
        if not 0 < splits[0] <= splits[1] < splits[2] <= rows:
            raise UserError(f"data.splits {splits} must increase and end at {rows} or before, the rows of the series")
        return splits[0], splits[1], splits[2]
    if splits == "auto" and (ends is not None or test_fraction is not None):
        train, test, end = ends or (0, 0, rows)
        if test_fraction is not None:
            train = test = rows - round(rows * test_fraction)
        return train - train // 8 if train == test else train, test, end
    if splits == "auto":
        found = re.search(r"ETT([hm])\d", path)
        known = {"h": "ett_hour", "m": "ett_minute"}[found[1]] if found else _ETT_SIZES.get((rows, int(step or 0)))
        splits = known if known and _ETT[known][2] <= rows else "7:1:2"
    if splits in _ETT:
        if _ETT[splits][2] > rows:
            raise UserError(f"data.splits {splits} needs {_ETT[splits][2]} rows and {path} has {rows}: set it to 7:1:2")
        return _ETT[splits]
    parts = splits.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts) or not int(parts[0]) or not int(parts[2]):
        raise UserError(
            f"data.splits {splits!r} is unknown: choose auto, ett_hour, ett_minute, 7:1:2 or three row ends"
        )
    train, _, test = map(int, parts)
    total = sum(map(int, parts))
    # Rounded down, both counted from their end, as the field does: the validation part takes the rest.
    return rows * train // total, rows - rows * test // total, rows


def check_lengths(borders: tuple[int, int, int], lookback: int, horizon: int, path: str) -> None:
    """Refuse a series with a part that holds no window; the validation part may be empty.

    Raises:
        UserError: The message names the part and its rows.
    """
    sizes = (borders[0], borders[1] - borders[0], borders[2] - borders[1])
    needs = (lookback + horizon, horizon if sizes[1] else 0, horizon)
    for name, size, need in zip(_NAMES, sizes, needs, strict=True):
        if size < need:
            raise UserError(
                f"the {name} part of {path} has {size} rows and needs {need} for a look-back of {lookback} and a "
                f"horizon of {horizon}: lower --data.lookback or --data.horizon, or change --data.splits"
            )
