"""Extractor: the description of a feature space, and Features, what it is once it has seen the data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.networks.base import Architecture
from hf_distill.parts import Part

# Samples of one forward pass: on a CPU larger ones leave its cache.
_BATCH = {"cpu": 256}


@dataclass(frozen=True)
class Features:
    """A feature space.

    Attributes:
        extract: Maps normalised samples ``(B, *shape)`` on ``device`` to features ``(B, F)``.
        spec: Whose statistics normalise.
        device: Where features are made, and where they are.
        about: What is to be said of it beside its description, JSON.
    """

    extract: Callable[[Tensor], Tensor]
    spec: DataSpec
    device: torch.device
    about: dict[str, Any] = field(default_factory=dict)

    @torch.no_grad()
    def of(self, x: Tensor) -> Tensor:
        """Return the features ``(N, F)`` of normalised samples ``(N, *shape)``."""
        return torch.cat([self.extract(part.to(self.device)) for part in x.split(self._batch)])

    @torch.no_grad()
    def rows(self, split: Split, index: Tensor) -> Tensor:
        """Return the features ``(N, F)`` of rows of a split; all samples are never in memory at once."""
        parts = index.split(self._batch)
        return torch.cat([self.extract(self.spec.normalize(split.raw(part)).to(self.device)) for part in parts])

    @property
    def _batch(self) -> int:
        return _BATCH.get(self.device.type, 4096)


class Extractor(Part):
    """The description of a feature space."""

    @abstractmethod
    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """Return the space, fitted to the training rows where it is one that is.

        Args:
            real: The data, set up and with random access.
            spec: Whose statistics normalise, a distilled set's; the data's own if None.
            network: The architecture that a space by a network has if it names none; see :func:`default_network`.
            device: Where to work; where the data is if None.
        """

    def of_rows(self, data: RowsData) -> Tensor:
        """Return the features of all whole rows, ``(N, F)``: those of their inputs, read in one pass.

        Args:
            data: The rows, set up.

        Raises:
            UserError: The space is none of such rows, or no column holds inputs that it understands.
        """
        real = data.samples()
        return self.fit(real).rows(real.train, torch.arange(len(real.train)))
