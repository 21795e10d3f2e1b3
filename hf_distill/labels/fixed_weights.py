"""FixedWeights: the weights of the samples that a set starts from."""

from __future__ import annotations

from torch import Tensor

from hf_distill.labels.weights import Weights


class FixedWeights(Weights):
    """Weights that stay as they are: a selector's, say, by which a sample counts as many real ones as it stands for.

    Examples:
        >>> from hf_distill import Coreset, KMeansSelector, RealData
        >>> method = Coreset(selector=KMeansSelector(), per_class=2, weighted=True)  # by the sizes of clusters
        >>> method.distill(RealData()).batch().w.mean()
        tensor(1.)
    """

    w: Tensor

    def __init__(self) -> None:
        super().__init__()

    def initialize(self, w: Tensor) -> None:
        """See :class:`Weights`."""
        self.register_buffer("w", w.detach().clone().float())

    def values(self) -> Tensor:
        """See :class:`Weights`."""
        return self.w

    def keep(self, index: Tensor) -> None:
        """See :class:`Weights`."""
        self.w = self.w[index]
