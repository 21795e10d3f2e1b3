"""Task: what networks learn from a set, so that an objective need not know the modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.base import Data
from hf_distill.data.batch import Batch, weighted_mean
from hf_distill.data.drawing import by_shares
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic, all_examples
from hf_distill.training.building import Network, build_network
from hf_distill.training.losses import LOSSES, Loss


class Task(ABC):
    """Networks, losses and real examples of one kind of data.

    Args:
        max_channels: Channels of a series that one step looks at, chosen at random; 0 for all.
    """

    def __init__(self, max_channels: int = 0) -> None:
        self.max_channels = max_channels

    @abstractmethod
    def build(self, network: Network, seed: int) -> nn.Module:
        """Return a freshly initialised network on the CPU, in training mode.

        Raises:
            UserError: The network is of another modality.
        """

    @abstractmethod
    def sample_shape(self) -> tuple[int, ...]:
        """Return the shape of one input."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean loss of a batch, its samples weighted (:func:`hf_distill.data.batch.weighted_mean`)."""

    @abstractmethod
    def at(self, index: Tensor) -> Batch:
        """Return real examples by their numbers ``(B,)``."""

    @abstractmethod
    def draw(self, count: int, generator: torch.Generator, channels: Tensor | None = None) -> Batch:
        """Return about so many real examples."""

    @abstractmethod
    def pairs(
        self, synthetic: Synthetic, decoded: Batch, synthetic_count: int, real_count: int, streams: Streams
    ) -> list[tuple[Batch, Batch]]:
        """Return synthetic and real examples that should have the same gradient: a pair a class, or one of windows."""

    @property
    def is_stream(self) -> bool:
        """Whether real examples are read forward alone, so that those that were drawn do not come again."""
        return False

    def channels(self, generator: torch.Generator) -> Tensor | None:
        """Return the channels that a step looks at, or None for all."""
        return None

    def narrow(self, decoded: Batch, channels: Tensor | None) -> Batch:
        """Return a decoded set with those channels alone."""
        return decoded


class Supervised(Task):
    """Samples and their targets; real batches share the classes as the data says (``class_balance``).

    Args:
        real: Samples.
        loss: What outputs cost.
    """

    def __init__(self, real: RealData, loss: Loss) -> None:
        super().__init__()
        self.real = real
        self._loss = loss

    def build(self, network: Network, seed: int) -> nn.Module:
        """See :class:`Task`."""
        return build_network(network, self.real.spec, seed)

    @property
    def is_stream(self) -> bool:
        """See :class:`Task`."""
        return self.real.is_stream

    def sample_shape(self) -> tuple[int, ...]:
        """See :class:`Task`."""
        return self.real.spec.shape

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """See :class:`Task`."""
        return weighted_mean(self._loss.losses(outputs, batch.y), batch.w)

    def at(self, index: Tensor) -> Batch:
        """See :class:`Task`."""
        return self.real.train.batch(index)

    def draw(self, count: int, generator: torch.Generator, channels: Tensor | None = None) -> Batch:
        """See :class:`Task`."""
        return self.real.draw(count, generator)

    def pairs(
        self, synthetic: Synthetic, decoded: Batch, synthetic_count: int, real_count: int, streams: Streams
    ) -> list[tuple[Batch, Batch]]:
        """See :class:`Task`; ``real_count`` samples of each class. The weights of a class average 1."""
        found = []
        examples = all_examples(synthetic, decoded)
        labels = self.real.spec.goal.group_of(examples.y)
        for label in range(self.real.spec.num_groups):
            index = (labels == label).nonzero()[:, 0].cpu()
            weight = examples.w[index.to(examples.w.device)].mean()
            if synthetic_count and len(index) > synthetic_count:
                order = torch.randperm(len(index), generator=streams.generator("synthetic", label))
                index = index[order[:synthetic_count]]
            if len(index):
                real = self.real.sample([label], real_count, streams.generator("real", label))
                own = examples.take(index.to(examples.x.device))
                found.append((Batch(own.x, own.y, own.w / weight), real))
        return found


class Forecasting(Task):
    """Mean squared error on windows.

    Args:
        real: A series.
        max_channels: See :class:`Task`.
    """

    def __init__(self, real: SeriesData, max_channels: int = 0) -> None:
        super().__init__(max_channels)
        self.real = real

    @property
    def _width(self) -> int:
        channels = self.real.spec.num_channels
        return min(channels, self.max_channels) if self.max_channels else channels

    def build(self, network: Network, seed: int) -> nn.Module:
        """See :class:`Task`."""
        return build_network(network, self.real.spec, seed, self._width)

    def sample_shape(self) -> tuple[int, ...]:
        """See :class:`Task`."""
        return self.real.spec.lookback, self._width

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """See :class:`Task`."""
        return weighted_mean((outputs - batch.y).square().flatten(1).mean(1), batch.w)

    def at(self, index: Tensor) -> Batch:
        """See :class:`Task`."""
        return Batch.of(*self.real.train.batch(index))

    def draw(self, count: int, generator: torch.Generator, channels: Tensor | None = None) -> Batch:
        """See :class:`Task`."""
        if self.real.shares is None:
            index = torch.randint(len(self.real.train), (count,), generator=generator)
            return Batch.of(*self.real.train.batch(index, channels))
        index, weight = by_shares(self.real.shares, count, generator)
        batch = Batch.of(*self.real.train.batch(index, channels))
        batch.w = weight.to(batch.w)
        return batch

    def pairs(
        self, synthetic: Synthetic, decoded: Batch, synthetic_count: int, real_count: int, streams: Streams
    ) -> list[tuple[Batch, Batch]]:
        """See :class:`Task`."""
        channels = self.channels(streams.generator("channels"))
        narrow = self.narrow(decoded, channels)
        index = batch_index(synthetic.examples(narrow), synthetic_count, streams.generator("synthetic"))
        return [(synthetic.view(narrow, index), self.draw(real_count, streams.generator("real"), channels))]

    def channels(self, generator: torch.Generator) -> Tensor | None:
        """See :class:`Task`."""
        every = self.real.spec.num_channels
        return None if self._width == every else torch.randperm(every, generator=generator)[: self._width]

    def narrow(self, decoded: Batch, channels: Tensor | None) -> Batch:
        """See :class:`Task`."""
        return decoded if channels is None else Batch(decoded.x[:, channels], decoded.y, decoded.w)


def task_of(real: Data, max_channels: int = 0) -> Task:
    """Return the task of some data."""
    task: Any = real
    return Forecasting(task, max_channels) if real.spec.target == "future" else supervised(task)


def supervised(real: RealData) -> Supervised:
    """Return the task of samples, with the loss of their target."""
    return Supervised(real, LOSSES[real.spec.target]())


def batch_index(examples: int, count: int, generator: torch.Generator) -> Tensor:
    """Return the numbers of a batch: drawn with replacement, or all of them in order where ``count`` is 0."""
    return torch.randint(examples, (count,), generator=generator) if count else torch.arange(examples)
