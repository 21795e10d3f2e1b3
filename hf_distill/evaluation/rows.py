"""RowsEvaluator: what chosen whole rows are worth."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.coverage import Coverage
from hf_distill.evaluation.known_rows import KnownRows, known_rows, tested_rows
from hf_distill.evaluation.probe import Probe
from hf_distill.evaluation.published import read_published
from hf_distill.evaluation.result import Evaluation, make_row
from hf_distill.features.base import Extractor
from hf_distill.features.hashed import HashedTextFeatures
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks.cost import find_device
from hf_distill.options import Device, Few, PositiveInt, Seed, Text
from hf_distill.seeding import Streams


@dataclass(frozen=True)
class Chosen:
    """Rows of the source with weights, and their bits."""

    rows: Tensor
    weight: Tensor
    bits: int


class RowsEvaluator(Evaluator[RowsData]):
    """How well chosen whole rows cover all rows, and what a linear probe learns of them, beside random rows.

    ``distance`` is the mean distance of a row of the source to the nearest chosen one, and ``discrepancy`` the maximum
    mean discrepancy to all rows, with the rows' weights: 0 at best, both in a space of features. With a label column
    ``accuracy`` is that of a logistic regression in that space, which never sees the label, on the source's test split,
    or on rows that nothing chose where there is none. Random rows have the bits of the published ones.

    Args:
        label_column: A column of classes that the selection knew nothing of; null measures no probe.
        features: The space; null for ``HashedTextFeatures``.
        seeds: Draws of random rows.
        weighted: Train the probe with the weights of the set.
        full: Train a probe on all rows too.
        test_rows: Rows of the source that are tested on where it has no test split, a fifth of them at most.
        stream_rows: Random rows of a stream that stand for all of them, in memory: random rows, the probe on all rows
            and what is covered are of these; of a stream with a test split so many of that are tested on.
        seed: Of the draws.
        device: Where features are made; ``auto`` takes a GPU where there is one.

    Examples:
        In YAML:

            data: {class_path: RowsData, init_args: {path: my-texts.parquet}}
            method: {class_path: Coreset, init_args: {size: 1000, features: HashedTextFeatures}}
            evaluator: {class_path: RowsEvaluator, init_args: {label_column: stars, features: HashedTextFeatures}}
    """

    def __init__(
        self,
        *,
        label_column: Text | None = None,
        features: Extractor | None = None,
        seeds: Few = 5,
        weighted: bool = True,
        full: bool = True,
        test_rows: PositiveInt = 10_000,
        stream_rows: PositiveInt = 20_000,
        seed: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.label_column = label_column
        self.features = HashedTextFeatures() if features is None else features
        self.seeds = seeds
        self.weighted = weighted
        self.full = full
        self.test_rows = test_rows
        self.stream_rows = stream_rows
        self.seed = seed
        self.device = device
        self._draws: int = seeds

    def alone(self) -> Self:
        """See :class:`Evaluator`."""
        other = copy(self)
        other._draws, other.full = 0, False
        return other

    def quick(self) -> Self:
        """See :class:`Evaluator`: three draws."""
        other = copy(self)
        other._sketch, other._draws = True, min(self._draws, 3)
        return other

    def evaluate(
        self,
        artifact: str | Path | DistilledDataset,
        real: RowsData,
        output: str | Path | None = None,
        progress: bool = True,
        start: DistilledDataset | None = None,
    ) -> Evaluation:
        """See :class:`Evaluator`."""
        self.features.check_rows()
        real.setup(find_device(self.device))
        distilled = read_published(artifact)
        probe, column = None, self.label_column
        if column is not None and column not in real.spec.features:
            raise UserError(f"there is no column {column!r} to test on; the source has {', '.join(real.spec.features)}")
        known = known_rows(distilled, real, self.stream_rows, self.seed)
        table, pool = known.table, known.pool
        own = Chosen(known.own, distilled.w.cpu(), distilled.bits["default"].total)
        if column is not None:
            tested = tested_rows(real, column, self.stream_rows, self.seed)
            probe = Probe(table, column, own.rows, pool, tested, self.test_rows)
            pool = probe.pool
        seen = self.features.of_rows(table if probe is None else probe.hidden)
        drawn = [_random_rows(table, pool, own.bits, Streams(self.seed, step=draw)) for draw in range(self._draws)]
        contenders = {"distilled": [own], **({"random": drawn} if drawn else {})}
        coverage = Coverage.of(seen, known.pool)
        scores = {
            "distance": _each(contenders, lambda chosen: coverage.distance(seen[chosen.rows])),
            "discrepancy": _each(contenders, lambda chosen: coverage.discrepancy(seen[chosen.rows], chosen.weight)),
        }
        about: dict[str, Any] = {"seeds": 1, "sets": 1, "samples": len(distilled), "bits": own.bits}
        size = {"samples": _mean(len(d.rows) for d in drawn), "bits": _mean(d.bits for d in drawn)} if drawn else {}
        sizes = {"random": size} if drawn else {}
        space = type(self.features).__name__ + known.said
        rows = [
            make_row(found, sizes, network=f"{metric} in {space}", metric=metric, **about)
            for metric, found in scores.items()
        ]
        if probe is not None:
            probe.look(seen, self.features)
            found = _each(contenders, lambda chosen: probe.score(chosen.rows, chosen.weight if self.weighted else None))
            if self.full:
                found["full"] = [probe.score(pool, None)]
            row = make_row(found, sizes, network=f"linear probe of {space}", metric="accuracy", **about)
            rows.insert(0, {**row, "guess": probe.guess})
        evaluation = Evaluation(self._protocol(distilled, known, probe), rows)
        if output is not None:
            evaluation.save(output)
        return evaluation

    def _protocol(self, distilled: DistilledDataset, known: KnownRows, probe: Probe | None) -> dict[str, Any]:
        return {
            "reads": "the numbers of the published rows, and the source",
            "random": f"rows of equal size in bits, {self._draws} draws",
            "std": "sample standard deviation over the draws of random rows",
            "distance": "mean distance of 5,000 evenly spaced rows to the nearest chosen one, by the root mean squared "
            "distance to their mean",
            "discrepancy": "maximum mean discrepancy to these rows, weights included, Gaussian kernel as wide as the "
            "median distance",
            "features": self.features.config(),
            "samples": len(distilled),
            **({"stream": f"random rows stand for all{known.said}"} if known.said else {}),
            **({} if probe is None else {"label_column": self.label_column, "weighted": self.weighted, **probe.about}),
            "seed": self.seed,
            "torch": torch.__version__,
            **({"sketch": True} if self._sketch else {}),
        }


def _random_rows(real: RowsData, pool: Tensor, bits: int, streams: Streams) -> Chosen:
    """Return random rows of a pool that have so many bits, one at least."""
    order = pool[torch.randperm(len(pool), generator=streams.generator("random"))]
    guess = min(len(order), 2 * bits // max(1, real.spec.row_bits) + 1)
    while True:
        table = real.take(order[:guess])
        sizes = np.cumsum([8 * table.slice(row, 1).nbytes for row in range(guess)])
        if sizes[-1] > bits or guess == len(order):
            break
        guess = min(len(order), 2 * guess)
    count = max(1, int((sizes <= bits).sum()))
    return Chosen(order[:count], torch.ones(count), int(sizes[count - 1]))


def _each(contenders: dict[str, list[Chosen]], score: Any) -> dict[str, list[float]]:
    return {name: [score(chosen) for chosen in group] for name, group in contenders.items()}


def _mean(values: Any) -> int:
    found = list(values)
    return round(sum(found) / len(found))
