"""MeanSamples: means of random real samples of a class."""

from __future__ import annotations

import torch

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.initialization.base import InitialSamples
from hf_distill.options import NonNegativeInt
from hf_distill.seeding import Streams


class MeanSamples(InitialSamples[RealData]):
    """Means of random real samples of a class: one image of what its samples share.

    With one sample a class and a large group this is the class mean, which alone classifies far better than a random
    real sample; small groups keep more of the single images.

    Args:
        group: Real samples that are averaged for each synthetic one; 0 averages the whole class, split evenly.

    Examples:
        >>> from hf_distill import MeanSamples, RealData
        >>> from hf_distill.seeding import Streams
        >>> MeanSamples(group=5).draw(RealData().setup(), 2, Streams(0)).x.shape  # two a class, each of five digits
        torch.Size([20, 1, 8, 8])
    """

    def __init__(self, *, group: NonNegativeInt = 0) -> None:
        self.group = group

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
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
        x = torch.stack(means)
        return Batch.of(x, torch.arange(len(quota)).repeat_interleave(torch.tensor(quota)).to(x.device))
