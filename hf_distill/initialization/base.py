"""InitialSamples: what a synthetic set starts from."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic

from hf_distill.data.base import DataT
from hf_distill.data.batch import Batch
from hf_distill.parts import Part
from hf_distill.seeding import Streams


class InitialSamples(Part, Generic[DataT]):
    """Makes the first samples of a synthetic set.

    Examples:
        >>> from hf_distill import MeanSamples, RealData
        >>> from hf_distill.seeding import Streams
        >>> batch = MeanSamples().draw(RealData().setup(), 1, Streams(0))
        >>> batch.x.shape, batch.y.tolist()
        (torch.Size([10, 1, 8, 8]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """

    @abstractmethod
    def draw(self, real: DataT, size: int, streams: Streams) -> Batch:
        """Return what a set of some size starts from.

        Args:
            real: The data.
            size: Samples of each class, or time steps of a series; see ``Synthetic.size``.
            streams: Randomness.

        Returns:
            Normalised inputs ``(classes * size, *shape)``, ordered by class, with labels and weights that average 1; or
            a normalised series ``(size, N)`` and the numbers of its time steps.
        """
