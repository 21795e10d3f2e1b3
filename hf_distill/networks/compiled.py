"""Features through torch.compile, one compilation for any number of networks of an architecture."""

from __future__ import annotations

import copy
import shutil
import warnings

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hf_distill.networks.base import FeatureNetwork

# torch.compile makes a step of distribution matching 1.75 times faster and takes half a minute for its three shapes of
# input: at 27 GFLOP/s this is twice what it costs.
_COMPILE_FROM = 8e12


def compiling_pays(flops: float) -> bool:
    """Tell whether so many floating-point operations win back the time that ``torch.compile`` takes, if it works."""
    return flops >= _COMPILE_FROM and has_compiler()


def has_compiler() -> bool:
    """Tell whether there is a C++ compiler for ``torch.compile``."""
    return any(shutil.which(name) for name in ("c++", "g++", "clang++"))


class _Features(nn.Module):
    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network.features(x)


class CompiledFeatures:
    """``network.features`` compiled for all networks like the first one; every new shape of input compiles again.

    Args:
        network: One of them.
    """

    def __init__(self, network: FeatureNetwork) -> None:
        base = _Features(copy.deepcopy(network).to("meta"))
        self._failed = False

        # Weights are arguments: a compiled module would be compiled again for the next network.
        def features(state: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(base, state, (x,))

        self._compiled = torch.compile(features, dynamic=False)

    def __call__(self, network: FeatureNetwork, x: Tensor) -> Tensor:
        """Return the features ``(B, F)`` of a network."""
        if self._failed:
            return network.features(x)
        state = dict(network.named_parameters(prefix="network")) | dict(network.named_buffers(prefix="network"))
        try:
            return self._compiled(state, x)
        except torch._dynamo.exc.TorchDynamoException as error:
            # An optimisation must not cost the run.
            self._failed = True
            warnings.warn(f"torch.compile failed, going on without it: {str(error).splitlines()[0]}", stacklevel=2)
            return network.features(x)
