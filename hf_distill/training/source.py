"""Sources: what networks are trained on and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split

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


@torch.no_grad()
def predict(networks: Sequence[nn.Module], test: Split, spec: DataSpec, device: torch.device) -> list[Tensor]:
    """Return each network's logits ``(N, classes)`` on the CPU; every test sample is decoded once."""
    parts: list[list[Tensor]] = [[] for _ in networks]
    for rows in torch.arange(len(test)).split(_TEST_BATCH):
        x = spec.normalize(test.raw(rows)).to(device)
        for own, network in zip(parts, networks, strict=True):
            own.append(network(x))
    return [torch.cat(own).cpu() for own in parts]
