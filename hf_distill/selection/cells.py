"""Cells: the parts into which k-means divides each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from hf_distill.clustering import kmeans
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.features.pixels import PixelFeatures
from hf_distill.options import PositiveInt
from hf_distill.selection.base import Selector, checked

# Samples that the centres are found from; all are then assigned.
_FITTED = 2048
_ROUNDS = 10


class CellSelector(Selector):
    """Takes as many from each of a class's cells: rare kinds of samples are not left out.

    The cells are those of :meth:`Cells.of`, so that ``DistributionMatching`` with the same ``cell_size`` finds every
    sample in its own.

    Args:
        cell_size: Samples to take from a cell.
        pick: Take them at ``random``, or those ``closest`` to the cell's centre; with one a cell that is nearly the
            selection of ``KMeansSelector``, whose clusters are found with more care, in a fraction of its time.

    Examples:
        >>> import torch
        >>> from hf_distill import CellSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1], [9.3]])
        >>> CellSelector(cell_size=3, pick="closest").fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([3, 1]), tensor([3., 3.]))
    """

    def __init__(self, *, cell_size: PositiveInt = 5, pick: Literal["random", "closest"] = "random") -> None:
        self.cell_size = cell_size
        self.pick = pick

    def fit(self, features: Tensor) -> CellSelector:
        """See :class:`Selector`; all samples are equally important.

        Raises:
            UserError: An option is out of its range.
        """
        self._features = checked(features)
        self.sensitivities_ = torch.full((len(features),), 1 / len(features))
        return self

    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See :class:`Selector`; ordered by cell."""
        self._check(k)
        centres, labels = divide(self._features, count_cells(k, self.cell_size))
        order = torch.randperm(len(labels), generator=generator)
        if self.pick == "closest":
            order = (self._features - centres[labels]).square().sum(1).argsort().cpu()
        labels = labels.cpu()
        ordered = [order[labels[order] == cell] for cell in range(len(centres))]
        chosen = [cell[:quota] for cell, quota in zip(ordered, shares(k, len(ordered)), strict=True)]
        # Cells with too few samples leave places, which go to the others.
        left = torch.ones(len(labels), dtype=torch.bool)
        left[torch.cat(chosen)] = False
        spare = order[left[order]]
        index = torch.cat(chosen)
        index = torch.cat((index, spare[: k - len(index)]))
        index = index[labels[index].argsort(stable=True)]
        taken = torch.bincount(labels[index], minlength=len(centres))
        weight = torch.bincount(labels, minlength=len(centres)) / taken.clamp_min(1)
        weight = weight[labels[index]]
        return self._chose(index, weight * (len(labels) / weight.sum()))


@dataclass(frozen=True)
class Cells:
    """The cells of all classes.

    Attributes:
        rows: Numbers of the real samples in each cell.
        centres: In the space of ``features``, ``(cells, F)``.
        classes: The class of each cell, in increasing order.
        features: The space that they are divided in.
    """

    rows: list[Tensor]
    centres: Tensor
    classes: list[int]
    features: Features

    @classmethod
    def of(cls, real: RealData, counts: list[int], cell_size: int, extractor: Extractor | None = None) -> Cells:
        """Divide every class.

        Args:
            real: Data with random access.
            counts: Synthetic samples of each class; one without any has no cell.
            cell_size: Synthetic samples of a cell.
            extractor: The space that they are divided in; that of pixels if None.

        Raises:
            UserError: The data is a stream, or the size is below 1.
        """
        if cell_size < 1:
            raise UserError(f"cell_size is {cell_size}; it must be 1 or more")
        if real.is_stream:
            raise UserError("cells need random access to the data: set --method.objective.cell_size=0 for a stream")
        features = (extractor or PixelFeatures()).fit(real)
        rows: list[Tensor] = []
        centres, classes = [], []
        for label, count in enumerate(counts):
            if not count:
                continue
            own = real.train.class_index(label)
            found, labels = divide(features.rows(real.train, own), count_cells(count, cell_size))
            rows += [own[(labels == cell).cpu()] for cell in range(len(found))]
            centres.append(found)
            classes += [label] * len(found)
        return cls(rows, torch.cat(centres), classes, features)

    def assign(self, x: Tensor, y: Tensor) -> Tensor:
        """Share samples ``x`` of classes ``y`` ``(M,)`` out to the cells: equally many to each, the closest first."""
        member = torch.zeros(len(y), dtype=torch.int64)
        classes = torch.tensor(self.classes)
        seen = self.features.of(x)
        for label in sorted(set(self.classes)):
            cells, own = torch.nonzero(classes == label)[:, 0], torch.nonzero(y.cpu() == label)[:, 0]
            member[own] = cells[share_out(torch.cdist(seen[own.to(seen.device)], self.centres[cells.to(seen.device)]))]
        return member.to(y.device)


def share_out(distance: Tensor) -> Tensor:
    """Share samples out to cells, equally many to each, the closest first; ``distance`` is ``(samples, cells)``."""
    distance, cells = distance.cpu().clone(), distance.shape[1]
    member, free = torch.zeros(len(distance), dtype=torch.int64), shares(len(distance), cells)
    for place in distance.flatten().argsort().tolist():
        sample, cell = divmod(place, cells)
        if free[cell] and not distance[sample].isinf().any():
            member[sample] = cell
            free[cell] -= 1
            distance[sample] = torch.inf
    return member


def count_cells(samples: int, cell_size: int) -> int:
    """Return into how many cells a class with so many synthetic samples is divided."""
    return max(1, samples // cell_size)


def shares(total: int, parts: int) -> list[int]:
    """Divide a number into parts that differ by one at most."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def divide(features: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return centres ``(K, F)`` and each sample's cell ``(N,)``; K is less than ``k`` where not so many differ.

    They are the same ones each time: a selector and an objective that look at the same samples find the same cells.

    Args:
        features: Samples ``(N, F)``.
        k: Cells.
    """
    generator = torch.Generator().manual_seed(0)
    clusters = kmeans(features, k, generator, rounds=_ROUNDS, trials=1, sampled=_FITTED)
    return clusters.centres, clusters.labels
