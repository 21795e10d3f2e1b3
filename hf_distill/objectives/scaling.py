"""Scaling a term's gradient without changing its value."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def unit_gradient(term: Tensor, parameters: Sequence[Tensor], others: Sequence[Tensor] = ()) -> Tensor:
    """Return a scalar of the same value whose gradient has length 1.

    Terms of very different size (networks that learn fast and slowly, say) then pull equally. The graph of the term is
    used up. A gradient that is not finite becomes zero: one exploded trajectory does not spoil a step.

    Args:
        term: A scalar.
        parameters: What the length is measured over, all of them together.
        others: What gets its gradient in the same units beside them.
    """
    variables = [*parameters, *others]
    gradients = torch.autograd.grad(term, variables, allow_unused=True, materialize_grads=True)
    length = torch.stack([gradient.square().sum() for gradient in gradients[: len(parameters)]]).sum().sqrt()
    units = [torch.where(torch.isfinite(length), gradient / (length + 1e-12), 0.0) for gradient in gradients]
    return with_gradient(term, variables, units)


def with_gradient(value: Tensor, variables: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
    """Return a scalar of a value whose gradient in some variables is given."""
    pull = torch.zeros_like(value)
    for variable, gradient in zip(variables, gradients, strict=True):
        pull = pull + (variable * gradient).sum()
    return value.detach() + (pull - pull.detach())
