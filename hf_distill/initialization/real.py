"""RealSamples: real samples, chosen by a selector."""

from __future__ import annotations

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.initialization.base import InitialSamples
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.random import RandomSelector


class RealSamples(InitialSamples[RealData]):
    """Real samples, chosen by a selector. A stream gives its first ones, whatever the selector.

    Args:
        selector: Chooses them; null for a ``RandomSelector``.
        features: The space that it chooses in; null for the samples as they are, ``PixelFeatures``.
        weighted: Keep the selector's weights: a sample then counts as much as the real ones that it stands for. Only
            sets with ``weights`` store them.

    Examples:
        >>> from hf_distill import HerdingSelector, RealData, RealSamples
        >>> from hf_distill.seeding import Streams
        >>> batch = RealSamples(selector=HerdingSelector()).draw(RealData().setup(), 2, Streams(0))
        >>> batch.y[:6].tolist()
        [0, 0, 1, 1, 2, 2]
    """

    def __init__(
        self, *, selector: Selector | None = None, features: Extractor | None = None, weighted: bool = False
    ) -> None:
        self.selector = RandomSelector() if selector is None else selector
        self.features = PixelFeatures() if features is None else features
        self.weighted = weighted

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`."""
        if real.is_stream and isinstance(self.selector, RandomSelector):
            return real.sample(list(range(real.spec.num_groups)), size, streams.generator("initial"))
        index, weights = select_per_class(self.selector, real, size, streams, self.features)
        batch = real.train.samples(index)
        if self.weighted:
            batch.w = weights.to(batch.w) / weights.mean()
        return batch
