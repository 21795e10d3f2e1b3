"""Building the network that a description stands for, for some data."""

from __future__ import annotations

from typing import Any

from torch import nn

from hf_distill.data.base import Spec
from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.networks.forecasters.base import Forecaster

Network = Forecaster | Architecture
"""The description of a network: a forecaster for series, an architecture for all else."""


def build_network(network: Network, spec: Spec, seed: int, channels: int | None = None) -> nn.Module:
    """Return a freshly initialised network on the CPU, in training mode.

    Args:
        network: What to build.
        spec: The data's specification.
        seed: Of the weights.
        channels: Channels of a series that it sees; all of them if None.

    Raises:
        UserError: The network is for other data, or cannot be built for their sizes.
    """
    about: Any = spec
    if spec.target == "future":
        if not isinstance(network, Forecaster):
            raise UserError(f"{type(network).__name__} does not forecast: choose DLinear, or another forecaster")
        return network.build(about.lookback, about.horizon, channels or about.num_channels, seed)
    if not isinstance(network, Architecture):
        raise UserError(f"{type(network).__name__} does not classify: choose ConvNet, or another architecture")
    return network.build_for(about, seed)
