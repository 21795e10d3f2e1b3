"""RealData: a classification dataset of any source as class-indexed tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from datasets import Dataset, IterableDataset
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.balance import check_counts, quota
from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.data.drawing import draw_of, rows_of
from hf_distill.data.held import held_splits
from hf_distill.data.opening import parted, reader_of, splits_of
from hf_distill.data.poison import Poison
from hf_distill.data.sources import chosen_splits, local_source
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.data.stream import SampleStream
from hf_distill.data.vectors import VectorTransform
from hf_distill.errors import UserError
from hf_distill.options import PositiveInt, Range, Text


class RealData(Data[DataSpec]):
    """Samples of any ``datasets`` source: images, vectors, texts, sounds or videos, with a class or other targets.

    Columns, classes, shape and statistics are inferred from the source's features; every inference has an override.

    Args:
        data: In Python alone: a ``Dataset`` or ``DatasetDict``, a ``DataFrame``, arrays ``(X, y)``; or the path.
        path: A built-in name (``digits``, ``diabetes``), a local folder (Hub layout, ImageFolder, ``save_to_disk``), a
            local parquet, CSV, JSON (both compressed or not), Arrow or WebDataset file, or a Hub id.
        name: The source's configuration, for sources with several.
        revision: The Hub revision.
        split: The split to distill.
        test_split: The split to measure on; by default ``test`` or ``validation`` where the source has one with labels.
        test_fraction: Where there is none, hold this share of the rows out to measure on: of every class, at random,
            always the same rows.
        imbalance_factor: Leave training rows out so that the first class has so many times the rows of the last one,
            and those between them lie on an exponential curve, the field's long tail; always the same rows.
        input_column: The image or vector column; or columns of numbers that are joined to a vector, by their names or a
            pattern such as ``pixel*``; or columns of several kinds, ``[image, caption]``, each read as it is alone.
            Inferred where only one can be meant; of a table of numbers, all but the label.
        label_column: The class column, inferred where only one can be meant; or several columns of numbers.
        target: What is learned. ``classes``: one of several; ``labels``: any of several, a list of them in one column
            or a column of 0 and 1 for each; ``values``: real numbers, of which networks learn those of the training
            rows' mean 0 and deviation 1. ``auto`` takes lists of classes and several columns of true and false for
            labels, several other columns of numbers for values, and all else for classes.
        image_size: Resize all images, or the frames of videos, to a square of this many pixels.
        image_mode: Convert all images to grey (``L``) or colour (``RGB``), by default where one image has colours.
            Images of more than 8 bits keep their range, scaled to 0 to 255.
        frames: Take this many frames of every video, at equal distances; by default all, which must be equally many.
        sampling_rate: Bring all sounds to this rate in Hz; by default that of the column, or the most common one.
        audio_seconds: Cut or pad sounds to this length; by default that of the longest, up to 10 s.
        transform: What is done to every vector first: chosen entries, decibels, a reference of the row, a scale.
        time_axis: The numbers of a vector follow one another: it is a series. Of lists of lists each is a channel
            (``last``) or a time step of all channels (``first``); a plain list is one channel.
        text_length: Tokens of a text that networks see, 64 by default.
        vocabulary: Tokens of the tokenizer that is trained on the texts, 4096 by default.
        tokenizer: One of ``transformers`` in its place: its folder, or a model's name.
        class_balance: How sets, random baselines and mixed batches share the classes: ``equal`` gives every class as
            many samples; ``natural`` as many as its share of the training rows asks for, ``per_class`` on average.
        storage: ``memory`` holds one tensor on the device, ``arrow`` decodes on demand from the memory-mapped table,
            ``auto`` chooses memory up to ``memory_gib``. Ignored for streams.
        memory_gib: What ``auto`` may hold in memory, in GiB.
        separator: What stands between two cells of a CSV file; by default what its first lines tell.
        decimal: The decimal sign of a CSV file, likewise.
        streaming: Read the training split as a stream: once for its classes and statistics, then as samples are asked
            for. What needs random access, selection for example, refuses it.
        workers: Decoding threads of ``arrow``.
        buffer: Samples of each class that a stream keeps waiting.
        poison: Put a backdoor into the training rows, to measure what becomes of it; null for none.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import RealData
        >>> table = Dataset.from_dict({"x": [0.1, 0.2, 0.9, 0.8] * 5, "y": [1, 2, 3, 4] * 5, "label": ["a", "b"] * 10})
        >>> real = RealData(table, test_fraction=0.2).setup()
        >>> len(real.train), len(real.test), real.spec.classes
        (16, 4, ('a', 'b'))
    """

    def __init__(
        self,
        *data: Any,
        path: Text = "digits",
        name: str | None = None,
        revision: str | None = None,
        split: Text = "train",
        test_split: str | None = None,
        test_fraction: Annotated[float, Range(0, 1, above=True, below=True)] | None = None,
        imbalance_factor: Annotated[float, Range(1, 1e5)] | None = None,
        input_column: str | list[str] | None = None,
        label_column: str | list[str] | None = None,
        target: Literal["auto", "classes", "labels", "values"] = "auto",
        image_size: Annotated[int, Range(1, 16384)] | None = None,
        image_mode: Literal["L", "RGB"] | None = None,
        frames: PositiveInt | None = None,
        sampling_rate: Annotated[int, Range(100, 1_000_000)] | None = None,
        audio_seconds: Annotated[float, Range(0.001, 3600)] | None = None,
        transform: VectorTransform | None = None,
        time_axis: Literal["first", "last"] | None = None,
        text_length: Annotated[int, Range(1, 8192)] | None = None,
        vocabulary: Annotated[int, Range(8, 1_000_000)] | None = None,
        tokenizer: Text | None = None,
        class_balance: Literal["equal", "natural"] = "equal",
        storage: Literal["auto", "memory", "arrow"] = "auto",
        memory_gib: Annotated[float, Range(0, 1e5)] = 4.0,
        separator: Text | None = None,
        decimal: Literal[".", ","] | None = None,
        streaming: bool = False,
        workers: Annotated[int, Range(1, 256)] = 2,
        buffer: PositiveInt = 512,
        poison: Poison | None = None,
    ) -> None:
        self.path = path
        self.name = name
        self.revision = revision
        self.split = split
        self.test_split = test_split
        self.test_fraction = test_fraction
        self.imbalance_factor = imbalance_factor
        self.input_column = input_column
        self.label_column = label_column
        self.target = target
        self.image_size = image_size
        self.image_mode = image_mode
        self.frames = frames
        self.sampling_rate = sampling_rate
        self.audio_seconds = audio_seconds
        self.transform = transform
        self.time_axis = time_axis
        self.text_length = text_length
        self.vocabulary = vocabulary
        self.tokenizer = tokenizer
        self.class_balance = class_balance
        self.storage = storage
        self.memory_gib = memory_gib
        self.separator = separator
        self.decimal = decimal
        self.streaming = streaming
        self.workers = workers
        self.buffer = buffer
        self.poison = poison
        self._given: tuple[Any, Any] | None = None
        if len(data) == 1 and isinstance(data[0], (str, Path)):
            self.path = str(data[0])
        elif data:
            self._hold(*chosen_splits(held_splits(*data), split, test_split)[:2])
        self._spec: DataSpec | None = None
        self._train: Split | None = None
        self._test: Split | None = None
        self._stream: SampleStream | None = None

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`: a tokenizer, which is a file or a repository."""
        return ["tokenizer"] if options.get("tokenizer") is not None else []

    @classmethod
    def from_dataset(cls, train: Dataset | IterableDataset, test: Dataset | None = None, **overrides: Any) -> RealData:
        """Wrap datasets that are already open; ``overrides`` are constructor arguments."""
        if not isinstance(train, (Dataset, IterableDataset)):
            raise UserError(f"a datasets.Dataset or IterableDataset is needed, one split, not {type(train).__name__}")
        real = cls(**overrides)
        real._hold(train, test)
        return real

    def _hold(self, train: Any, test: Any) -> None:
        self.path = "in-memory" if self.path == "digits" else self.path  # unless it was given
        self.streaming = isinstance(train, IterableDataset)
        self._given = (train, test)

    @property
    def spec(self) -> DataSpec:
        """What the samples are; known after :meth:`setup`."""
        return self._ready(self._spec)

    @property
    def train(self) -> Split:
        """The split to distill, with random access."""
        if self._stream is not None:
            raise UserError("a stream has no random access, which this choice needs: set --data.streaming=false")
        return self._ready(self._train)

    @property
    def test(self) -> Split:
        """The split to measure on."""
        if self._spec is not None and self._test is None:
            raise UserError(
                f"{self.path} has no test split to measure on: name one with --data.test_split, or hold rows out with "
                "--data.test_fraction=0.2"
            )
        return self._ready(self._test)

    @property
    def has_test(self) -> bool:
        """Whether there is a split to measure on."""
        return self._ready(self._spec) is not None and self._test is not None

    @property
    def is_stream(self) -> bool:
        """Whether the training split can only be read forward."""
        return self._stream is not None

    @staticmethod
    def _ready(value: Any) -> Any:
        if value is None:
            raise RuntimeError("call setup() first")
        return value

    def setup(self, device: torch.device | str | None = None) -> Self:
        """Open the source, infer what is not given and place the samples; the second time place them alone.

        Args:
            device: Where they go; null for the CPU, or for where they are.

        Raises:
            UserError: The source cannot be opened or a column, class or row is unusable.
        """
        if self._spec is not None:
            self._move(device)
            return self
        self._device = torch.device(device or "cpu")
        train, test, source = splits_of(self, self._given)
        if isinstance(train, Dataset):
            source["fingerprint"] = train._fingerprint
        reader = reader_of(self, self._device, None if self._given is not None else local_source(self.path))
        train = reader.prepared(train)
        train, test = parted(self, (train, test), reader, source, named=self._given is not None)
        if isinstance(train, IterableDataset):
            self._spec, decoder, self._stream = reader.stream(train, source)
        else:
            self._spec, decoder, self._train = reader.table(train, source)
        if self.poison is not None:
            self._spec, self._train = self.poison.applied(self._spec, self._train)
        if test is not None:
            self._test = reader.test(test, self._spec, decoder)
        return self

    def _move(self, device: torch.device | str | None) -> None:
        if device is not None and torch.device(device) != self._device:
            self._device = torch.device(device)
            for split in filter(None, (self._train, self._test)):
                split.place(self._device)

    def require(self, per_class: int) -> None:
        """Check that every class has so many samples: :func:`~hf_distill.data.balance.check_counts`."""
        check_counts(self.spec, per_class)

    def quota(self, per_class: int) -> list[int]:
        """Return how many samples of each class a set has: :func:`~hf_distill.data.balance.quota`."""
        return quota(self.spec, per_class, self.class_balance)

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """Draw about so many real samples of all classes: as many of each, or rows at random (``class_balance``)."""
        if self.class_balance == "natural":
            if self.shares is not None:
                return self.draw_of([torch.arange(len(self.train))], count, generator)
            return self.train.batch(torch.randint(len(self.train), (count,), generator=generator))
        return self.sample(list(range(self.spec.num_groups)), -(-count // self.spec.num_groups), generator)

    def sample(self, classes: list[int], per_class: int, generator: torch.Generator) -> Batch:
        """Draw real samples, class by class, without replacement as far as a class reaches.

        Args:
            classes: Class indices.
            per_class: Samples of each of them; a smaller class repeats.
            generator: The source of randomness. A stream gives its next rows instead.

        Returns:
            ``len(classes) * per_class`` samples, ordered by class.
        """
        if self._stream is not None:
            raw, targets = self._stream.take_each(classes, per_class, self._device)
            return Batch.of(self.spec.normalize(raw), targets)
        return self.draw_of(rows_of(self.train, self.spec, classes), per_class, generator)

    def draw_of(self, parts: Sequence[Tensor], count: int, generator: torch.Generator) -> Batch:
        """Draw as many samples of each of some parts of the training rows: :func:`~hf_distill.data.drawing.draw_of`."""
        return draw_of(self.train, parts, count, generator, self.shares)

    def state_dict(self) -> dict[str, Any]:
        """See :class:`Data`; of a stream its position too. Tables are sampled without a state."""
        return {**super().state_dict(), **(self._stream.state_dict() if self._stream is not None else {})}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See :class:`Data`."""
        super().load_state_dict(state)
        if self._stream is not None:
            self._stream.load_state_dict(state)
