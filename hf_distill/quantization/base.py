"""Quantizer: values in, integer codes or quantized values out, with a gradient for the way between."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.options import WIDTHS, Precision
from hf_distill.parts import Part

Granularity = Literal["tensor", "channel", "class", "sample"]
#: Bits of a stored range or level: float16.
SIDE_BITS = 16


class Quantizer(nn.Module, Part):
    """Rounds rows of values to few levels.

    It works on rows ``(G, n)``, each with parameters of its own; :mod:`hf_distill.quantization.grouping` turns samples
    into rows. Parameters are made by :meth:`calibrate`; what is stored of them, and so what decoding reads, is their
    float16. ``decode(encode(rows))`` and ``forward(rows)`` are the same bit for bit.

    Args:
        bits: Bits of a value: 1 to 8, or 16.
        granularity: What has parameters of its own: the ``tensor``, every ``channel``, ``class`` or ``sample``.

    Examples:
        >>> import torch
        >>> from hf_distill import UniformQuantizer
        >>> quantizer, rows = UniformQuantizer(bits=2), torch.tensor([[0.0, 0.9, 2.1, 3.0]])
        >>> quantizer.calibrate(rows)
        >>> quantizer.encode(rows), quantizer(rows).shape
        (tensor([[0, 1, 2, 3]]), torch.Size([1, 4]))
    """

    __repr__ = Part.__repr__  # by its options, not by its modules

    def __init__(self, *, bits: Precision = 2, granularity: Granularity = "tensor") -> None:
        super().__init__()
        self.bits = bits
        self.granularity = granularity

    @property
    def levels(self) -> int:
        """Number of different codes."""
        return 2**self.bits

    def check(self) -> None:
        """Refuse what cannot be stored.

        Raises:
            UserError: The number of bits is none of those that there are, or options do not fit each other.
        """
        if self.bits not in WIDTHS:
            raise UserError(f"quantizer.bits is {self.bits}; choose one of {', '.join(map(str, WIDTHS))}")

    @abstractmethod
    def calibrate(self, rows: Tensor) -> None:
        """Make the parameters, those that lose least of ``rows`` ``(G, n)``."""

    @abstractmethod
    def side_shape(self, groups: int) -> tuple[int, ...]:
        """Return the shape of the stored parameters of so many rows."""

    @abstractmethod
    def side(self) -> Tensor:
        """Return the stored parameters, float16 of :meth:`side_shape`."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what a reader needs beside codes and stored parameters, JSON."""

    @abstractmethod
    def _nearest(self, rows: Tensor) -> Tensor:
        """Return the codes of rows, unchecked."""

    @abstractmethod
    def _values(self, codes: Tensor) -> Tensor:
        """Return the values of codes, unchecked."""

    def project(self, low: Tensor, high: Tensor) -> None:
        """Move the parameters back to where they make sense: rows lie between ``low`` and ``high`` ``(G,)``."""

    def penalty(self, rows: Tensor) -> Tensor | None:
        """Return a term to be added to the loss, or None."""
        return None

    def side_bits(self, groups: int) -> int:
        """Return the bits of the stored parameters of so many rows."""
        return torch.Size(self.side_shape(groups)).numel() * SIDE_BITS

    @torch.no_grad()
    def encode(self, rows: Tensor) -> Tensor:
        """Return codes ``(G, n)``, int64, below :attr:`levels`.

        Raises:
            UserError: Values are not finite.
        """
        if not torch.isfinite(rows).all():
            bad = int((~torch.isfinite(rows)).sum())
            raise UserError(f"{bad} of {rows.numel()} values are not finite and have no code: lower the learning rate")
        return self._nearest(rows)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Return the values ``(G, n)`` of codes.

        Raises:
            UserError: Codes are no integers or stand for no level.
        """
        if codes.is_floating_point() or codes.dtype == torch.bool:
            raise UserError(f"codes are integers below {self.levels}, not {str(codes.dtype).removeprefix('torch.')}")
        if codes.numel() and not (int(codes.min()) >= 0 and int(codes.max()) < self.levels):
            raise UserError(
                f"codes reach from {int(codes.min())} to {int(codes.max())}, not from 0 to {self.levels - 1}"
            )
        return self._values(codes.long())


class _Replace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, through: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return grad, grad


def replace(value: Tensor, through: Tensor) -> Tensor:
    """Return ``value`` bit for bit, with the gradient going to both arguments as if each were the result.

    ``through + (value - through).detach()`` has the same gradient, but rounds.
    """
    result: Tensor = _Replace.apply(value, through)
    return result


def as_stored(parameter: Tensor) -> Tensor:
    """Return a parameter as it is stored, its float16, with the parameter's own gradient."""
    return replace(parameter.detach().half().float(), parameter)


def usable(rows: Tensor) -> Tensor:
    """Return rows to calibrate on, float32.

    Raises:
        UserError: There is nothing, values are not finite, or they are too large for a float16.
    """
    if rows.ndim != 2 or not rows.numel():
        raise UserError(f"a quantizer is calibrated on rows (G, n), not on values of shape {tuple(rows.shape)}")
    if not torch.isfinite(rows).all():
        raise UserError("values to calibrate a quantizer on are not finite")
    if rows.abs().max() > torch.finfo(torch.float16).max:
        raise UserError(
            f"values reach {rows.abs().max():.3g} and ranges are stored as float16, up to 65504: normalise the data"
        )
    return rows.detach().float()
