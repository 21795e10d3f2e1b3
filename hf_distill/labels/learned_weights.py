"""LearnedWeights: weights that are learned with the samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hf_distill.labels.weights import Weights
from hf_distill.options import PositiveFloat

# A weight that has become next to nothing can come back from here.
_FLOOR = 1e-3


class LearnedWeights(Weights):
    """One free parameter a sample, positive and 1 on average after every step.

    Args:
        lr: See :class:`Weights`.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                synthetic:
                  class_path: PixelSet
                  init_args: {per_class: 2, weights: {class_path: LearnedWeights, init_args: {lr: 0.05}}}
    """

    w: Tensor

    def __init__(self, *, lr: PositiveFloat = 0.1) -> None:
        super().__init__()
        self.lr = lr

    def initialize(self, w: Tensor) -> None:
        """See :class:`Weights`."""
        self.w = nn.Parameter(w.detach().clone().float())
        self.project()

    def values(self) -> Tensor:
        """See :class:`Weights`."""
        return self.w

    def keep(self, index: Tensor) -> None:
        """See :class:`Weights`."""
        self.w = nn.Parameter(self.w.detach()[index])
        self.project()

    @torch.no_grad()
    def project(self) -> None:
        """See :class:`Weights`."""
        self.w.clamp_min_(_FLOOR)
        self.w.div_(self.w.mean())
