"""Sources: what networks are trained on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.series_split import SeriesSplit
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split

Name = tuple[str | int, ...]


class Source(ABC):
    """What a network is trained on: samples, and the order in which it sees them.

    Attributes:
        width: Sequences that a sample consists of: channels of a window, and 1 for all else.
        repeats: An epoch that is one batch is the same one every time.
        joins: Networks on several sources may train in one step. Forecasters take 1 to 4 times as long in one.
        order: Name of the random stream of the order and of augmentation.
        layers: Name of the random stream of layers that draw for themselves (dropout).

    Examples:
        >>> import torch
        >>> from hf_distill import Batch, TensorSource
        >>> source = TensorSource(Batch.of(torch.zeros(10, 4), torch.zeros(10, dtype=torch.int64)))
        >>> [len(batch) for batch in source.epoch(4, torch.Generator())]
        [4, 3, 3]
    """

    width: int = 1
    repeats: bool = True
    joins: bool = True
    order: Name = ("training",)
    layers: Name = ("layers",)

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def batch(self, index: Tensor) -> Batch:
        """Return some of them."""

    def epoch(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the batches of an epoch: equal ones, since a remainder of a few samples is a step of noise.

        Args:
            size: Samples of a batch at most.
            generator: Of their order.
        """
        for rows in torch.randperm(len(self), generator=generator).tensor_split(-(-len(self) // size)):
            yield self.batch(rows)


class TensorSource(Source):
    """A batch in memory.

    Examples:
        >>> import torch
        >>> from hf_distill import Batch, TensorSource
        >>> source = TensorSource(Batch.of(torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 1])))
        >>> source.batch(torch.tensor([2])).x
        tensor([[4., 5.]])
    """

    def __init__(self, data: Batch) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`Source`."""
        return self.data.take(index.to(self.data.x.device))


class SplitSource(Source):
    """A split of real data.

    Args:
        split: The split.
        spec: Whose statistics normalise: the distilled set's.
        remainder: The last batch of an epoch is what is left, instead of all being of equal size.
        order: See :class:`Source`.

    Examples:
        >>> import torch
        >>> from hf_distill import RealData, SplitSource
        >>> real = RealData().setup()
        >>> len(SplitSource(real.train, real.spec))
        1437
    """

    def __init__(self, split: Split, spec: DataSpec, remainder: bool = False, order: Name = Source.order) -> None:
        self.split = split
        self.spec = spec
        self.remainder = remainder
        self.order = order

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`Source`."""
        x = self.spec.normalize(self.split.raw(index))
        return Batch.of(x, self.split.targets[index].to(x.device))

    def epoch(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """See :class:`Source`."""
        if not self.remainder:
            yield from super().epoch(size, generator)
            return
        for rows in torch.randperm(len(self), generator=generator).split(size):
            yield self.batch(rows)


class WindowSource(Source):
    """The windows of a part of a real series: what comes before and after every place in it.

    Args:
        split: The part.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import SeriesData, WindowSource
        >>> table = Dataset.from_dict({"load": [float(hour % 24) for hour in range(600)]})
        >>> real = SeriesData.from_dataset(table, lookback=24, horizon=12, splits=[400, 500, 600]).setup()
        >>> len(WindowSource(real.train))
        365
    """

    joins = False
    order = ("batches",)
    layers = ("dropout",)

    def __init__(self, split: SeriesSplit) -> None:
        self.split = split
        self.width = split.num_channels

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, index: Tensor) -> Batch:
        """Return some windows, ``(B, L, N)``, with what comes after, ``(B, H, N)``."""
        return Batch.of(*self.split.batch(index))

    def epoch(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """See :class:`Source`; what is left comes first."""
        for rows in reversed(torch.randperm(len(self), generator=generator).split(size)):
            yield self.batch(rows)


class Windows(WindowSource):
    """The windows of one series, or of several of one length: none crosses from one to the next.

    Args:
        series: ``(M, N)`` or ``(S, M, N)``, normalised.
        lookback: ``L``.
        horizon: ``H``.

    Examples:
        >>> import torch
        >>> from hf_distill import Windows
        >>> windows = Windows(torch.arange(10.0)[:, None], lookback=3, horizon=2)
        >>> batch = windows.batch(torch.tensor([0]))
        >>> len(windows), batch.x[0, :, 0], batch.y[0, :, 0]
        (6, tensor([0., 1., 2.]), tensor([3., 4.]))
    """

    def __init__(self, series: Tensor, lookback: int, horizon: int) -> None:
        values = series if series.ndim == 3 else series[None]
        inside = torch.arange(values.shape[1] - lookback - horizon + 1)
        self._starts = (torch.arange(len(values))[:, None] * values.shape[1] + inside).flatten()
        # A copy: a process that trains on it is sent all that it is a view of.
        super().__init__(SeriesSplit(values.flatten(0, 1).clone(), lookback, horizon))

    def __len__(self) -> int:
        return len(self._starts)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`WindowSource`."""
        return super().batch(self._starts[index])


class Drawn(Source):
    """Samples of another source, drawn with replacement, in an epoch without end.

    Args:
        source: The other one.
        order: See :class:`Source`.
    """

    repeats = False

    def __init__(self, source: Source, order: Name) -> None:
        self.source = source
        self.order = order
        self.width, self.joins, self.layers = source.width, source.joins, source.layers

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, index: Tensor) -> Batch:
        """See :class:`Source`."""
        return self.source.batch(index)

    def epoch(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """See :class:`Source`."""
        while True:
            yield self.batch(torch.randint(len(self), (size,), generator=generator))
