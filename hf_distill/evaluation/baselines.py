"""Baselines: what a distilled set must be compared with, as training sets of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.herding import HerdingSelector
from hf_distill.selection.kmeans import KMeansSelector

_MEAN_ROWS = 2048


@dataclass(frozen=True)
class Chosen:
    """A baseline's training set.

    Attributes:
        batch: Samples in the networks' units.
        rows: Numbers of the training rows that they are; none where they are no rows, or those of a stream.
    """

    batch: Batch
    rows: Tensor


Baseline = Callable[[RealData, DataSpec, int, Streams, Extractor], Chosen]
"""Makes a training set from the data, the distilled set's specification, how many samples, randomness, and the space
that selectors choose in."""


def random_samples(
    real: RealData, spec: DataSpec, count: int, streams: Streams, extractor: Extractor | None = None
) -> Chosen:
    """Draw ``count`` real samples, the same number of every class; what does not divide goes to random classes.

    Where the data's ``class_balance`` is natural, they are drawn from all rows alike.
    """
    generator = streams.generator("random")
    if real.class_balance == "natural":
        return take(real, spec, torch.randperm(len(real.train), generator=generator)[:count])
    order = torch.randperm(spec.num_groups, generator=generator)
    quota = torch.full((spec.num_groups,), count // spec.num_groups)
    quota[order[: count % spec.num_groups]] += 1
    if real.is_stream:
        batches = [real.sample([label], int(k), generator) for label, k in enumerate(quota) if k]
        batch = Batch(*(torch.cat([getattr(b, name) for b in batches]) for name in ("x", "y", "w")))
        return Chosen(batch, torch.empty(0, dtype=torch.int64))
    rows = []
    for label, k in enumerate(quota.tolist()):
        own = real.train.class_index(label)
        rows.append(own[torch.randperm(len(own), generator=generator)[:k]])
    return take(real, spec, torch.cat(rows))


def selected_samples(selector: Selector, space: Extractor | None = None) -> Baseline:
    """Return the baseline of a selector: as many real samples of every class as fit into ``count``.

    Args:
        selector: Chooses them.
        space: Where it chooses; where the evaluator says if None.
    """

    def samples(real: RealData, spec: DataSpec, count: int, streams: Streams, extractor: Extractor) -> Chosen:
        per_class = max(1, count // spec.num_groups)
        index, _ = select_per_class(selector, real, per_class, streams, space or extractor, spec)
        return take(real, spec, index)

    return samples


def class_means(real: RealData, spec: DataSpec, count: int, streams: Streams, extractor: Extractor) -> Chosen:
    """Return the mean of each class, one sample a class whatever ``count`` is, as it would be stored."""
    if real.class_balance == "equal":
        real.require(1)
    present = [label for label in range(spec.num_groups) if len(real.train.class_index(label))]
    means, targets = [], []
    for label in present:
        parts = real.train.class_index(label).split(_MEAN_ROWS)
        total = torch.stack([real.train.raw(rows).double().sum(0) for rows in parts]).sum(0)
        mean = total / sum(len(rows) for rows in parts)
        means.append(spec.form.mean_of(mean))
        targets.append(spec.goal.mean_of(real.train.targets[real.train.class_index(label)]))
    x = spec.normalize(torch.stack(means).float())
    return Chosen(Batch.of(x, torch.stack(targets).to(x.device)), torch.empty(0, dtype=torch.int64))


def take(real: RealData, spec: DataSpec, rows: Tensor) -> Chosen:
    """Return training rows in the units of ``spec``, which are the distilled set's own."""
    x = spec.normalize(real.train.raw(rows))
    return Chosen(Batch.of(x, real.train.targets[rows].to(x.device)), rows)


BASELINES: dict[str, Baseline] = {
    "random": random_samples,
    "kmeans": selected_samples(KMeansSelector()),
    "kmeans_pixels": selected_samples(KMeansSelector(), PixelFeatures()),
    "herding": selected_samples(HerdingSelector()),
    "class_mean": class_means,
}
"""Every baseline by its name."""


def check_baselines(names: list[str]) -> None:
    """Refuse unknown names."""
    for name in names:
        if name not in ("start", *BASELINES):
            raise UserError(f"baseline {name!r} is unknown; choose some of start, {', '.join(BASELINES)}")
