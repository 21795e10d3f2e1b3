"""Sources: what networks are trained on and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.networks.cost import one_thread
from hf_distill.training.workers import count_workers

_TEST_BATCH = 256


class Source(Protocol):
    """What is trained on: a split of a real dataset, or :class:`TensorSource`."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def batch(self, index: Tensor) -> Batch:
        """Return some of them."""


class TensorSource:
    """A batch in memory as a :class:`Source`."""

    def __init__(self, data: Batch) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, index: Tensor) -> Batch:
        """Return some samples."""
        index = index.to(self.data.x.device)
        return Batch(self.data.x[index], self.data.y[index], self.data.w[index])


class SplitSource:
    """A split of real data, in the units of the distilled set.

    Args:
        split: The split.
        spec: The distilled set's specification, whose statistics normalise.
    """

    def __init__(self, split: Split, spec: DataSpec) -> None:
        self.split = split
        self.spec = spec

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, index: Tensor) -> Batch:
        """Return some samples."""
        x = self.spec.normalize(self.split.raw(index))
        return Batch.of(x, self.split.labels[index].to(x.device))


def predict(networks: Sequence[nn.Module], test: Split, spec: DataSpec, device: torch.device) -> list[Tensor]:
    """Return each network's logits ``(N, classes)`` on the CPU; every test sample is decoded once.

    On a CPU the networks work side by side, each on one thread.
    """
    parts: list[list[Tensor]] = [[] for _ in networks]
    workers = count_workers() if device.type == "cpu" else 1
    with one_thread(workers > 1), ThreadPoolExecutor(workers, initializer=_begin, initargs=(workers > 1,)) as pool:
        for rows in torch.arange(len(test)).split(_TEST_BATCH):
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
