"""LeverageSelector: rows drawn by their ridge leverage scores."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.options import PositiveFloat, PositiveInt, Seed
from hf_distill.selection.base import checked
from hf_distill.selection.certificate import QUERIES, Queries
from hf_distill.selection.importance import ImportanceSelector

_ROWS = 4096


class LeverageSelector(ImportanceSelector):
    """A coreset for ridge regression: its weighted loss is near that of all rows, for any weights.

    The ridge leverage score of row i of the features ``P`` is ``p_i (P^T P + l I)^-1 p_i``, which is
    ``[K (K + l I)^-1]_ii`` of the kernel matrix ``K = P P^T``; the sum of all is the effective dimension (Alaoui and
    Mahoney, Fast Randomized Kernel Ridge Regression with Statistical Guarantees, NIPS 2015). With labels the features
    have these as further columns, which have no ridge: ``(w p_i - y_i)^2 + l |w|^2 / N`` is at most the score and
    ``1 / N`` of its sum over all rows, whatever ``w`` is. (With a ridge on the labels' columns too, as ``K + Y Y^T``
    is often read, that is no bound.) Rows are drawn without replacement.

    Args:
        labels: Take the labels into account: targets as numbers, or a column of 0 and 1 for each class.
        kernel: ``linear``, of the features and a constant, exact at any size; ``gaussian``, whose width is the median
            distance, exact up to ``exact`` rows.
        ridge: ``l``, as a share of the sum of squares of the features: directions that hold less hardly count.
        exact: Rows up to which a gaussian kernel is taken as it is.
        landmarks: Random rows by which a larger one is approximated (Nystroem); what they do not see of a row is added
            to its score in full, so that rows unlike all others are found (Musco and Musco, Recursive Sampling for the
            Nystroem Method, NIPS 2017).
        seed: Of landmarks and of the certificate's queries.

    Examples:
        >>> import torch
        >>> from hf_distill import LeverageSelector
        >>> features, generator = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)), torch.Generator()
        >>> rows, weights = LeverageSelector().fit(features).select(30, generator)
        >>> len(rows), 50 < float(weights.sum()) < 200  # 100 on average
        (30, True)
    """

    loss = "ridge"
    uses_targets: ClassVar[bool] = True

    def __init__(
        self,
        *,
        labels: bool = False,
        kernel: Literal["linear", "gaussian"] = "linear",
        ridge: PositiveFloat = 1e-4,
        exact: PositiveInt = 2000,
        landmarks: PositiveInt = 500,
        seed: Seed = 0,
    ) -> None:
        self.labels = labels
        self.kernel = kernel
        self.ridge = ridge
        self.exact = exact
        self.landmarks = landmarks
        self.seed = seed

    def fit(self, features: Tensor, y: Tensor | None = None) -> LeverageSelector:
        """See :class:`Selector`.

        Args:
            features: ``(N, F)``.
            y: Targets ``(N,)`` or ``(N, outputs)``, classes where they are whole numbers.

        Raises:
            UserError: Labels are to be taken into account, and there are none.
        """
        if self.labels and y is None:
            raise UserError("LeverageSelector with labels needs targets: set labels=false")
        mapped = self._map(checked(features))
        targets = _columns(y).to(mapped) if self.labels and y is not None else mapped[:, :0]
        # Of what the features of landmarks do not hold of a row, all may count.
        rest = (1 - mapped.double().square().sum(1)).clamp_min(0) if self.kernel == "gaussian" else mapped[:, 0] * 0
        self._ridge = self.ridge * float(mapped.double().square().sum() + rest.sum())
        self._width = mapped.shape[1]
        both = torch.cat((mapped, targets), 1)
        scores = leverage_scores(both, self._ridge, self._width)
        scores = (scores + rest / self._ridge).clamp_max(1) if self._ridge else scores
        self._bounded(both, (scores + 1 / len(mapped)).cpu())
        self.leverage_ = scores.cpu()
        return self

    def _map(self, x: Tensor) -> Tensor:
        """Return features whose inner products are the kernel, ``(N, P)``."""
        x = x - x.mean(0)
        if self.kernel == "linear":
            size = x.square().sum(1).mean().sqrt()
            return torch.cat((x / (size if size > 0 else 1), torch.ones_like(x[:, :1])), 1)
        generator = torch.Generator().manual_seed(self.seed)
        count = len(x) if len(x) <= self.exact else self.landmarks
        anchors = x[torch.randperm(len(x), generator=generator)[:count].to(x.device)].double()
        distance = torch.cdist(anchors, anchors).square()
        apart = distance[distance > 0]
        width = float(apart.median()) if len(apart) else 1.0
        values, vectors = torch.linalg.eigh((-distance / width).exp())
        kept = values > 1e-10 * values[-1]
        basis = vectors[:, kept] / values[kept].sqrt()
        return torch.cat([((-torch.cdist(part.double(), anchors).square() / width).exp() @ basis).float()
                          for part in x.split(_ROWS)])  # fmt: skip

    def _queries(self) -> Queries:
        """Return losses of the solutions on random quarters of the rows, and of random directions."""
        generator = torch.Generator().manual_seed(self.seed + 1)
        count = self._width
        x, y = self._features[:, :count].double(), self._features[:, count:].double()
        found = []
        eye = torch.eye(count, dtype=x.dtype, device=x.device)
        for query in range(QUERIES):
            rows = torch.randperm(len(x), generator=generator)[: max(1, len(x) // 4)].to(x.device)
            own = x[rows]
            # Without labels: of random ones, which is what the scores bound for all.
            goal = y[rows] if y.shape[1] else torch.randn(len(rows), 1, generator=generator).double().to(x)
            ridge = max(self._ridge / 4, 1e-12)
            w = torch.linalg.solve(own.T @ own + ridge * eye, own.T @ goal)
            found.append(torch.randn(w.shape, generator=generator).to(x) * w.norm() if query % 2 else w)
        weights, share = torch.stack(found, 1), self._ridge / len(x)

        def losses(both: Tensor) -> Tensor:
            outputs = torch.einsum("bf,fqo->bqo", both[:, :count].double(), weights)
            errors = outputs - both[:, None, count:] if both.shape[1] > count else outputs
            return errors.square().sum(2) + share * weights.square().sum((0, 2))

        return losses


def leverage_scores(features: Tensor, ridge: float, penalised: int | None = None) -> Tensor:
    """Return the ridge leverage score of every row of ``(N, F)``, ``(N,)``, as float64.

    Args:
        features: ``(N, F)``.
        ridge: ``l``.
        penalised: Columns that have a ridge, the first ones; all by default.
    """
    width = features.shape[1]
    gram = torch.zeros(width, width, dtype=torch.float64, device=features.device)
    for part in features.split(_ROWS):
        gram += part.double().T @ part.double()
    diagonal = torch.full((width,), ridge, dtype=torch.float64, device=features.device)
    if penalised is not None:
        diagonal[penalised:] = 0
    inverse = torch.linalg.pinv(gram + diagonal.diag(), hermitian=True)
    parts = [((part.double() @ inverse) * part.double()).sum(1) for part in features.split(_ROWS)]
    return torch.cat(parts).clamp_min(0)


def _columns(y: Tensor) -> Tensor:
    """Return targets as columns: numbers as they are, classes as 0 and 1."""
    if y.is_floating_point():
        return y.flatten(1) if y.dim() > 1 else y[:, None]
    return torch.nn.functional.one_hot(y).float() if y.dim() == 1 else y.float()
