"""RowsData: the rows of any source, whole, without inputs or labels."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
import torch
from datasets import Dataset, Features
from datasets.table import embed_table_storage
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.base import Data
from hf_distill.data.real import RealData
from hf_distill.data.rows_spec import RowsSpec
from hf_distill.data.sources import open_source
from hf_distill.errors import UserError
from hf_distill.options import Text


class RowsData(Data[RowsSpec]):
    """A ``datasets`` table of any columns: text, nested messages, pictures, numbers.

    The table stays memory-mapped. Nothing is asked of its columns: a selector looks at rows through features, which say
    what of a row they look at.

    Args:
        path: As for ``RealData``: a built-in name, a local folder or file, or a Hub id.
        name: The source's configuration, for sources with several.
        revision: The Hub revision.
        split: The split to choose from.
        input_column: The column, or columns, that features of single inputs (pixels, networks) look at; inferred where
            only one can be meant.
        separator: What stands between two cells of a CSV file; by default what its first lines tell.
        decimal: The decimal sign of a CSV file, likewise.
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
    ) -> None:
        self.path = path
        self.name = name
        self.revision = revision
        self.split = split
        self.input_column = input_column
        self.separator = separator
        self.decimal = decimal
        self._given: Dataset | None = None
        self._table: Dataset | None = None
        self._spec: RowsSpec | None = None
        self._device = torch.device("cpu")

    @classmethod
    def from_dataset(cls, table: Dataset, **overrides: Any) -> RowsData:
        """Wrap a dataset that is already open; ``overrides`` are constructor arguments."""
        if not isinstance(table, Dataset):
            raise UserError(f"a datasets.Dataset is needed, one split, not {type(table).__name__}")
        rows = cls(path=overrides.pop("path", "in-memory"), **overrides)
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
        """All rows, memory-mapped."""
        if self._table is None:
            raise RuntimeError("call setup() first")
        return self._table

    @property
    def device(self) -> torch.device:
        """Where features are made."""
        return self._device

    def __len__(self) -> int:
        return len(self.table)

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
        source: dict[str, Any] = {"path": self.path, "name": None, "split": self.split}
        table: Any = self._given
        if table is None:
            table, _, source = open_source(
                path=self.path,
                name=self.name,
                revision=self.revision,
                split=self.split,
                separator=self.separator,
                decimal=self.decimal,
            )
        if not len(table):
            raise UserError(f"split {self.split!r} of {self.path} is empty")
        source = {**source, "test_split": None, "fingerprint": table._fingerprint}
        self._table = table
        bits = 8 * table.data.nbytes // max(1, table.data.num_rows)
        self._spec = RowsSpec(table.features.to_dict(), int(bits), source, len(table))
        return self

    def take(self, index: Tensor) -> pa.Table:
        """Return rows as they are in the source, files that they name included."""
        rows: pa.Table = self.table.with_format("arrow")[index.tolist()]
        # A folder of pictures has their paths alone, which mean nothing elsewhere.
        schema = self.table.features.arrow_schema
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

    def texts(self, columns: list[str] | None = None, part: int = 1000) -> Any:
        """Yield the text of every row: all strings in it, those of nested columns too, in their order.

        Args:
            columns: Those that are looked at; None for all.
            part: Rows that are read at once.

        Raises:
            UserError: A column does not exist, or none holds text.
        """
        for name in columns or ():
            if name not in self.table.features:
                raise UserError(f"there is no column {name!r}; it has {', '.join(self.table.features)}")
        kept = columns or [name for name, feature in self.table.features.items() if _has_text(feature)]
        if not kept:
            raise UserError(f"{self.path} has no column with text, only {', '.join(self.table.features)}")
        for rows in self.table.select_columns(kept).with_format("arrow").iter(part):
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
