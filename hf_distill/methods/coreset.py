"""Coreset: selected real samples, nothing learned."""

from __future__ import annotations

from hf_distill.data.real import RealData
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.methods.method import Method, Run
from hf_distill.options import PositiveInt
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.random import RandomSelector
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.pixel import PixelSet, VectorSet


class Coreset(Method):
    """Real samples of every class, chosen by a selector.

    Args:
        selector: Chooses them; null for a ``RandomSelector``.
        features: The space that it chooses in; null for the samples as they are, ``PixelFeatures``.
        per_class: Samples of each class.
    """

    def __init__(
        self, *, selector: Selector | None = None, features: Extractor | None = None, per_class: PositiveInt = 10
    ) -> None:
        self.selector = RandomSelector() if selector is None else selector
        self.features = PixelFeatures() if features is None else features
        self.per_class = per_class

    def fit(self, real: RealData, run: Run) -> Synthetic:
        """See :class:`Method`."""
        self.open(real)
        index, _ = select_per_class(self.selector, real, self.per_class, Streams(run.seed), self.features)
        batch = real.train.batch(index)
        synthetic = (PixelSet if real.spec.is_image else VectorSet)(per_class=self.per_class)
        synthetic.initialize(batch.x.cpu(), batch.y.cpu(), real.spec)
        return synthetic
