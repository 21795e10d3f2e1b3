"""Trigger inversion: the smallest mark that sends rows of other classes to a class (Wang et al., Neural Cleanse)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec

# Share of the rows that a mark has to send to its class, and by how much the price of a large mark changes meanwhile.
_SUCCESS, _DEARER, _CHEAPER = 0.95, 1.05, 0.97
_RATE, _PRICE = 0.1, 1e-3
# Rows that each class is tried on at once.
_ROWS = 64


@dataclass(frozen=True)
class Marks:
    """The smallest marks that were found, one for each class.

    Attributes:
        sizes: Sum of each mask ``(K,)``, in pixels; infinite where no mark was found.
        masks: How much of each pixel is replaced, ``(K, 1, H, W)``.
        patterns: By what, in the networks' units ``(K, C, H, W)``.
    """

    sizes: Tensor
    masks: Tensor
    patterns: Tensor


def smallest_marks(
    networks: Sequence[nn.Module], x: Tensor, y: Tensor, spec: DataSpec, steps: int, generator: torch.Generator
) -> Marks:
    """Return for each class the smallest mask and pattern that send rows of other classes to it.

    Args:
        networks: Trained networks, which take turns.
        x: Real images in the networks' units ``(N, C, H, W)``.
        y: Their classes ``(N,)``.
        spec: What they are.
        steps: Steps of gradient descent.
        generator: Of starts and rows.
    """
    black, white = spec.limits(x)  # type: ignore[misc]
    classes, shape = spec.num_classes, spec.shape
    rows = [(y != label).nonzero()[:, 0] for label in range(classes)]
    goals = torch.arange(classes, device=x.device).repeat_interleave(_ROWS)
    mask = _start((classes, 1, *shape[1:]), generator, x)
    pattern = _start((classes, *shape), generator, x)
    optimizer = torch.optim.Adam([mask, pattern], _RATE, betas=(0.5, 0.9))
    price = torch.full((classes,), _PRICE, device=x.device)
    best = torch.full((classes,), torch.inf, device=x.device)
    kept = [torch.zeros_like(mask), torch.zeros_like(pattern)]
    for network in networks:
        network.eval()
    for step in range(steps):
        drawn = [own[torch.randint(len(own), (_ROWS,), generator=generator)] for own in rows]
        shown, colours = mask.sigmoid(), torch.lerp(black, white, pattern.sigmoid())
        marked = torch.lerp(x[torch.stack(drawn)], colours[:, None], shown[:, None])
        logits = networks[step % len(networks)](marked.flatten(0, 1))
        sizes = shown.flatten(1).sum(1)
        loss = F.cross_entropy(logits, goals, reduction="none").reshape(classes, _ROWS).mean(1)
        # The networks are somebody else's too: no gradient is left in them.
        mask.grad, pattern.grad = torch.autograd.grad((loss + price * sizes).sum(), [mask, pattern])
        optimizer.step()
        with torch.no_grad():
            works = (logits.argmax(1) == goals).reshape(classes, _ROWS).float().mean(1) >= _SUCCESS
            price *= torch.where(works, _DEARER, _CHEAPER)
            better = works & (sizes < best)
            best[better] = sizes[better]
            kept[0][better], kept[1][better] = shown[better], colours[better]
    return Marks(best, *kept)


def _start(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    return (0.1 * torch.randn(shape, generator=generator)).to(like).requires_grad_()
