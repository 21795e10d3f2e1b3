"""Probe: a logistic regression of hidden labels on features of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor


class Probe:
    """A linear classifier of a column that the features do not see.

    Args:
        table: The rows of the source.
        column: The label column.
        chosen: Rows of a set, which are not tested on.
        pool: Rows that may be trained on or tested on.
        tested: Rows to test on; None for those of the pool that were not chosen.
        most: Rows of the pool that are tested on, a fifth at most.

    Attributes:
        hidden: The source without the labels.
        pool: Rows that may be trained on.
        guess: Share of the most frequent class among the rows that are tested on.
        about: How it is tested, JSON.

    Raises:
        UserError: The column holds no classes.
    """

    def __init__(
        self, table: RowsData, column: str, chosen: Tensor, pool: Tensor, tested: RowsData | None, most: int
    ) -> None:
        self.hidden = table.without([column])
        self._labels = np.asarray(table.table[column][:])
        if self._labels.ndim != 1 or self._labels.dtype.kind not in "biuU":
            raise UserError(f"column {column!r} is {table.table.features[column]}: name one of classes for a probe")
        self.pool = pool
        if tested is not None:
            self._tested: RowsData | None = tested.without([column])
            self._truth = np.asarray(tested.table[column][:])
            self.about: dict[str, Any] = {"test": "the source's test split"}
        else:
            self._tested = None
            left = np.setdiff1d(self.pool.numpy(), chosen.numpy())
            rows = np.sort(np.random.default_rng(0).permutation(left)[: min(most, len(pool) // 5)])
            if not len(rows):
                raise UserError(f"{table.path} has {len(pool)} rows, too few to test on those that were not chosen")
            self._test_rows, self._truth = torch.from_numpy(rows), self._labels[rows]
            self.pool = torch.from_numpy(np.setdiff1d(self.pool.numpy(), rows))
            self.about = {"test": "rows of the source that nothing chose"}
        self.about |= {"test_rows": len(self._truth), "probe": "logistic regression, standardised features, C = 1"}
        self.guess = float(np.unique(self._truth, return_counts=True)[1].max()) / len(self._truth)

    def look(self, seen: Tensor, space: Extractor) -> None:
        """Take the features of all rows of the source, and find those of the rows that are tested on."""
        if self._tested is None:
            test = seen[self._test_rows]
        else:
            test = space.of_rows(self._tested, like=self.hidden)
        mean, std = seen.mean(0), seen.std(0)
        std[std == 0] = 1
        self._x = (seen - mean).div_(std).cpu().numpy()
        self._test = (test - mean).div_(std).cpu().numpy()

    def score(self, rows: Tensor, weight: Tensor | None) -> float:
        """Return the accuracy of a probe that is trained on some rows."""
        try:
            from sklearn.linear_model import LogisticRegression
        except ImportError as error:
            raise UserError("a probe needs scikit-learn: pip install 'hf-distill[digits]'") from error
        labels = self._labels[rows.numpy()]
        if len(np.unique(labels)) == 1:
            return float((self._truth == labels[0]).mean())
        model = LogisticRegression(max_iter=1000)
        model.fit(self._x[rows.numpy()], labels, None if weight is None else weight.numpy())
        return float((model.predict(self._test) == self._truth).mean())
