"""RealSamples: real samples, chosen by a selector."""

from __future__ import annotations

from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.initialization.base import InitialSamples
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.random import RandomSelector


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
