"""LogitAdjusted: cross-entropy that makes up for how rare a class is."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.base import Spec
from hf_distill.errors import UserError
from hf_distill.options import PositiveFloat
from hf_distill.training.losses import Loss


class LogitAdjusted(Loss):
    """Cross-entropy of ``outputs + tau log(share of the class in the training rows)``: a network without the bias.

    A network that is trained by it gives a rare class the same chance as a common one, so that a teacher's labels do
    not say that what is rare is something else.

    Source: Menon et al., Long-tail Learning via Logit Adjustment (ICLR 2021).

    Args:
        tau: How much is made up for; 1 is the balanced error's.

    Examples:
        In YAML:

            method:
              class_path: Relabeled
              init_args:
                teacher: {recipe: {epochs: 30, loss: LogitAdjusted}}
    """

    of_rows = True

    def __init__(self, *, tau: PositiveFloat = 1.0) -> None:
        self.tau = tau
        self._shift: tuple[float, ...] = ()

    def suited(self, spec: Spec) -> Loss:
        """See :class:`Loss`: with the shares of the data's classes.

        Raises:
            UserError: The data have none.
        """
        counts = getattr(spec, "class_counts", ())
        if spec.target != "classes" or not sum(counts):
            raise UserError(f"recipe.loss LogitAdjusted is of classes, not of {spec.contents()}: set it to null")
        other = copy.copy(self)
        shares = torch.tensor(counts).clamp_min(1) / sum(counts)
        other._shift = tuple((self.tau * shares.log()).tolist())
        return other

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`.

        Raises:
            UserError: The shares of the classes are unknown: nobody said of which data.
        """
        if not self._shift:
            raise UserError("recipe.loss LogitAdjusted needs the shares of the classes: call suited(spec) first")
        return F.cross_entropy(outputs + outputs.new_tensor(self._shift), y, reduction="none")
