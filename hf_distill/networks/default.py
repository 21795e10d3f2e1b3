"""The usual network for each kind of inputs."""

from __future__ import annotations

import math
from collections.abc import Callable

from hf_distill.networks.base import Architecture, Inputs
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.convnet1d import ConvNet1d
from hf_distill.networks.frames import FramesNetwork
from hf_distill.networks.listening import MelNetwork
from hf_distill.networks.mixed import MixedNetwork
from hf_distill.networks.mlp import MLP
from hf_distill.networks.text_net import TextNet


def _for_images(spec: Inputs) -> Architecture:
    """Return the field's ConvNet, one block more for each doubling of 32 pixels and one less below 16, or an MLP."""
    side = min(spec.shape[1:])
    if side < 4:
        return MLP()
    return ConvNet(depth=2 if side < 16 else max(3, round(math.log2(side)) - 2))


def _for_signals(spec: Inputs) -> Architecture:
    """Return a network that looks along time, or an MLP where there is next to none."""
    steps = spec.shape[1]
    return MLP() if steps < 4 else ConvNet1d(depth=2 if steps < 16 else 3)


#: What is trained on a kind where nobody says.
NETWORKS: dict[str, Callable[[Inputs], Architecture]] = {
    "image": _for_images,
    "frames": lambda spec: FramesNetwork(),
    "audio": lambda spec: MelNetwork(),
    "text": lambda spec: TextNet(),
    "vector": lambda spec: MLP(),
    "signal": _for_signals,
    "columns": lambda spec: MLP(),
    "mixed": lambda spec: MixedNetwork(),
}


def default_network(spec: Inputs) -> Architecture:
    """Return the usual network for some data."""
    return NETWORKS[spec.kind](spec)
