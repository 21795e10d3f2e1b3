"""Quantizers whose levels are a fixed grid, moved and scaled: uniform and additive powers of two."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.options import PositiveFloat, Precision, Range
from hf_distill.quantization.base import Granularity, Quantizer, as_stored, replace, usable

# Smallest range of a row: float16 cannot tell closer ends apart at the sizes that normalised data has.
_LEAST = 1e-2
_CANDIDATES = 24


class GridQuantizer(Quantizer):
    """``value = offset + scale * grid[code]``, with the level that is nearest to ``clip((x - offset) / scale)``.

    The gradient is that of reparameterised clipping (APoT, Li et al., ICLR 2020), with u the clipped argument and uq
    its level: 1 for x inside the range and 0 outside; for the scale ``uq - u`` inside and ``uq`` outside (the sign of x
    on a symmetric grid), so that every value contributes; for the offset 0 inside and 1 outside.
    """

    @abstractmethod
    def grid(self) -> Tensor:
        """Return the levels in increasing order, ``(K,)``."""

    @abstractmethod
    def affine(self) -> tuple[Tensor, Tensor]:
        """Return offset and scale ``(G, 1)``, as they are stored."""

    def forward(self, rows: Tensor) -> Tensor:
        """Return the quantized rows ``(G, n)``, differentiable in them and in the parameters."""
        grid = self.grid().to(rows)
        offset, scale = self.affine()
        u = ((rows - offset) / scale).clamp(float(grid[0]), float(grid[-1]))
        return offset + scale * replace(grid[_nearest(grid, u.detach())], self._backward(u))

    def _backward(self, u: Tensor) -> Tensor:
        """Return what gives the gradient of rounding: the identity."""
        return u

    def _nearest(self, rows: Tensor) -> Tensor:
        grid = self.grid().to(rows)
        offset, scale = self.affine()
        return _nearest(grid, ((rows - offset) / scale).clamp(float(grid[0]), float(grid[-1])))

    def _values(self, codes: Tensor) -> Tensor:
        offset, scale = self.affine()
        return offset + scale * self.grid().to(offset)[codes]

    @torch.no_grad()
    def _best(self, rows: Tensor, offsets: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
        """Return of candidates ``(T, G)`` those offsets and scales ``(G,)`` with the smallest squared error."""
        grid = self.grid().to(rows)
        errors = []
        for offset, scale in zip(offsets[..., None], scales[..., None], strict=True):
            u = ((rows - offset) / scale).clamp(float(grid[0]), float(grid[-1]))
            errors.append((offset + scale * grid[_nearest(grid, u)] - rows).square().mean(1))
        best = torch.stack(errors).argmin(0)[None]
        return offsets.gather(0, best)[0], scales.gather(0, best)[0]


def _nearest(grid: Tensor, u: Tensor) -> Tensor:
    return torch.bucketize(u.contiguous(), (grid[1:] + grid[:-1]) / 2)


class UniformQuantizer(GridQuantizer):
    """Equally spaced levels.

    Args:
        bits: See :class:`Quantizer`.
        granularity: See :class:`Quantizer`.
        symmetric: ``alpha * {-1, ..., 0, ..., 1}``, the ``2^b - 1`` levels of QuADD, instead of all ``2^b`` between a
            learned lower and a learned upper end.
        rounding: Whose derivative the gradient takes: ``hard`` is the straight-through estimator; ``soft`` a smooth
            staircase, :meth:`smooth`. What comes out is hard-rounded with both.
        sharpness: Of the smooth staircase; the identity at 0 and hard rounding at infinity.

    Examples:
        >>> import torch
        >>> from hf_distill import UniformQuantizer
        >>> quantizer, rows = UniformQuantizer(bits=1), torch.tensor([[0.0, 0.2, 0.9, 1.0]])
        >>> quantizer.calibrate(rows)
        >>> quantizer.encode(rows)
        tensor([[0, 0, 1, 1]])
    """

    def __init__(
        self,
        *,
        bits: Precision = 2,
        granularity: Granularity = "tensor",
        symmetric: bool = False,
        rounding: Literal["hard", "soft"] = "hard",
        sharpness: PositiveFloat = 4.0,
    ) -> None:
        super().__init__(bits=bits, granularity=granularity)
        self.symmetric = symmetric
        self.rounding = rounding
        self.sharpness = sharpness

    def check(self) -> None:
        """See :class:`Quantizer`."""
        super().check()
        if self.symmetric and self.bits == 1:
            raise UserError("quantizer.symmetric needs 2 bits or more: with 1 its only level is zero")

    @property
    def levels(self) -> int:
        """See :class:`Quantizer`."""
        return 2**self.bits - self.symmetric

    def grid(self) -> Tensor:
        """See :class:`GridQuantizer`."""
        unit = torch.arange(self.levels, dtype=torch.float32) / (self.levels - 1)
        return 2 * unit - 1 if self.symmetric else unit

    def affine(self) -> tuple[Tensor, Tensor]:
        """See :class:`GridQuantizer`."""
        ends = as_stored(self.ends)
        if self.symmetric:
            return torch.zeros_like(ends), ends
        return ends[:, :1], ends[:, 1:] - ends[:, :1]

    def calibrate(self, rows: Tensor) -> None:
        """See :class:`Quantizer`; of ends at the extremes and at some quantiles, the best."""
        self.check()
        rows = usable(rows)
        if self.symmetric:
            shares = torch.linspace(0.2, 1, _CANDIDATES, device=rows.device)[:, None]
            scales = (shares * rows.abs().amax(1)).clamp_min(_LEAST)
            self.ends = nn.Parameter(self._best(rows, torch.zeros_like(scales), scales)[1][:, None])
            return
        middle = (rows.amax(1) + rows.amin(1)) / 2
        half = ((rows.amax(1) - rows.amin(1)) / 2).clamp_min(_LEAST / 2)
        shares = torch.linspace(0.3, 1, _CANDIDATES // 3, device=rows.device)
        pairs = torch.tensor(list(itertools.product(shares.tolist(), repeat=2)), device=rows.device)
        lows, highs = middle - pairs[:, :1] * half, middle + pairs[:, 1:] * half
        offset, scale = self._best(rows, lows, highs - lows)
        self.ends = nn.Parameter(torch.stack((offset, offset + scale), 1))

    def smooth(self, rows: Tensor) -> Tensor:
        """Return the smooth surrogate of :meth:`forward`: every step of the staircase is a scaled tanh.

        ``floor(v) + 1/2 + tanh(k (v - floor(v) - 1/2)) / (2 tanh(k / 2))`` with v the value in steps and k the
        sharpness; continuous, and differentiable except at the levels.
        """
        grid = self.grid().to(rows)
        offset, scale = self.affine()
        return offset + scale * self._staircase(((rows - offset) / scale).clamp(float(grid[0]), float(grid[-1])))

    def _staircase(self, u: Tensor) -> Tensor:
        step = (2 if self.symmetric else 1) / (self.levels - 1)
        low = -1.0 if self.symmetric else 0.0
        v = (u - low) / step
        whole = v.detach().floor()
        rise = torch.tanh(self.sharpness * (v - whole - 0.5)) / (2 * math.tanh(self.sharpness / 2))
        return low + step * (whole + 0.5 + rise)

    def _backward(self, u: Tensor) -> Tensor:
        return self._staircase(u) if self.rounding == "soft" else u

    @torch.no_grad()
    def project(self, low: Tensor, high: Tensor) -> None:
        """See :class:`Quantizer`: ends stay within the values, in their order and apart."""
        if self.symmetric:
            most = torch.maximum(low.abs(), high.abs()).clamp_min(_LEAST)[:, None]
            self.ends.copy_(self.ends.clamp_min(_LEAST).minimum(most))
            return
        lower = self.ends[:, 0].maximum(low).minimum(high - _LEAST)
        upper = self.ends[:, 1].minimum(high).maximum(lower + _LEAST)
        self.ends.copy_(torch.stack((lower, upper), 1))

    def side_shape(self, groups: int) -> tuple[int, ...]:
        """See :class:`Quantizer`: both ends, or alpha."""
        return (groups, 1 if self.symmetric else 2)

    def side(self) -> Tensor:
        """See :class:`Quantizer`."""
        return self.ends.detach().half()

    def describe(self) -> dict[str, Any]:
        """See :class:`Quantizer`."""
        return {"family": "symmetric" if self.symmetric else "uniform", "levels": self.levels}


class PowersOfTwoQuantizer(GridQuantizer):
    """Additive powers of two: ``alpha`` times sums of powers of two with a sign, denser near zero; alpha is learned.

    Of b bits one is the sign; the others are split into n terms of ``term_bits`` (the last takes what is left). Term i
    is one of ``0, 2^-i, 2^-(i+n), 2^-(i+2n), ...``; the sums are divided by the largest. Zero has no sign, which leaves
    ``2^b - 1`` levels. One bit is the sign alone: ``-alpha, alpha``.

    Source: Li, Dong and Wang, Additive Powers-of-Two Quantization (ICLR 2020).

    Args:
        bits: See :class:`Quantizer`.
        granularity: See :class:`Quantizer`.
        term_bits: Bits of a term, ``k``.

    Examples:
        >>> from hf_distill import PowersOfTwoQuantizer
        >>> PowersOfTwoQuantizer(bits=3).levels  # zero has no sign
        7
    """

    def __init__(
        self,
        *,
        bits: Annotated[int, Range(1, 8)] = 4,
        granularity: Granularity = "tensor",
        term_bits: Annotated[int, Range(1, 4)] = 2,
    ) -> None:
        super().__init__(bits=bits, granularity=granularity)
        self.term_bits = term_bits

    def check(self) -> None:
        """See :class:`Quantizer`."""
        super().check()
        if self.bits > 8:
            raise UserError(
                f"quantizer.bits is {self.bits}; PowersOfTwoQuantizer takes 8 at most: take UniformQuantizer"
            )

    @property
    def levels(self) -> int:
        """See :class:`Quantizer`."""
        return 2 if self.bits == 1 else 2**self.bits - 1

    def grid(self) -> Tensor:
        """See :class:`GridQuantizer`."""
        if self.bits == 1:
            return torch.tensor([-1.0, 1.0])
        left, terms = self.bits - 1, math.ceil((self.bits - 1) / self.term_bits)
        sums = torch.zeros(1, dtype=torch.float64)
        for i in range(terms):
            width = min(self.term_bits, left)
            left -= width
            powers = [0.0] + [2.0 ** -(i + j * terms) for j in range(2**width - 1)]
            sums = (sums[:, None] + torch.tensor(powers, dtype=torch.float64)).flatten()
        half = (sums / sums.max()).sort().values
        return torch.cat((-half[1:].flip(0), half)).float()

    def affine(self) -> tuple[Tensor, Tensor]:
        """See :class:`GridQuantizer`."""
        alpha = as_stored(self.alpha)
        return torch.zeros_like(alpha), alpha

    def calibrate(self, rows: Tensor) -> None:
        """See :class:`Quantizer`; of some shares of the largest value, the best clip."""
        self.check()
        rows = usable(rows)
        shares = torch.linspace(0.2, 1, _CANDIDATES, device=rows.device)[:, None]
        scales = (shares * rows.abs().amax(1)).clamp_min(_LEAST)
        self.alpha = nn.Parameter(self._best(rows, torch.zeros_like(scales), scales)[1][:, None])

    @torch.no_grad()
    def project(self, low: Tensor, high: Tensor) -> None:
        """See :class:`Quantizer`."""
        most = torch.maximum(low.abs(), high.abs()).clamp_min(_LEAST)[:, None]
        self.alpha.copy_(self.alpha.clamp_min(_LEAST).minimum(most))

    def side_shape(self, groups: int) -> tuple[int, ...]:
        """See :class:`Quantizer`: alpha."""
        return (groups, 1)

    def side(self) -> Tensor:
        """See :class:`Quantizer`."""
        return self.alpha.detach().half()

    def describe(self) -> dict[str, Any]:
        """See :class:`Quantizer`."""
        return {"family": "powers of two", "levels": self.levels, "grid": self.grid().tolist()}
