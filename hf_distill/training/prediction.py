"""Predictions of trained networks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.networks.cost import one_thread
from hf_distill.training.workers import count_workers

_BATCH = 256


def predict(networks: Sequence[nn.Module], test: Split, spec: DataSpec, device: torch.device) -> list[Tensor]:
    """Return each network's logits ``(N, classes)`` on the CPU; every test sample is decoded once.

    On a CPU the networks work side by side, each on one thread.
    """
    parts: list[list[Tensor]] = [[] for _ in networks]
    workers = count_workers() if device.type == "cpu" else 1
    with one_thread(workers > 1), ThreadPoolExecutor(workers, initializer=_begin, initargs=(workers > 1,)) as pool:
        for rows in torch.arange(len(test)).split(_BATCH):
            x = spec.normalize(test.raw(rows)).to(device)
            for own, logits in zip(parts, pool.map(partial(_logits, x), networks), strict=True):
                own.append(logits)
    return [torch.cat(own).cpu() for own in parts]


def _begin(one: bool) -> None:
    if one:  # every thread of Python counts its own
        torch.set_num_threads(1)


@torch.no_grad()
def _logits(x: Tensor, network: nn.Module) -> Tensor:
    return network(x)
