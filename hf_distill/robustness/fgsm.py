"""FGSM: one step along the sign of the gradient."""

from __future__ import annotations

from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.robustness.harm import Ball, Harm, Levels, ascent, in_levels
from hf_distill.seeding import Streams


class FGSM(Harm):
    """Moves every pixel by ``eps`` to where the loss of the true class grows.

    Source: Goodfellow et al., Explaining and Harnessing Adversarial Examples (ICLR 2015).

    Args:
        eps: How far a pixel may be moved, in levels of 255: 8 is the field's 8/255.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                robustness: {harms: [{class_path: FGSM, init_args: {eps: 8}}]}
    """

    def __init__(self, *, eps: Levels = 2.0) -> None:
        self.eps = eps

    @property
    def label(self) -> str:
        """See :class:`Harm`."""
        return f"FGSM {in_levels(self.eps)}"

    def apply(self, network: nn.Module, x: Tensor, y: Tensor, spec: DataSpec, streams: Streams) -> Tensor:
        """See :class:`Harm`."""
        ball = Ball(x, self.eps, spec)
        return ball.nearest(x + ball.eps * ascent(network, x, y))
