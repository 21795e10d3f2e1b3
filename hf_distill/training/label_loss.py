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
            ``T^2``, as in SRe2L and RDED.
        temperature: ``T`` of ``kl``.
    """
    if kind == "cross_entropy":
        return F.cross_entropy(logits, y, reduction="none")
    if y.dim() != 2:
        raise UserError("recipe.loss kl needs soft labels, and these are hard; set recipe.loss to cross_entropy")
    target = F.log_softmax(y.clamp_min(1e-30).log() / temperature, dim=1)
    own = F.log_softmax(logits / temperature, dim=1)
    return F.kl_div(own, target, reduction="none", log_target=True).sum(1)
