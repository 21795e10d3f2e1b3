"""Samples of a fixed size with unequal probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

_NONE = 1e-12


def inclusion(sizes: Tensor, k: int) -> Tensor:
    """Return the probabilities ``(N,)`` with which rows are chosen, proportional to sizes, 1 at most; their sum is k.

    Args:
        sizes: Positive numbers ``(N,)``.
        k: How many rows are chosen, N at most.
    """
    # The largest in order: as many have probability 1 as would have more of what is left.
    ordered, order = sizes.double().cpu().sort(descending=True)
    left = ordered.flip(0).cumsum(0).flip(0)
    sure = int(((k - torch.arange(len(ordered))) * ordered > left).cumprod(0).sum())
    found = torch.ones_like(ordered)
    if sure < len(ordered):
        found[sure:] = ((k - sure) * ordered[sure:] / left[sure]).clamp_max(1)
    return torch.empty_like(found).scatter_(0, order, found)


def draw(probability: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Return ``k`` different rows, each with its probability, in increasing order.

    Pairs of rows compete, and one of each pair is settled, round by round (Srinivasan, Distributions on level-sets with
    applications to approximation algorithms, FOCS 2001; pivotal sampling, Deville and Tille, Biometrika 1998). That any
    rows are all taken, or none of them is, is no likelier than if they were drawn independently: the bounds of Chernoff
    and Bernstein for independent draws hold.

    Args:
        probability: ``(N,)``, of sum k.
        k: How many.
        generator: The source of randomness.
    """
    p = probability.double().clone()
    live = torch.randperm(len(p), generator=generator)
    while True:
        live = live[(p[live] > _NONE) & (p[live] < 1 - _NONE)]
        if len(live) < 2:
            break
        pairs = live[: len(live) // 2 * 2].view(-1, 2)
        a, b = p[pairs].T
        total = a + b
        chance = torch.rand(len(pairs), generator=generator, dtype=p.dtype)
        low = total <= 1
        # One goes to nothing and the other has the sum; or one is taken and the other has what is above 1.
        first = torch.where(low, chance * total < a, chance * (2 - total) < 1 - b)
        high = torch.where(low, total, torch.ones_like(total))
        rest = torch.where(low, torch.zeros_like(total), total - 1)
        p[pairs[:, 0]] = torch.where(first, high, rest)
        p[pairs[:, 1]] = torch.where(first, rest, high)
    # What is left of a sum that is k by rounding alone.
    return p.topk(k).indices.sort().values
