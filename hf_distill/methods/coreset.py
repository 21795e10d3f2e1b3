"""Coreset: selected real samples, nothing learned."""

from __future__ import annotations

import torch

from hf_distill.data.real import RealData
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.labels.fixed_weights import FixedWeights
from hf_distill.methods.method import Method, Run
from hf_distill.options import PositiveInt
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.random import RandomSelector
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.default import default_set


class Coreset(Method[RealData]):
    """Real samples of every class, chosen by a selector.

    Args:
        selector: Chooses them; null for a ``RandomSelector``.
        features: The space that it chooses in; null for the samples as they are, ``PixelFeatures``.
        per_class: Samples of each class.
        weighted: Publish the selector's weights, by which a sample counts as many real ones as it stands for, where it
            gives other ones than equal.
    """

    def __init__(
        self,
        *,
        selector: Selector | None = None,
        features: Extractor | None = None,
        per_class: PositiveInt = 10,
        weighted: bool = False,
    ) -> None:
        self.selector = RandomSelector() if selector is None else selector
        self.features = PixelFeatures() if features is None else features
        self.per_class = per_class
        self.weighted = weighted

    def fit(self, real: RealData, run: Run) -> Synthetic:
        """See :class:`Method`."""
        self.open(real)
        index, w = select_per_class(self.selector, real, self.per_class, Streams(run.seed), self.features)
        batch = real.train.samples(index)
        weights = FixedWeights() if self.weighted and not torch.allclose(w, w.mean()) else None
        synthetic = default_set(real.spec.kind, per_class=self.per_class, weights=weights)
        synthetic.initialize(batch.x.cpu(), batch.y.cpu(), real.spec, (w / w.mean()).float())
        if batch.source is not None:
            synthetic.start_from(batch.source)
        return synthetic
