"""Losses between a network's outputs and hard or soft labels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from hf_distill.errors import UserError


def label_loss(logits: Tensor, y: Tensor, kind: str = "cross_entropy", temperature: float = 1.0) -> Tensor:
    """Return the loss of every sample, ``(B,)``.

    Args:
        logits: Outputs ``(B, classes)``.
        y: Class indices ``(B,)``, or class probabilities ``(B, classes)``.
        kind: ``cross_entropy``, or ``kl``: ``KL(p_T || q_T)`` with the targets' probabilities ``p_T ~ p^(1/T)`` (which
            are ``softmax(t / T)`` where ``p = softmax(t)``) and ``q_T = softmax(logits / T)``. It is not multiplied by
            ``T^2``, as in SRe2L and RDED. Or ``mse_gt``: :func:`mse_with_class` with the targets' log-probabilities,
            of which none may be zero, and their likeliest classes.
        temperature: ``T`` of ``kl``.
    """
    if kind == "cross_entropy":
        return F.cross_entropy(logits, y, reduction="none")
    if y.dim() != 2:
        raise UserError(f"recipe.loss {kind} needs soft labels, and these are hard; set recipe.loss to cross_entropy")
    if kind == "mse_gt":
        return mse_with_class(logits, y.clamp_min(1e-30).log(), y.argmax(1))
    target = F.log_softmax(y.clamp_min(1e-30).log() / temperature, dim=1)
    own = F.log_softmax(logits / temperature, dim=1)
    return F.kl_div(own, target, reduction="none", log_target=True).sum(1)


def mse_with_class(logits: Tensor, target: Tensor, y: Tensor, weight: float = 0.025) -> Tensor:
    """Return the squared error to a teacher's logits, averaged over classes, and the cross-entropy, ``(B,)``.

    Source: Shao et al., Elucidating the Design Space of Dataset Condensation (NeurIPS 2024), which calls it ``mse_gt``.

    Args:
        logits: Outputs ``(B, classes)``.
        target: The teacher's logits ``(B, classes)``.
        y: Class indices ``(B,)``.
        weight: Of the cross-entropy.
    """
    return (logits - target).square().mean(1) + weight * F.cross_entropy(logits, y, reduction="none")
