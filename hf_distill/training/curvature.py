"""LowCurvature: a loss whose slope does not change much near the samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hf_distill.data.base import Spec
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeFloat, PositiveFloat
from hf_distill.training.losses import CrossEntropy, Loss

Costs = Callable[[Tensor], Tensor]
"""Maps samples to the loss of each, ``(B,)``."""


def curvature(costs: Costs, x: Tensor, step: float) -> Tensor:
    """Return how much the slope of each sample's loss changes where it rises most: ``|grad l(x + z) - grad l(x)|``.

    ``z`` is the gradient scaled to the length ``step``, a constant. An adversary moves along the slope; where this
    stays what it is, little is won by that. Differentiable in ``x`` and in what ``costs`` depends on.

    Source: Xue et al., Towards Adversarially Robust Dataset Distillation by Curvature Regularization (AAAI 2025),
    GUARD; the regulariser is that of Moosavi-Dezfooli et al., Robustness via Curvature Regularization, and Vice Versa
    (CVPR 2019), which squares it.

    Args:
        costs: Of a network.
        x: Samples ``(..., *shape)``.
        step: In the networks' units.

    Returns:
        ``(B,)``.

    Raises:
        UserError: The samples are whole numbers, which have no slope.
    """
    if not x.is_floating_point():
        raise UserError("the slope of a loss needs inputs that are quantities: leave the curvature out")
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        here, count = _slope(costs, x)
        lengths = here.detach().reshape(count, -1).norm(dim=1).clamp_min(1e-12)
        way = (here.detach().reshape(count, -1) * (step / lengths[:, None])).view_as(x)
        there, _ = _slope(costs, x + way)
        change = (there - here).reshape(count, -1)
        return (change.square().sum(1) + 1e-12).sqrt()


def _slope(costs: Costs, x: Tensor) -> tuple[Tensor, int]:
    """Return the gradients of the samples' losses, differentiable, and how many samples there are."""
    each = costs(x)
    return torch.autograd.grad(each.sum(), x, create_graph=True)[0], len(each)


class LowCurvature(Loss):
    """Another loss, and a weight times :func:`curvature`: networks that are harder to mislead (GUARD).

    In the recipe of a teacher it makes the labels, or the images that are recovered from it, those of such a network;
    in the recipe of an evaluation it is a defence. Every step takes about four times as long.

    Args:
        loss: The other one; null for ``CrossEntropy``.
        weight: Of the curvature. GUARD's is 100 for the gradients of a mean over 32 samples, 3 for those of each.
        step: How far from a sample the slope is looked at, in the networks' units; GUARD's is 3.

    Examples:
        In YAML:

            method:
              class_path: Relabeled
              init_args:
                teacher: {recipe: {epochs: 30, loss: {class_path: LowCurvature, init_args: {weight: 3}}}}
    """

    compiles = False

    def __init__(self, *, loss: Loss | None = None, weight: NonNegativeFloat = 3.0, step: PositiveFloat = 3.0) -> None:
        self.loss = CrossEntropy() if loss is None else loss
        self.weight = weight
        self.step = step
        self.soft = self.loss.soft
        self.limit = self.loss.limit
        self.of_rows = self.loss.of_rows

    def suited(self, spec: Spec) -> Loss:
        """See :class:`Loss`."""
        inner = self.loss.suited(spec)
        return self if inner is self.loss else LowCurvature(loss=inner, weight=self.weight, step=self.step)

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`: those of the other loss; outputs alone have no slope."""
        return self.loss.losses(outputs, y)

    def of(self, network: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`."""
        bent = curvature(lambda moved: self.losses(network(moved), y), x.detach(), self.step)
        return super().of(network, x, y) + self.weight * bent

    def guessing(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Loss`."""
        return self.loss.guessing(outputs, y)
