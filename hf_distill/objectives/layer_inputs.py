"""What the layers of a network are given: mean and variance of every channel, and of patches by their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.splits import Split

# Real samples of one forward pass.
_BATCH = 256
# Ending of the names of statistics that are those of patches.
_PATCHES = " by patch"


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


def by_patch(x: Tensor, side: int) -> Tensor:
    """Return images ``(B, C, H, W)`` as patches of ``side`` by ``side`` pixels, ``(B, places, C * side * side)``.

    Images of other sides than multiples of that are enlarged to the next one.
    """
    down, right = (-(-size // side) for size in x.shape[2:])
    x = F.interpolate(x, (down * side, right * side), mode="bilinear")
    x = x.unflatten(3, (right, side)).unflatten(2, (down, side))
    return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def looked_at(name: str, x: Tensor, side: int) -> dict[str, Tensor]:
    """Return what moments are taken of, by name: the input of a layer, and its patches where they have a side."""
    return {name: x, name + _PATCHES: by_patch(x, side)} if side else {name: x}


def layer_of(name: str) -> str:
    """Return the layer that a name of :func:`looked_at` belongs to."""
    return name.removesuffix(_PATCHES)


@torch.no_grad()
def moments_of_rows(
    network: nn.Module, layers: Mapping[str, nn.Module], split: Split, side: int = 0
) -> dict[str, Tensor]:
    """Return mean and variance of what each layer is given for all rows of a split, by the names of :func:`looked_at`.

    Those of the channels are ``(2, C)``, those of patches ``(2, places)``.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def add(layer: str, given: Tensor) -> None:
        for name, x in looked_at(layer, given, side).items():
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
