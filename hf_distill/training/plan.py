"""Plan: how the networks of several seeds are trained fastest. Measured rules that depend on no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hf_distill.networks.compiled import has_compiler
from hf_distill.networks.cost import ONE_THREAD, step_flops
from hf_distill.training.workers import count_workers

Strategy = Literal["auto", "together", "side_by_side", "sequential"]
Compile = Literal["auto", "always", "never"]

# Floating-point operations of one training step of one network up to which vmap over networks is faster. CPU: 1.2-1.6x
# faster at 1e7 (ConvNet width 32 or MLP at 8x8, 10 samples) and slower from 2e7 on (0.4x at 28x28), because vmap makes
# grouped convolutions. GPU: an estimate; below it the launches of kernels take longer than their work.
TOGETHER_CPU = 1.2e7
TOGETHER_GPU = 1e11
# Networks that one step trains on a CPU, whatever the number of workers: it decides the last bits of sums.
TOGETHER_MOST = 10
# torch.compile makes a step 1.6x faster at 28x28 and at 8x8 (ConvNet of width 32), and takes 5-20 s with a cold cache:
# at 45 GFLOP/s on one thread this is 90 s of uncompiled training.
COMPILE_FROM = 4e12
# Workers take 3 s to begin; this is 5 s (ConvNet) to 12 s (xPatch) of training on one thread. A step of a small network
# takes as long as STEP operations, whatever it computes.
WORKERS_FROM = 2e11
STEP = 5e7


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        together: Ten networks in one step, on a GPU all, through ``torch.func``; else each for itself.
        workers: Processes that train side by side; 1 stands for this process, in which one comes after the other.
        compiled: Through ``torch.compile``.
        one_thread: On one thread of the CPU.
        required: The user asked for compilation; it must not fall back.
    """

    together: bool
    workers: int
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
    joins: bool = True,
    device: torch.device,
    strategy: Strategy = "auto",
    compile: Compile = "auto",
    further: float = 0.0,
) -> Plan:
    """Choose.

    Args:
        network: One of the networks.
        sample: One input, ``(1, *shape)``, on the network's device.
        batch: Samples of a step.
        steps: Steps of all networks of this architecture, everything that one compilation serves.
        count: Networks.
        joins: They may train together: their sources are equally long.
        device: Where they train.
        strategy: An override.
        compile: An override.
        further: Operations of what is done beside training.
    """
    flops = step_flops(network, sample, batch)
    on_cpu = device.type == "cpu"
    together = strategy == "together"
    if strategy == "auto" and count > 1 and joins:
        together = flops <= (TOGETHER_CPU if on_cpu else TOGETHER_GPU) and is_plain(network)
    compiled = compile == "always"
    if compile == "auto" and not together and on_cpu:
        compiled = flops * steps >= COMPILE_FROM and has_compiler()
    workers = 1
    if on_cpu and strategy != "sequential":
        groups = math.ceil(count / TOGETHER_MOST) if together else count
        workers = choose_workers(math.inf if strategy == "side_by_side" else (flops + STEP) * steps + further, groups)
    # Of several networks each has one thread, with workers or without: the last bits are the same, and nobody waits for
    # a second thread that another job keeps from its core, which takes 10 to 40 times as long.
    one = on_cpu and (flops < ONE_THREAD or (count > 1 and strategy != "sequential"))
    return Plan(together, workers, compiled, one, compile == "always")


def choose_workers(work: float, groups: int) -> int:
    """Return in how many processes trainings go on side by side.

    Args:
        work: Operations of all, with :data:`STEP` for each step.
        groups: Trainings that are independent.
    """
    return min(groups, count_workers()) if groups > 1 and work >= WORKERS_FROM else 1


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
