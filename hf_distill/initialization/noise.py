"""NoiseSamples: random values, of which nothing is real."""

from __future__ import annotations

import torch

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.seeding import Streams


class NoiseSamples(InitialSamples[RealData]):
    """Independent normal values in the networks' units; classes have their shares as the data says (``class_balance``).

    Examples:
        >>> from hf_distill import NoiseSamples, RealData
        >>> from hf_distill.seeding import Streams
        >>> NoiseSamples().draw(RealData().setup(), 1, Streams(0)).x.shape
        torch.Size([10, 1, 8, 8])
    """

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: The samples are no quantities, or have no classes.
        """
        spec = real.spec
        if not spec.form.continuous or spec.target != "classes":
            raise UserError(f"NoiseSamples are quantities with classes, not {spec.form.plural} with {spec.target}")
        counts = [size] * spec.num_groups if real.class_balance == "equal" else real.quota(size)
        y = torch.arange(spec.num_groups).repeat_interleave(torch.tensor(counts))
        return Batch.of(torch.randn(len(y), *spec.shape, generator=streams.generator("noise")), y)
