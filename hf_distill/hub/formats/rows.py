"""Whole rows of a source: published as they are, beside a weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, DatasetInfo, Features
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.rows_spec import RowsSpec
from hf_distill.hub import tables
from hf_distill.hub.formats.base import Format
from hf_distill.hub.spec_checks import ROWS, WEIGHT_COLUMNS
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.synthetic.rows import one_by_one


class RowsFormat(Format[RowsSpec]):
    """See :class:`Format`. Stored values are tables of one row."""

    tasks = (ROWS,)
    template = "card_rows.md.jinja"
    noun = "rows"

    def read_spec(self, values: dict[str, Any]) -> RowsSpec:
        """See :class:`Format`."""
        return RowsSpec.from_dict(values)

    def hub_tasks(self, spec: RowsSpec) -> list[str]:
        """See :class:`Format`: nothing is known of what they are for."""
        return []

    def shape(self, spec: RowsSpec) -> tuple[int, ...]:
        """See :class:`Format`."""
        return ()

    def values(self, spec: RowsSpec) -> int:
        """See :class:`Format`."""
        return 0

    def labels(self, spec: RowsSpec, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`Format`."""
        return torch.zeros(len(x), dtype=torch.int64)

    def layout(self, spec: RowsSpec, x: Tensor, w: Tensor, packed: Packed) -> dict[str, Any]:
        """See :class:`Format`."""
        if bool((w == 1).all()):
            return {}
        return {"weight": next(name for name in WEIGHT_COLUMNS if name not in spec.features)}

    def features(self, spec: RowsSpec, layout: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Format`."""
        if "weight" not in layout:
            return spec.features
        return {**spec.features, layout["weight"]: {"dtype": "float32", "_type": "Value"}}

    def rows(self, x: Tensor) -> int:
        """See :class:`Format`."""
        return len(x)

    def varies(self, spec: RowsSpec) -> bool:
        """See :class:`Format`."""
        return True

    def row_bits(self, spec: RowsSpec) -> Bits:
        """See :class:`Format`."""
        return Bits(data=spec.row_bits, labels=0)

    def published_bits(
        self, spec: RowsSpec, rows: int, layout: dict[str, Any] | None = None, stored: np.ndarray | None = None
    ) -> Bits:
        """See :class:`Format`: the bytes of the Arrow table."""
        data = rows * spec.row_bits if stored is None else 8 * sum(_size(row) for row in stored)
        return Bits(data=data, labels=0, side=32 * rows if layout and "weight" in layout else 0)

    def store(self, spec: RowsSpec, x: Tensor) -> np.ndarray:
        """See :class:`Format`: rows without any value."""
        schema = Features.from_dict(spec.features).arrow_schema.remove_metadata()
        return one_by_one(pa.table([pa.nulls(len(x), field.type) for field in schema], schema=schema))

    def load(self, spec: RowsSpec, stored: np.ndarray, layout: dict[str, Any]) -> Tensor:
        """See :class:`Format`: no inputs."""
        return torch.zeros(len(stored), 0)

    def to_dataset(
        self,
        spec: RowsSpec,
        stored: np.ndarray,
        y: Tensor,
        w: Tensor,
        layout: dict[str, Any],
        labels: pa.Table | None = None,
    ) -> Dataset:
        """See :class:`Format`."""
        table = pa.concat_tables(list(stored)).combine_chunks()
        if "weight" in layout:
            table = table.append_column(layout["weight"], pa.array(w.numpy(), pa.float32()))
        features = Features.from_dict(self.features(spec, layout))
        return Dataset(table.cast(features.arrow_schema), DatasetInfo(features=features))

    def from_table(self, table: pa.Table, spec: RowsSpec, layout: dict[str, Any]) -> tuple[np.ndarray, Tensor, Tensor]:
        """See :class:`Format`."""
        rows = one_by_one(table.select(list(spec.features)).replace_schema_metadata(None))
        w = tables.read_weights(table, layout["weight"]) if "weight" in layout else torch.ones(len(table))
        return rows, torch.zeros(len(table), dtype=torch.int64), w

    def preview(self, spec: RowsSpec, stored: np.ndarray, y: Tensor) -> PILImage.Image | None:
        """See :class:`Format`: none."""
        return None

    def value_kind(self, spec: RowsSpec) -> str:
        """See :class:`Format`."""
        return "whole rows"

    def card_variables(self, spec: RowsSpec, record: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Format`."""
        return {"weight": (record.get("layout") or {}).get("weight"), "columns": list(spec.features)}


def _size(row: pa.Table) -> int:
    """Return the bytes of a row's values: of a slice, without the rows beside it."""
    return int(row.nbytes)
