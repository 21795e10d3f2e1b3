"""RowsData: the rows of any source, whole, without inputs or labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import pyarrow as pa
import torch
from datasets import Dataset, DatasetInfo, Features, IterableDataset
from datasets.table import embed_table_storage
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.base import Data
from hf_distill.data.local import reading
from hf_distill.data.narrow import narrowed
from hf_distill.data.opening import opened, place_of
from hf_distill.data.real import RealData
from hf_distill.data.rows_spec import RowsSpec
from hf_distill.data.sources import open_source
from hf_distill.errors import UserError
from hf_distill.options import Text
from hf_distill.ranks import ALONE, Ranks

# Rows of a stream that are read at once where it is looked for single ones.
_READ = 4096


class RowsData(Data[RowsSpec]):
    """A ``datasets`` table of any columns: text, nested messages, pictures, numbers.

    The table stays memory-mapped. Nothing is asked of its columns: a selector looks at rows through features, which say
    what of a row they look at. A stream is read twice: for features, when its rows are counted, and for the rows that
    were chosen.

    Args:
        path: As for ``RealData``: a built-in name, a local folder or file, or a Hub id.
        name: The source's configuration, for sources with several.
        revision: The Hub revision.
        split: The split to choose from.
        input_column: The column, or columns, that features of single inputs (pixels, networks) look at; inferred where
            only one can be meant.
        separator: What stands between two cells of a CSV file; by default what its first lines tell.
        decimal: The decimal sign of a CSV file, likewise.
        streaming: Read the split as a stream, block by block, for a selector that can choose from one.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import RowsData
        >>> rows = RowsData.from_dataset(Dataset.from_dict({"text": ["a", "b"], "stars": [1, 5]})).setup()
        >>> len(rows), list(rows.spec.features)
        (2, ['text', 'stars'])
    """

    def __init__(
        self,
        *,
        path: Text = "digits",
        name: str | None = None,
        revision: str | None = None,
        split: Text = "train",
        input_column: str | list[str] | None = None,
        separator: Text | None = None,
        decimal: Literal[".", ","] | None = None,
        streaming: bool = False,
    ) -> None:
        self.path = path
        self.name = name
        self.revision = revision
        self.split = split
        self.input_column = input_column
        self.separator = separator
        self.decimal = decimal
        self.streaming = streaming
        self._given: Dataset | IterableDataset | None = None
        self._table: Any = None
        self._spec: RowsSpec | None = None
        self._device = torch.device("cpu")

    @classmethod
    def from_dataset(cls, table: Dataset | IterableDataset, **overrides: Any) -> RowsData:
        """Wrap a dataset that is already open; ``overrides`` are constructor arguments."""
        if not isinstance(table, (Dataset, IterableDataset)):
            raise UserError(f"a datasets.Dataset or IterableDataset is needed, one split, not {type(table).__name__}")
        rows = cls(path=overrides.pop("path", "in-memory"), **overrides)
        rows.streaming = isinstance(table, IterableDataset)
        rows._given = table
        return rows

    @property
    def spec(self) -> RowsSpec:
        """What the rows are; known after :meth:`setup`."""
        if self._spec is None:
            raise RuntimeError("call setup() first")
        return self._spec

    @property
    def table(self) -> Dataset:
        """All rows, memory-mapped.

        Raises:
            UserError: They are a stream.
        """
        if self._table is None:
            raise RuntimeError("call setup() first")
        if self.is_stream:
            raise UserError("a stream has no random access, which this choice needs: set --data.streaming=false")
        table: Dataset = self._table
        return table

    @property
    def is_stream(self) -> bool:
        """Whether the rows can only be read forward."""
        return isinstance(self._table, IterableDataset)

    @property
    def device(self) -> torch.device:
        """Where features are made."""
        return self._device

    def __len__(self) -> int:
        return self.spec.num_rows if self.is_stream else len(self.table)

    def setup(self, device: torch.device | str | None = None) -> Self:
        """Open the source, or change where features of its rows are made.

        Args:
            device: Where; null for the CPU, or for where they are.

        Raises:
            UserError: It cannot be opened, or is empty.
        """
        self._device = self._device if device is None else torch.device(device)
        if self._spec is not None:
            return self
        table, source = opened(self, self._given)
        if isinstance(table, IterableDataset):
            with reading(self.path):
                # Some streams know their features only from their first row.
                self._table = table if table.features else table._resolve_features()
            if not self._table.features:
                raise UserError(f"split {self.split!r} of {self.path} is empty")
            self._spec = RowsSpec(self._table.features.to_dict(), 0, source, 0)
            return self
        if not len(table):
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        self._table = table
        bits = 8 * table.data.nbytes // max(1, table.data.num_rows)
        self._spec = RowsSpec(table.features.to_dict(), int(bits), source, len(table))
        return self

    def blocks(self, size: int, ranks: Ranks = ALONE) -> Iterator[tuple[int, RowsData]]:
        """Yield the rows as tables of so many, each with the number of its first row; a stream is counted meanwhile.

        Args:
            size: Rows of a block.
            ranks: The processes that take them in turn; this one's are yielded.
        """
        if not self.is_stream:
            for first in range(ranks.rank * size, len(self), ranks.count * size):
                yield first, self._part(self.table.select(range(first, min(first + size, len(self)))))
            return
        first = bits = 0
        for place, rows in enumerate(self._read(size)):
            if place % ranks.count == ranks.rank:
                yield first, self._part(Dataset(rows, self._info(), fingerprint=f"block {place}"))
            first, bits = first + len(rows), bits + 8 * rows.nbytes
        if not first:
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        self._spec = replace(self.spec, row_bits=bits // first, num_rows=first)

    def some(self, count: int) -> RowsData:
        """Return so many rows at most: evenly spaced ones of a table, the first ones of a stream."""
        if self.is_stream:
            return next(self.blocks(count))[1]
        if len(self) <= count:
            return self
        return self._part(self.table.select(torch.linspace(0, len(self) - 1, count).long().tolist()))

    def tested(self) -> RowsData | None:
        """Return the rows of the source's test split, a stream of a stream; None where it has none, or was open."""
        if self._given is not None:
            return None
        _, test, _ = open_source(**place_of(self), streaming=self.streaming)
        return None if test is None else self._part(test)

    def only(self, index: Tensor) -> RowsData:
        """Return rows as a table in memory; see :meth:`take`."""
        return self._part(Dataset(self.take(index), self._info()))

    def without(self, columns: Sequence[str]) -> RowsData:
        """Return the rows of a table without some columns."""
        return self._part(self.table.remove_columns(list(columns)))

    def _info(self) -> DatasetInfo:
        return DatasetInfo(features=Features.from_dict(self.spec.features))

    def _part(self, table: Dataset) -> RowsData:
        return RowsData.from_dataset(table, path=self.path, input_column=self.input_column).setup(self._device)

    def _read(self, size: int) -> Iterator[pa.Table]:
        """Yield the rows of a stream as they are stored."""
        batches = self._table.with_format("arrow").iter(batch_size=size)
        schema = Features.from_dict(self.spec.features).arrow_schema
        while True:
            with reading(self.path):
                rows = next(batches, None)
            if rows is None:
                return
            yield rows.cast(schema)

    def _found(self, index: Tensor) -> pa.Table:
        """Return rows of a stream, read once more."""
        first, found = 0, []
        for rows in self._read(_READ):
            own = index[(index >= first) & (index < first + len(rows))] - first
            found.append(rows.take(pa.array(own.numpy())))
            first += len(rows)
            if first > int(index[-1]):
                return pa.concat_tables(found)
        raise UserError(
            f"{self.path} has {first:,} rows now and had more when it was read first: does it give the same rows again?"
        )

    def take(self, index: Tensor) -> pa.Table:
        """Return rows as they are in the source, files that they name included.

        Args:
            index: Their numbers, of a stream in increasing order.
        """
        rows: pa.Table = self._found(index) if self.is_stream else self.table.with_format("arrow")[index.tolist()]
        # A folder of pictures has their paths alone, which mean nothing elsewhere.
        schema = Features.from_dict(self.spec.features).arrow_schema
        return embed_table_storage(rows.cast(schema)).replace_schema_metadata(None)

    def samples(self) -> RealData:
        """Return the inputs of the rows as samples of a single class, for features that look at such.

        Raises:
            UserError: No column holds inputs that are understood, or several may.
        """
        table = self.table
        name = next(name for name in ("label", "label_", "label__") if name not in table.features)
        kept = [self.input_column] if isinstance(self.input_column, str) else self.input_column
        table = (table if kept is None else table.select_columns(kept)).add_column(name, [0] * len(table))  # type: ignore[call-arg]
        real = RealData.from_dataset(table, input_column=self.input_column, label_column=name, path=self.path)
        return real.setup(self._device)

    def text_columns(self, columns: list[str] | None = None) -> list[str]:
        """Return those of some columns, all by default, that hold text.

        Raises:
            UserError: A column does not exist, or none holds text.
        """
        features = self.table.features
        for name in columns or ():
            if name not in features:
                raise UserError(f"there is no column {name!r}; it has {', '.join(features)}")
        kept = columns or [name for name, feature in features.items() if _has_text(feature)]
        if not kept:
            raise UserError(f"{self.path} has no column with text, only {', '.join(features)}")
        return kept

    def texts(self, columns: list[str] | None = None, part: int = 1000) -> Any:
        """Yield the text of every row: all strings in it, those of nested columns too, in their order.

        Args:
            columns: Those that are looked at; None for all.
            part: Rows that are read at once.

        Raises:
            UserError: A column does not exist, or none holds text.
        """
        kept = self.text_columns(columns)
        for rows in narrowed(self.table, kept).with_format("arrow").iter(part):
            for row in rows.to_pylist():
                yield "\n".join(_strings([row[name] for name in kept]))


def _has_text(feature: Any) -> bool:
    if isinstance(feature, (dict, Features)):
        return any(map(_has_text, feature.values()))
    if isinstance(feature, (list, tuple)):
        return any(map(_has_text, feature))
    inner = getattr(feature, "feature", None)
    return _has_text(inner) if inner is not None else str(getattr(feature, "dtype", "")).endswith("string")


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for one in value for text in _strings(one)] if isinstance(value, list) else []
