"""What a network costs, and how many threads pay for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hf_distill.errors import UserError

# Calls of fewer operations lose more by a second thread than they gain from it, 5 to 10 times as much when anything
# else runs on the machine. A rule by work and not by the clock: the number of threads decides the last bits of a sum.
ONE_THREAD = 5e8


def find_device(name: str) -> torch.device:
    """Return a device by its name; ``auto`` takes a GPU where there is one.

    Raises:
        UserError: This machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    count = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(device.type, 1)
    if (device.index or 0) >= count:
        raise UserError(f"device is {name} and this machine has none: choose auto or cpu")
    return device


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
