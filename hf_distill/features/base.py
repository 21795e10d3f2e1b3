"""Extractor: the description of a feature space, and Features, what it is once it has seen the data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError
from hf_distill.features.stored import BLOCK, stored
from hf_distill.networks.base import Architecture
from hf_distill.parts import Part
from hf_distill.ranks import ALONE, Ranks

# Whole rows that a space is fitted to, at most.
FITTED = 2**16
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

    Examples:
        >>> import torch
        >>> from hf_distill import PixelFeatures, RealData
        >>> space = PixelFeatures().fit(RealData().setup())
        >>> space.of(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 64])
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
    """The description of a feature space.

    Attributes:
        cache: Keep the features of a table for the next time.
        needs_samples: Whether it looks at inputs, which must be read as samples first, and not at whole rows.
        needs_labels: Whether it learns from labels, which whole rows have none of.

    Examples:
        >>> import torch
        >>> from hf_distill import PcaFeatures, RealData
        >>> real = RealData().setup()
        >>> space = PcaFeatures(components=8).fit(real)
        >>> space.of(real.train.batch(torch.arange(5)).x).shape
        torch.Size([5, 8])
    """

    needs_samples: ClassVar[bool] = True
    needs_labels: bool = False
    cache: bool = False

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

    def fitted(self, some: RowsData) -> Callable[[RowsData], Tensor]:
        """Return what maps whole rows to features ``(N, F)``, those of their inputs.

        Args:
            some: Rows that it is fitted to, where it is something to fit: evenly spaced ones of a table, or the first
                ones of a stream.

        Raises:
            UserError: The space is none of such rows, or no column holds inputs that it understands.
        """
        features = self.fit(some.samples())

        def seen(rows: RowsData) -> Tensor:
            split = rows.samples().train
            return features.rows(split, torch.arange(len(split)))

        return seen

    def check_rows(self) -> None:
        """Refuse a space that whole rows cannot give.

        Raises:
            UserError: It learns from labels.
        """
        if self.needs_labels:
            raise UserError(
                f"{type(self).__name__} trains on labels, and whole rows have none: choose PixelFeatures, or RealData"
            )

    def blocks(
        self, data: RowsData, size: int, ranks: Ranks = ALONE, like: RowsData | None = None
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield the features of whole rows block by block, with the number of the first row.

        Args:
            data: The rows, set up.
            size: Rows of a block.
            ranks: The processes that take them in turn; this one's are yielded.
            like: Rows that the space is fitted to in their place.

        Raises:
            UserError: As :meth:`fitted`.
        """
        self.check_rows()
        if self.needs_samples and not data.is_stream and like is None:
            # All at once: how a sample is read may depend on the others, a grey image among colour ones.
            real = data.samples()
            features = self.fit(real)
            for first in range(ranks.rank * size, len(data), ranks.count * size):
                yield first, features.rows(real.train, torch.arange(first, min(first + size, len(data))))
            return
        seen = self.fitted((like or data).some(FITTED))
        for first, block in data.blocks(size, ranks):
            yield first, seen(block)

    def of_rows(self, data: RowsData, ranks: Ranks = ALONE, like: RowsData | None = None) -> Tensor:
        """Return the features of all whole rows of a table, ``(N, F)``, memory-mapped: see :func:`stored`.

        Args:
            data: The rows, set up.
            ranks: The processes of one machine that share the work.
            like: Rows that the space is fitted to in their place.

        Raises:
            UserError: As :meth:`fitted`, or the rows are a stream.
        """
        tables = [rows.table._fingerprint for rows in (data, like) if rows is not None]
        about = [tables, data.input_column, self.config(), self.weights()]
        found = stored(lambda: self.blocks(data, BLOCK, ranks, like), len(data), about, self.cache, ranks)
        return found.to(data.device)

    def of_samples(self, real: RealData, spec: DataSpec | None = None) -> Callable[[Tensor], Tensor]:
        """Return what gives the features ``(N, F)`` of training rows by their numbers ``(N,)``.

        Args:
            real: The data, set up and with random access.
            spec: Whose statistics normalise; the data's own if None.
        """
        if not self.cache:
            features = self.fit(real, spec=spec)
            return lambda rows: features.rows(real.train, rows)

        def blocks() -> Iterator[tuple[int, Tensor]]:
            fitted = self.fit(real, spec=spec)
            for rows in torch.arange(len(real.train)).split(BLOCK):
                yield int(rows[0]), fitted.rows(real.train, rows)

        about = [real.config(), (spec or real.spec).to_dict(), self.config(), self.weights()]
        table = stored(blocks, len(real.train), about, True)
        return lambda rows: table[rows].to(real.train.device)

    def weights(self) -> Any:
        """Return what decides the features beside the configuration, as JSON: which weights a model has."""
        return None
