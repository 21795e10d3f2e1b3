"""What a network costs, and how many threads pay for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

# Calls of fewer operations lose more by a second thread than they gain from it, 5 to 10 times as much when anything
# else runs on the machine. A rule by work and not by the clock: the number of threads decides the last bits of a sum.
ONE_THREAD = 5e8


@torch.no_grad()
def step_flops(network: nn.Module, sample: Tensor, batch: int) -> float:
    """Return the operations of one training step, counted as three forward passes.

    Args:
        network: The network.
        sample: One input, ``(1, *shape)``, on its device.
        batch: Samples of a step.
    """
    training = network.training
    network.eval()
    with FlopCounterMode(display=False) as counter:
        network(sample)
    network.train(training)
    return 3.0 * counter.get_total_flops() * batch


@contextlib.contextmanager
def one_thread(wanted: bool) -> Iterator[None]:
    """Run a block on one thread of the CPU where that is wanted."""
    before = torch.get_num_threads()
    if wanted:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
