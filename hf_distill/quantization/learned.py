"""LearnedLevels: a codebook of free levels for each row."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor, nn

from hf_distill.clustering import lloyd_levels, nearest_levels
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeFloat, Range
from hf_distill.quantization.base import Granularity, Quantizer, as_stored, replace, usable

_ROUNDS = 30
_SAMPLED = 4096  # values of a row that the usage term looks at


class LearnedLevels(Quantizer):
    """Every level is learned; a value goes to the nearest one.

    The gradient of a value passes straight through, that of a level is the sum over the values that it stands for.
    A level that few values use would learn nothing, so that the loss gets a usage term: with p_k the mean over the
    values of ``softmax_k(-(x - l_k)^2 / t)``, it is ``weight * mean_k max(0, log(floor / (K p_k)))``. It is zero where
    every level has its share and pulls an unused level to the nearest values; values have no gradient from it.

    Args:
        bits: See :class:`Quantizer`; 8 at most.
        granularity: See :class:`Quantizer`.
        usage: Weight of the usage term.
        floor: Least share of a level, in units of ``1 / K``.

    Examples:
        >>> import torch
        >>> from hf_distill import LearnedLevels
        >>> quantizer, rows = LearnedLevels(bits=1), torch.tensor([[0.0, 0.5, 7.0, 8.0]])
        >>> quantizer.calibrate(rows)
        >>> quantizer.side()  # the two levels, as they are stored
        tensor([[0.2500, 7.5000]], dtype=torch.float16)
    """

    def __init__(
        self,
        *,
        bits: Annotated[int, Range(1, 8)] = 2,
        granularity: Granularity = "tensor",
        usage: NonNegativeFloat = 0.01,
        floor: Annotated[float, Range(0, 1, above=True, below=True)] = 0.1,
    ) -> None:
        super().__init__(bits=bits, granularity=granularity)
        self.usage = usage
        self.floor = floor

    def check(self) -> None:
        """See :class:`Quantizer`."""
        super().check()
        if self.bits > 8:
            raise UserError(
                f"quantizer.bits is {self.bits}; LearnedLevels holds a level for every code, so 8 at most: "
                "take UniformQuantizer"
            )

    def calibrate(self, rows: Tensor) -> None:
        """See :class:`Quantizer`; k-means of the values, from equally spaced levels."""
        self.check()
        rows = usable(rows)
        low, high = rows.amin(1, keepdim=True), rows.amax(1, keepdim=True)
        levels = low + (high - low) * torch.linspace(0, 1, self.levels, device=rows.device)
        self.codebook = nn.Parameter(lloyd_levels(rows, levels, _ROUNDS))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the quantized rows ``(G, n)``, differentiable in them and in the levels."""
        levels = as_stored(self.codebook)
        return replace(levels.gather(1, nearest_levels(levels.detach(), rows.detach())), rows)

    def _nearest(self, rows: Tensor) -> Tensor:
        return nearest_levels(as_stored(self.codebook), rows)

    def _values(self, codes: Tensor) -> Tensor:
        return as_stored(self.codebook).gather(1, codes)

    def penalty(self, rows: Tensor) -> Tensor | None:
        """See :class:`Quantizer`: the usage term."""
        if not self.usage:
            return None
        x = rows.detach()[:, :: max(1, rows.shape[1] // _SAMPLED), None]  # G, n, 1
        spread = (x.amax(1) - x.amin(1)).clamp_min(1e-3) / self.levels  # G, 1
        distance = (x - self.codebook[:, None]).square() / spread[..., None].square()
        share = torch.softmax(-4 * distance, 2).mean(1).clamp_min(1e-30)  # G, K
        return self.usage * (self.floor / (self.levels * share)).log().relu().mean()

    @torch.no_grad()
    def project(self, low: Tensor, high: Tensor) -> None:
        """See :class:`Quantizer`: levels stay within the values, in their order."""
        self.codebook.copy_(self.codebook.maximum(low[:, None]).minimum(high[:, None]).sort(1).values)

    def side_shape(self, groups: int) -> tuple[int, ...]:
        """See :class:`Quantizer`: all levels."""
        return (groups, self.levels)

    def side(self) -> Tensor:
        """See :class:`Quantizer`."""
        return self.codebook.detach().half()

    def describe(self) -> dict[str, Any]:
        """See :class:`Quantizer`."""
        return {"family": "learned", "levels": self.levels}
