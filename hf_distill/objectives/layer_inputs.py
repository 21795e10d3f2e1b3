"""What the layers of a network are given: mean and variance of every channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hf_distill.data.splits import Split

# Real samples of one forward pass.
_BATCH = 256


@contextmanager
def looking(layers: Mapping[str, nn.Module], see: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Call ``see`` with the name and the input ``(B, C, ...)`` of every layer that a network comes to meanwhile."""
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: see(name, inputs[0]))
        for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def moments(x: Tensor, w: Tensor) -> Tensor:
    """Return mean and variance ``(2, C)`` of the channels of ``x`` ``(B, C, ...)``, whose samples weigh ``w``."""
    x = x.reshape(*x.shape[:2], -1)
    share = (w / w.sum())[:, None, None] / x.shape[2]
    mean = (share * x).sum((0, 2))
    return torch.stack([mean, (share * (x - mean[:, None]).square()).sum((0, 2))])


@torch.no_grad()
def moments_of_rows(network: nn.Module, layers: Mapping[str, nn.Module], split: Split) -> dict[str, Tensor]:
    """Return mean and variance ``(2, C)`` of what each layer is given for all rows of a split, by the layer's name."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def add(name: str, x: Tensor) -> None:
        x = x.transpose(0, 1).flatten(1)
        own = torch.stack([x.sum(1), x.square().sum(1)]).cpu().double()
        sums[name] = sums.get(name, 0.0) + own
        counts[name] = counts.get(name, 0) + x.shape[1]

    with looking(layers, add):
        for rows in torch.arange(len(split)).split(_BATCH):
            network(split.batch(rows).x)
    found = {}
    for name, total in sums.items():
        mean, square = total / counts[name]
        found[name] = torch.stack([mean, (square - mean.square()).clamp_min(0)]).float().to(split.device)
    return found
