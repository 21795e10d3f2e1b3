"""The usual network for samples of some shape."""

from __future__ import annotations

import math

from hf_distill.networks.base import Architecture
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.mlp import MLP


def default_network(shape: tuple[int, ...]) -> Architecture:
    """Return the field's ConvNet, one block more for each doubling of 32 pixels and one less below 16, or an MLP."""
    if len(shape) != 3 or min(shape[1:]) < 4:
        return MLP()
    side = min(shape[1:])
    return ConvNet(depth=2 if side < 16 else max(3, round(math.log2(side)) - 2))
