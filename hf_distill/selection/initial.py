"""The samples that a synthetic set starts from."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.options import NonNegativeInt
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.random import RandomSelector


class InitialSamples(Part):
    """Makes the first samples of a synthetic set."""

    @abstractmethod
    def draw(self, real: Any, size: int, streams: Streams) -> tuple[Tensor, Tensor]:
        """Return what a set of some size starts from.

        Args:
            real: The data.
            size: Samples of each class, or time steps of a series; see ``Synthetic.size``.
            streams: Randomness.

        Returns:
            Normalised inputs ``(classes * size, *shape)`` and labels, ordered by class; or a normalised series
            ``(size, N)`` and the numbers of its time steps.
        """


class RealSamples(InitialSamples):
    """Real samples, chosen by a selector. A stream gives its first ones, whatever the selector.

    Args:
        selector: Chooses them; uniformly at random by default.
    """

    def __init__(self, *, selector: Selector = RandomSelector()) -> None:  # noqa: B008 - a description
        self.selector = selector

    def draw(self, real: RealData, size: int, streams: Streams) -> tuple[Tensor, Tensor]:
        """See :class:`InitialSamples`."""
        if real.is_stream and isinstance(self.selector, RandomSelector):
            batch = real.sample(list(range(real.spec.num_classes)), size, streams.generator("initial"))
        else:
            batch = real.train.batch(select_per_class(self.selector, real, size, streams)[0])
        return batch.x, batch.y


class MeanSamples(InitialSamples):
    """Means of random real samples of a class: one image of what its samples share.

    With one sample a class and a large group this is the class mean, which alone classifies far better than a random
    real sample; small groups keep more of the single images.

    Args:
        group: Real samples that are averaged for each synthetic one; 0 averages the whole class, split evenly.
    """

    def __init__(self, *, group: NonNegativeInt = 0) -> None:
        self.group = group

    def draw(self, real: RealData, size: int, streams: Streams) -> tuple[Tensor, Tensor]:
        """See :class:`InitialSamples`."""
        means = []
        quota = real.quota(size)
        for label, count in enumerate(quota):
            if not count:
                continue
            rows = real.train.class_index(label)
            generator = streams.generator("initial", label)
            if self.group:
                picks = [rows[torch.randint(len(rows), (self.group,), generator=generator)] for _ in range(count)]
            else:
                picks = list(rows[torch.randperm(len(rows), generator=generator)].tensor_split(count))
            means += [real.train.batch(pick).x.mean(0) for pick in picks]
        labels = torch.arange(len(quota)).repeat_interleave(torch.tensor(quota))
        return torch.stack(means), labels
