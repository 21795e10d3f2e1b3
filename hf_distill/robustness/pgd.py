"""PGD: many steps along the sign of the gradient, kept close to the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.options import PositiveInt
from hf_distill.robustness.harm import Ball, Harm, Levels, ascent, in_levels
from hf_distill.seeding import Streams


class PGD(Harm):
    """Steps along the sign of the gradient from a random image of the ball, and back into it after each.

    Source: Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks (ICLR 2018).

    Args:
        eps: How far a pixel may be moved, in levels of 255: 8 is the field's 8/255.
        step: How far a step moves it; null for a quarter of ``eps``.
        steps: How many there are.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                robustness: {harms: [{class_path: PGD, init_args: {eps: 8, steps: 20}}]}
    """

    def __init__(self, *, eps: Levels = 2.0, step: Levels | None = None, steps: PositiveInt = 10) -> None:
        self.eps = eps
        self.step = step
        self.steps = steps

    @property
    def label(self) -> str:
        """See :class:`Harm`."""
        return f"PGD-{self.steps} {in_levels(self.eps)}"

    def apply(self, network: nn.Module, x: Tensor, y: Tensor, spec: DataSpec, streams: Streams) -> Tensor:
        """See :class:`Harm`."""
        ball = Ball(x, self.eps, spec)
        step = (self.eps / 4 if self.step is None else self.step) * ball.level
        start = torch.rand(x.shape, generator=streams.generator("start")).to(x)
        moved = ball.nearest(x + (2 * start - 1) * ball.eps)
        for _ in range(self.steps):
            moved = ball.nearest(moved + step * ascent(network, moved, y))
        return moved
