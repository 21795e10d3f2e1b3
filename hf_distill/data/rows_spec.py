"""RowsSpec: what whole rows of a source are, of which nothing is known but their columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class RowsSpec:
    """Rows of any columns, which are published as they are: there are neither inputs nor targets.

    Attributes:
        features: The ``datasets.Features`` of all columns as a dictionary, in the source's order.
        row_bits: Bits of an average row of the source.
        source: Where the data came from: ``path``, ``name``, ``revision``, ``split``, ``fingerprint``, ``license``.
        num_rows: Rows of the split.

    Examples:
        >>> from hf_distill import RowsSpec
        >>> RowsSpec(features={"text": {"dtype": "string", "_type": "Value"}}, num_rows=2).to_dict()["task"]
        'whole-rows'
    """

    task: ClassVar[str] = "whole-rows"
    kind: ClassVar[str] = "rows"
    target: ClassVar[str] = "none"
    num_groups: ClassVar[None] = None
    shape: ClassVar[tuple[int]] = (0,)
    mean: ClassVar[tuple[float, ...]] = ()
    std: ClassVar[tuple[float, ...]] = ()
    bits_per_value: ClassVar[int] = 8

    features: dict[str, Any]
    row_bits: int = 0
    source: dict[str, Any] = field(default_factory=dict)
    num_rows: int = 0

    def normalize(self, raw: Tensor) -> Tensor:
        """Return values as they are."""
        return raw

    def denormalize(self, x: Tensor) -> Tensor:
        """Return values as they are."""
        return x

    def contents(self) -> str:
        """Say what a set holds."""
        return "whole rows"

    def made_up(self) -> tuple[Tensor, Tensor]:
        """Return two rows of no values."""
        return torch.zeros(2, 0), torch.zeros(2, dtype=torch.int64)

    def with_few(self, most: int) -> RowsSpec:
        """Return the specification as it is: it has no classes."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON, its task included."""
        return {"task": self.task, "shape": list(self.shape), **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RowsSpec:
        """Rebuild a specification from :meth:`to_dict`."""
        return cls(**{key: value for key, value in values.items() if key not in ("task", "shape")})
