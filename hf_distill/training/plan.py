"""Plan: how the networks of several seeds are trained fastest. Measured rules that depend on no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hf_distill.networks.compiled import has_compiler
from hf_distill.networks.cost import ONE_THREAD, step_flops

Strategy = Literal["auto", "together", "sequential"]
Compile = Literal["auto", "always", "never"]

# Floating-point operations of one training step of one network up to which vmap over networks is faster. CPU: 1.2-1.6x
# faster at 1e7 (ConvNet width 32 or MLP at 8x8, 10 samples) and slower from 2e7 on (0.4x at 28x28), because vmap makes
# grouped convolutions. GPU: an estimate; below it the launches of kernels take longer than their work.
TOGETHER_CPU = 1.2e7
TOGETHER_GPU = 1e11
# torch.compile makes a step 1.5-1.9x faster at 28x28 and 1.1-1.4x at 8x8, and takes 10-30 s with a cold cache: at 27
# GFLOP/s this is 150 s of uncompiled training.
COMPILE_FROM = 4e12


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        together: All networks in one step, through ``torch.func``; else one after the other.
        compiled: Through ``torch.compile``.
        one_thread: On one thread of the CPU.
        required: The user asked for compilation; it must not fall back.
    """

    together: bool
    compiled: bool
    one_thread: bool
    required: bool = False


def make_plan(
    network: nn.Module,
    sample: Tensor,
    *,
    batch: int,
    steps: int,
    count: int,
    device: torch.device,
    strategy: Strategy = "auto",
    compile: Compile = "auto",
) -> Plan:
    """Choose.

    Args:
        network: One of the networks.
        sample: One input, ``(1, *shape)``, on the network's device.
        batch: Samples of a step.
        steps: Steps of all networks of this architecture, everything that one compilation serves.
        count: Networks that may train together.
        device: Where they train.
        strategy: An override.
        compile: An override.
    """
    flops = step_flops(network, sample, batch)
    on_cpu = device.type == "cpu"
    together = strategy == "together"
    if strategy == "auto" and count > 1:
        together = flops <= (TOGETHER_CPU if on_cpu else TOGETHER_GPU) and is_plain(network)
    compiled = compile == "always"
    if compile == "auto" and not together and on_cpu:
        compiled = flops * steps >= COMPILE_FROM and has_compiler()
    return Plan(together, compiled, on_cpu and flops < ONE_THREAD, compile == "always")


def is_plain(network: nn.Module) -> bool:
    """Tell whether vmap is sure to work: torch's own layers and this library's, and no dropout.

    Other people's modules may branch on values, and dropout draws from one stream for all networks.
    """
    for module in network.modules():
        if not type(module).__module__.startswith(("torch.nn.", "hf_distill.")):
            return False
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            return False
    return True
