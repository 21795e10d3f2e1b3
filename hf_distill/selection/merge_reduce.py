"""MergeReduce: a weighted coreset of more rows than memory holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.seeding import Streams
from hf_distill.selection.base import checked
from hf_distill.selection.kmeans_sensitivity import kmeans_bounds
from hf_distill.selection.sampling import draw, inclusion

# Coresets that are reduced to one.
_MERGED = 8


@dataclass(frozen=True)
class Weighted:
    """Rows with weights.

    Attributes:
        features: ``(M, F)``.
        rows: Their numbers in the stream, ``(M,)``.
        weight: How many rows each stands for, ``(M,)``.
    """

    features: Tensor
    rows: Tensor
    weight: Tensor


class MergeReduce:
    """Keeps a k-means coreset of a stream of features: blocks are reduced to coresets, and eight of these again to one.

    Bentley and Saxe's scheme (1980), for coresets Har-Peled and Mazumdar (STOC 2004). At any time there are a block
    and up to seven coresets for each power of eight blocks: memory grows with the logarithm of the rows, and time with
    their number. Each reduction is a draw as ``KMeansSensitivitySelector`` makes, of rows that have weights, so that
    weighted sums stay unbiased; errors of the levels add up. The centres of a reduction are found from ``sampled`` of
    its rows: how near they are to the best ones is not bounded, and there is no certificate.

    Args:
        size: Rows of a coreset.
        centres: k, of the costs that are to be kept.
        block: Rows that are read before they are reduced, more than ``size``.
        sampled: See above.
        seed: Of all randomness.

    Examples:
        >>> import torch
        >>> from hf_distill import MergeReduce
        >>> stream, generator = MergeReduce(size=50, centres=5, block=200), torch.Generator().manual_seed(0)
        >>> for _ in range(10):
        ...     stream.add(torch.randn(300, 4, generator=generator))
        >>> stream.count, len(stream.result().rows)
        (3000, 50)
    """

    def __init__(
        self, *, size: int = 1000, centres: int = 10, block: int = 2**15, sampled: int = 1024, seed: int = 0
    ) -> None:
        if not 0 < size < block:
            raise UserError(f"size is {size} and block {block}; size must be 1 or more and less than block")
        self.size, self.centres, self.block, self.sampled, self.seed = size, centres, block, sampled, seed
        self.count = 0
        self._levels: list[list[Weighted]] = []
        self._waiting: list[Tensor] = []
        self._held = 0

    def add(self, features: Tensor) -> None:
        """Take the next rows' features ``(B, F)``.

        Raises:
            UserError: A feature is not finite, or its square overflows.
        """
        for part in checked(features, self.count + self._held).split(self.block):
            part = part.clone()  # a view would keep all that was read with it
            while len(part):
                taken = part[: self.block - self._held]
                self._waiting.append(taken)
                self._held += len(taken)
                part = part[len(taken) :]
                if self._held == self.block:
                    self._flush()

    def leaf(self, features: Tensor, first: int) -> Weighted:
        """Return the coreset of a block ``(block, F)`` of which the first row has this number; whoever asks, the same.

        Raises:
            UserError: As :meth:`add`.
        """
        rows = torch.arange(first, first + len(features))
        return self._reduce(Weighted(checked(features, first), rows, torch.ones(len(features))), "block", first)

    def push(self, leaf: Weighted, rows: int) -> None:
        """Take the coreset of the next block, which has so many rows: others may have made it."""
        self.count += rows
        for place, level in enumerate(self._levels):
            level.append(leaf)
            if len(level) < _MERGED:
                return
            leaf = self._reduce(_joined(level), self.count, place)
            level.clear()
        self._levels.append([leaf])

    def result(self) -> Weighted:
        """Return ``size`` rows of all that were added, fewer where there were fewer; more may be added after it.

        Raises:
            UserError: None were added, or weights overflow.
        """
        parts = [part for level in self._levels for part in level]
        if self._held:
            parts.append(self.leaf(torch.cat(self._waiting), self.count))
        if not parts:
            raise UserError("there are no rows: add some first")
        whole = self._reduce(_joined(parts), self.count, "result")
        if not bool(whole.weight.isfinite().all()):
            raise UserError("weights overflow: the stream is too long for float32")
        return whole

    def held(self) -> int:
        """Return how many rows are in memory."""
        return self._held + sum(len(part.rows) for level in self._levels for part in level)

    def _flush(self) -> None:
        rows, self._waiting, self._held = torch.cat(self._waiting), [], 0
        self.push(self.leaf(rows, self.count), len(rows))

    def _reduce(self, own: Weighted, *purpose: str | int) -> Weighted:
        if len(own.rows) <= self.size:
            return own
        generator = Streams(self.seed).generator("reduce", *purpose)
        bounds = kmeans_bounds(own.features, own.weight, self.centres, 1, generator, sampled=self.sampled)
        probability = inclusion(bounds, self.size)
        rows = draw(probability, self.size, generator)
        weight = own.weight[rows] / probability[rows].float()
        return Weighted(own.features[rows], own.rows[rows], weight)


def _joined(parts: list[Weighted]) -> Weighted:
    return Weighted(*(torch.cat([getattr(part, name) for part in parts]) for name in ("features", "rows", "weight")))
