"""SeriesSet: the stored variables are the values of a time series."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import PointlessSize, UserError
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed, Synthetic, described

#: The share of the training steps from which on a set saves next to nothing.
LARGEST_SHARE = 1 / 3


class SeriesSet(Synthetic[SeriesSpec]):
    """One free parameter per time step and channel.

    Decodes to ``Batch.x``, the normalised series ``(M, N)``, and ``Batch.y``, the numbers of its time steps. Training
    examples are its ``M - lookback - horizon + 1`` windows, ``x`` ``(B, lookback, N)`` and ``y`` ``(B, horizon, N)``.

    Args:
        length: Time steps, ``M``.

    Examples:
        >>> import torch
        >>> from hf_distill import SeriesSet, SeriesSpec
        >>> spec = SeriesSpec(channels=("load",), mean=(10.0,), std=(2.0,), features={}, lookback=24, horizon=12)
        >>> synthetic = SeriesSet(length=48)
        >>> synthetic.initialize(torch.randn(48, 1), torch.arange(48), spec)
        >>> synthetic.examples(synthetic()), synthetic.bits().data  # windows; 48 values of 32 bits
        (13, 1536)
    """

    # Published time steps beyond ``length``; only a set that knows how it goes on has them.
    wrap = 0

    def __init__(self, *, length: PositiveInt = 384) -> None:
        super().__init__()
        self.length = length

    @property
    def size(self) -> int:
        """Time steps."""
        return self.length

    @property
    def stored_steps(self) -> int:
        """Time steps of a real series that take as many numbers as are stored of a channel."""
        return self.length

    def resize(self, size: int) -> None:
        """Take another number of time steps."""
        self.length = size

    def least_size(self, spec: SeriesSpec) -> int:
        """Return the time steps of a window."""
        return max(spec.window - self.wrap, 1)

    def shapes(self, spec: SeriesSpec, size: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes that :meth:`codes` will have for so many time steps."""
        return {"values": (size, spec.num_channels)}

    def initialize(self, x: Tensor, y: Tensor, spec: SeriesSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; ``x`` is a normalised series ``(length, N)``.

        Raises:
            UserError: The set is shorter than one window.
        """
        self.check(spec)
        self._spec = spec
        self.values = nn.Parameter(x.detach().clone().float())

    def check(self, spec: SeriesSpec) -> None:
        """Refuse data without windows, and a length that holds none; warn of one that is pointless."""
        if spec.kind != "series":
            raise UserError(f"{type(self).__name__} holds a time series: choose SeriesData, or PixelSet for images")
        if self.length < self.least_size(spec):
            raise UserError(
                f"synthetic.length is {self.length} and one window takes {spec.window} time steps (look-back "
                f"{spec.lookback} and horizon {spec.horizon}): {self._remedy(spec)}"
            )
        if spec.num_rows and self.stored_steps > LARGEST_SHARE * spec.num_rows:
            warnings.warn(
                f"a set of the size of {self.stored_steps} time steps stands for {spec.num_rows}: a random piece of "
                "the series that long trains about as well. Make it smaller, or train on the series",
                PointlessSize,
                stacklevel=2,
            )

    def _remedy(self, spec: SeriesSpec) -> str:
        return f"raise the length to {self.least_size(spec)} or more"

    @torch.no_grad()
    def assign(self, x: Tensor) -> None:
        """Store another normalised series ``(M, N)``."""
        self.values.copy_(x)

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"values": (M, N)}``."""
        return {"values": self.values}

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self._batch(codes["values"])

    def _batch(self, x: Tensor) -> Batch:
        return Batch.of(x, torch.arange(len(x), device=x.device))

    def examples(self, decoded: Batch) -> int:
        """See :class:`Synthetic`: windows."""
        return len(decoded.x) - self.spec.window + 1

    def view(self, decoded: Batch, index: Tensor) -> Batch:
        """See :class:`Synthetic`: the windows that start at some time steps."""
        return windows(decoded.x, index, self.spec)

    def pack(self) -> Packed:
        """Return the float32 values, one row a channel."""
        rows = self.values.detach().cpu().T.contiguous().numpy().astype("<f4")
        meta = {"kind": type(self).__name__, **described(self), "dtype": "<f4", "shape": [self.length]}
        return Packed(columns={"codes": [row.tobytes() for row in rows]}, meta={**meta, "normalized": True})

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "as stored"}

    def bits(self) -> Bits:
        """Return 32 bits a value; there are no labels."""
        return Bits(data=self.values.numel() * 32, labels=0)


def windows(series: Tensor, index: Tensor, spec: SeriesSpec) -> Batch:
    """Return the windows of a series ``(T, N)`` that start at ``index`` ``(B,)``."""
    # Rows and not an unfolded view: the gradient of a view is as large as all its windows.
    rows = index.to(series.device)[:, None] + torch.arange(spec.window, device=series.device)
    window = series[rows]  # B, lookback + horizon, N
    return Batch.of(window[:, : spec.lookback], window[:, spec.lookback :])
