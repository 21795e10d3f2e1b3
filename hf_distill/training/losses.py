"""Losses: what a network's outputs cost, by sample."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.base import Spec
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeFloat, PositiveFloat
from hf_distill.parts import Part


class Loss(Part):
    """What outputs cost; a batch costs the mean over its samples, by :func:`hf_distill.data.batch.weighted_mean`.

    Attributes:
        limit: A network whose training costs so many times what guessing costs has diverged: it is no result.
        soft: It needs the probabilities of classes.
        compiles: ``torch.compile`` knows how to make it faster.
        of_rows: It is for trainings on the data's own rows alone: teachers and experts.

    Examples:
        >>> import torch
        >>> from hf_distill import CrossEntropy
        >>> outputs, classes = torch.zeros(2, 10), torch.tensor([3, 7])
        >>> CrossEntropy().losses(outputs, classes), CrossEntropy().guessing(outputs, classes)  # log 10
        (tensor([2.3026, 2.3026]), 2.302585092994046)
    """

    limit: float = 10
    soft: bool = False
    compiles: bool = True
    of_rows: bool = False

    @abstractmethod
    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, ``(B,)``.

        Args:
            outputs: ``(B, ...)``.
            y: Targets.

        Raises:
            UserError: The targets are of another kind.
        """

    def suited(self, spec: Spec) -> Loss:
        """Return the loss for some data; most losses know all that they need."""
        return self

    def of(self, network: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, ``(B,)``, for a network of them; most losses look at its outputs alone."""
        return self.losses(network(x), y)

    def guessing(self, outputs: Tensor, y: Tensor) -> float:
        """Return about what outputs that know nothing of the inputs cost, for outputs and targets like these.

        Of C classes this is ``log C``, and at most that for soft labels.
        """
        return math.log(max(outputs.shape[-1], 2))


class CrossEntropy(Loss):
    """Cross-entropy with classes ``(B,)``, or with their probabilities ``(B, C)``.

    Examples:
        >>> import torch
        >>> from hf_distill import CrossEntropy
        >>> outputs = torch.log(torch.tensor([[0.75, 0.25]]))
        >>> CrossEntropy().losses(outputs, torch.tensor([0])).exp()  # 1 / 0.75
        tensor([1.3333])
    """

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`."""
        return F.cross_entropy(outputs, y, reduction="none")


class KL(Loss):
    """``KL(p_T || q_T)`` with class probabilities ``p``, softened: ``p_T ~ p^(1/T)``, ``q_T = softmax(outputs / T)``.

    Where ``p = softmax(t)``, ``p_T`` is ``softmax(t / T)``. It is not multiplied by ``T^2``, as in SRe2L and RDED.

    Args:
        temperature: ``T``.

    Examples:
        >>> import torch
        >>> from hf_distill import KL
        >>> outputs = torch.log(torch.tensor([[0.75, 0.25]]))
        >>> KL().losses(outputs, torch.tensor([[0.75, 0.25]]))
        tensor([0.])
    """

    soft = True

    def __init__(self, *, temperature: PositiveFloat = 1.0) -> None:
        self.temperature = temperature

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`."""
        target = F.log_softmax(log_probabilities(y, "KL") / self.temperature, dim=1)
        own = F.log_softmax(outputs / self.temperature, dim=1)
        return F.kl_div(own, target, reduction="none", log_target=True).sum(1)


class LogitError(Loss):
    """Squared errors of a teacher's logits, averaged over classes, and a little cross-entropy with its classes.

    The logits are log-probabilities of soft labels, of which none may be zero.

    Source: Shao et al., Elucidating the Design Space of Dataset Condensation (NeurIPS 2024), which calls it ``mse_gt``.

    Args:
        weight: Of the cross-entropy.

    Examples:
        >>> import torch
        >>> from hf_distill import LogitError
        >>> outputs = torch.log(torch.tensor([[0.75, 0.25]]))
        >>> LogitError(weight=0).losses(outputs, torch.tensor([[0.75, 0.25]]))
        tensor([0.])
    """

    soft = True

    def __init__(self, *, weight: NonNegativeFloat = 0.025) -> None:
        self.weight = weight

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`."""
        return self.errors(outputs, log_probabilities(y, "LogitError"), y.argmax(1))

    def errors(self, outputs: Tensor, target: Tensor, y: Tensor) -> Tensor:
        """Return the loss for a teacher's logits ``(B, C)`` and classes ``(B,)``."""
        return (outputs - target).square().mean(1) + self.weight * F.cross_entropy(outputs, y, reduction="none")

    def guessing(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Loss`: the same number for every class, and evenly likely ones."""
        return max(float(log_probabilities(y, "LogitError").var()), 1.0) + self.weight * super().guessing(outputs, y)


class MeanSquared(Loss):
    """Squared errors, averaged over all that a sample's target holds.

    Examples:
        >>> import torch
        >>> from hf_distill import MeanSquared
        >>> MeanSquared().losses(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]]))
        tensor([5.])
    """

    limit = 1000

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`."""
        return (outputs - y).square().flatten(1).mean(1)

    def guessing(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Loss`: zero, and at least the deviation of z-scored values."""
        return max(float(y.double().square().mean()), 1.0)


class Pinball(Loss):
    """Pinball loss of the quantiles ``q = k / (Q + 1)``, averaged over them and over all that a target holds.

    ``max(q (y - o), (q - 1) (y - o))`` is least in the mean where the output ``o`` is the quantile ``q`` of ``y``.

    Source: Koenker and Bassett, Regression Quantiles (Econometrica 1978).

    Examples:
        >>> import torch
        >>> from hf_distill import Pinball
        >>> outputs = torch.tensor([[[1.0, 2.0, 4.0]]])  # quartiles of one value, which is 3
        >>> Pinball().losses(outputs, torch.tensor([[3.0]]))  # (2 / 4 + 1 / 2 + 1 / 4) / 3
        tensor([0.4167])
    """

    limit = 1000

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`; outputs have the targets' shape and one more axis, that of the quantiles."""
        if outputs.shape[:-1] != y.shape:
            raise UserError("recipe.loss Pinball is for quantiles: wrap the network in QuantileForecaster")
        count = outputs.shape[-1]
        shares = torch.arange(1, count + 1, device=outputs.device) / (count + 1)
        missed = y[..., None] - outputs
        return torch.maximum(shares * missed, (shares - 1) * missed).flatten(1).mean(1)

    def guessing(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Loss`: zero, and at least the deviation of z-scored values."""
        return max(float(y.double().abs().mean()), 1.0)


class BinaryCrossEntropy(Loss):
    """Cross-entropy of several labels ``(B, L)``, each there or not, averaged over them.

    Examples:
        >>> import torch
        >>> from hf_distill import BinaryCrossEntropy
        >>> BinaryCrossEntropy().losses(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 1.0]]))  # log 2
        tensor([0.6931])
    """

    def losses(self, outputs: Tensor, y: Tensor) -> Tensor:
        """See :class:`Loss`."""
        return F.binary_cross_entropy_with_logits(outputs, y, reduction="none").mean(1)

    def guessing(self, outputs: Tensor, y: Tensor) -> float:
        """See :class:`Loss`: even odds."""
        return math.log(2)


#: What is minimised for a target where nobody says.
LOSSES: dict[str, type[Loss]] = {
    "classes": CrossEntropy,
    "labels": BinaryCrossEntropy,
    "values": MeanSquared,
    "future": MeanSquared,
}


def log_probabilities(y: Tensor, loss: str) -> Tensor:
    """Return the logarithms of class probabilities ``(B, C)``.

    Raises:
        UserError: They are classes.
    """
    if y.dim() != 2:
        raise UserError(f"recipe.loss {loss} needs soft labels, and these are hard; set recipe.loss to CrossEntropy")
    return y.clamp_min(1e-30).log()
