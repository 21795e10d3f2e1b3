"""Budget: how many bits a set may take."""

from __future__ import annotations

from typing import Annotated

from hf_distill.errors import UserError
from hf_distill.options import Range
from hf_distill.parts import Part


class Budget(Part):
    """Bits that a set may take in all: values, labels, scales and levels. One of the two is given.

    Args:
        bits_per_class: Bits of each class; images of 8 bits take ``values * 8 + ceil(log2(classes))`` each.
        total_bytes: Bytes of the whole set.

    Examples:
        >>> from hf_distill import Budget
        >>> Budget(bits_per_class=1024).bits(10), Budget(total_bytes=500).bits(10)
        (10240, 4000)
    """

    def __init__(
        self,
        *,
        bits_per_class: Annotated[int, Range(1, 2**53)] | None = None,
        total_bytes: Annotated[int, Range(1, 2**50)] | None = None,
    ) -> None:
        self.bits_per_class = bits_per_class
        self.total_bytes = total_bytes

    def bits(self, classes: int | None) -> int:
        """Return the bits in all, for so many classes or, where it is None, for a series.

        Raises:
            UserError: None or both are given, or it is not positive, or a series is measured by classes.
        """
        given = [value for value in (self.bits_per_class, self.total_bytes) if value is not None]
        if len(given) != 1:
            raise UserError("budget takes either bits_per_class or total_bytes")
        if self.total_bytes is not None:
            return 8 * self.total_bytes
        if classes is None:
            raise UserError("a series has no classes: give budget.total_bytes")
        assert self.bits_per_class is not None
        return classes * self.bits_per_class
