"""Selector: which real samples to take, in scikit-learn's manner."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.selection.certificate import Certificate, centre_queries, relative_errors

# Of the k-means costs that a selector without a bound of its own is measured by.
_CENTRES = 10
_ROWS = 4096


@dataclass(frozen=True)
class Chosen:
    """Rows of a stream.

    Attributes:
        rows: Their numbers, in increasing order, ``(k,)``.
        weight: How many rows each stands for, ``(k,)``.
        certificate: What was measured of them, where they were chosen by their features.
    """

    rows: Tensor
    weight: Tensor
    certificate: Certificate | None = None


class Selector(Part):
    """Chooses samples by their features.

    Attributes:
        needs_features: Whether :meth:`fit` looks at the features and not at their number alone; where it does not, no
            sample is read to choose.
        uses_targets: Whether :meth:`fit` takes the targets of the rows too, as its second argument.
        sensitivities_: Importance of every sample after :meth:`fit`, ``(N,)``.
        certificate_: What is proved of the last selection, and what was measured; made when it is asked for.

    Examples:
        >>> import torch
        >>> from hf_distill import KMeansSelector
        >>> selector = KMeansSelector().fit(torch.tensor([[0.0], [0.2], [9.0]]))
        >>> rows, weights = selector.select(2, torch.Generator().manual_seed(0))
        >>> weights.sum(), selector.certificate_.loss
        (tensor(3.), 'kmeans')
    """

    needs_features: ClassVar[bool] = True
    uses_targets: ClassVar[bool] = False
    sensitivities_: Tensor
    _features: Tensor
    _chosen: tuple[Tensor, Tensor] | None = None

    @abstractmethod
    def fit(self, features: Tensor) -> Selector:
        """Look at all samples' features ``(N, F)``."""

    @abstractmethod
    def select(self, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return ``k`` different row numbers ``(k,)`` and their weights ``(k,)``, which sum to N (on average)."""

    def from_stream(self, data: RowsData, features: Extractor, k: int, seed: int) -> Chosen:
        """Choose ``k`` rows of a stream, which is read once; where several processes ask, each finds them all.

        Args:
            data: The rows, set up.
            features: The space.
            k: How many; all where there are fewer.
            seed: Of all randomness.

        Raises:
            UserError: It cannot choose from a stream.
        """
        raise UserError(
            f"{type(self).__name__} needs all rows at once: choose MergeReduceSelector or RandomSelector, or set "
            "--data.streaming=false"
        )

    @property
    def certificate_(self) -> Certificate:
        """What is proved of the last selection; where nothing is, the k-means error that was measured.

        Raises:
            UserError: Nothing was selected yet, or the selector looks at no features.
        """
        if self._chosen is None or not getattr(self, "_features", torch.empty(0, 0)).shape[1]:
            raise UserError(f"{type(self).__name__} has no certificate before it has selected rows by their features")
        return self._certify(*self._chosen)

    def _certify(self, rows: Tensor, weight: Tensor) -> Certificate:
        queries = centre_queries(self._features, _CENTRES)
        measured = float(relative_errors(self._features, rows, weight, queries).max())
        return Certificate("kmeans", len(rows), None, None, measured)

    def _chose(self, rows: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Keep a selection for its certificate, and return it.

        Raises:
            UserError: A weight is not finite.
        """
        if not bool(weight.isfinite().all()):
            place = int((~weight.isfinite()).nonzero()[0])
            raise UserError(
                f"the weight of row {int(rows[place])} overflows: choose another selector, or scale features"
            )
        self._chosen = rows, weight
        return rows, weight

    def _check(self, k: int) -> int:
        return enough(k, len(self.sensitivities_))


def enough(k: int, count: int) -> int:
    """Return how many samples there are to select from.

    Raises:
        UserError: There are fewer than ``k``.
    """
    if k > count:
        raise UserError(f"cannot select {k} of {count} samples")
    return count


def fitted(selector: Selector, features: Tensor, targets: Tensor | None) -> Selector:
    """Fit a selector, with the targets of the rows where it uses them and there are any."""
    given: Any = selector
    fit: Selector = given.fit(features, targets) if selector.uses_targets else given.fit(features)
    return fit


def checked(features: Tensor, first: int = 0) -> Tensor:
    """Return features as float32 or more precise ones, once it is sure that they can be compared.

    Args:
        features: ``(N, F)``.
        first: The number of the first row, for errors.

    Raises:
        UserError: A feature is not finite, or so large that its square overflows.
    """
    features = features if features.dtype == torch.float64 else features.float()
    # Part by part: they may be more than memory holds.
    sizes = [part.abs().amax(1) for part in features.split(_ROWS)] if features.shape[1] else []
    size = torch.cat(sizes) if sizes else features.new_zeros(len(features))
    bad = (~size.isfinite()).nonzero()
    if len(bad):
        row = first + int(bad[0])
        raise UserError(f"row {row} has a feature that is not finite, {len(bad)} of {len(size)} rows have")
    limit = (torch.finfo(features.dtype).max / max(features.numel(), 1)) ** 0.5 / 4
    if len(size) and float(size.max()) > limit:
        row = first + int(size.argmax())
        raise UserError(f"row {row} has a feature of {float(size.max()):.3g}, whose square overflows: scale them")
    return features


def select_per_class(
    selector: Selector,
    real: RealData,
    per_class: int,
    streams: Streams,
    extractor: Extractor | None = None,
    spec: DataSpec | None = None,
) -> tuple[Tensor, Tensor]:
    """Select real samples of every class, as many of each as the data's ``class_balance`` says.

    Args:
        selector: A copy is fitted anew on the features of each class.
        real: Data with random access.
        per_class: Samples of each class (their mean where the balance is natural).
        streams: Randomness; each class has its own generator, so that a class added later changes no other.
        extractor: The space that it chooses in; that of pixels if None. Left alone where the selector needs none.
        spec: Whose statistics normalise; the data's own if None.

    Returns:
        Row numbers, about ``(classes * per_class,)``, ordered by class, and their weights.
    """
    features = (extractor or PixelFeatures()).of_samples(real, spec) if selector.needs_features else None
    index, weight = [], []
    for label, count in enumerate(real.quota(per_class)):
        if not count:
            continue
        rows = real.train.class_index(label)
        seen = torch.empty(len(rows), 0) if features is None else features(rows)
        # A copy: what it keeps of one class is gone before the next is read.
        targets = real.train.targets[rows] if selector.uses_targets else None
        chosen, weights = fitted(copy(selector), seen, targets).select(count, streams.generator("select", label))
        index.append(rows[chosen.cpu()])
        weight.append(weights.cpu())
    return torch.cat(index), torch.cat(weight)
