"""Shown: a published set as Python and a notebook show it, row by row, as a table and as a picture."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.hub.card import source_name
from hf_distill.hub.formats import format_of
from hf_distill.hub.preview import render_preview
from hf_distill.hub.results import results_table, verdict
from hf_distill.synthetic.base import Bits


class Shown:
    """What there is to see of a :class:`~hf_distill.DistilledDataset`: rows and columns of config ``default``."""

    spec: Any
    y: Tensor
    bits: dict[str, Bits]
    config: dict[str, Any]
    evaluation: dict[str, Any] | None

    @property
    def stored(self) -> np.ndarray:
        """The published values."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def to_dataset(self, rows: slice | None = None) -> Dataset:
        """Return config ``default``, or some rows of it, with the source's column names and feature types."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        """Return a row by its number, rows of a slice by column, or a column by its name, as ``datasets`` does."""
        return self.to_dataset()[key]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_dataset())

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a table of pandas; images and sounds are their encoded bytes."""
        return self.to_dataset().to_pandas()

    def preview(self) -> PILImage.Image | None:
        """Return the picture of its card; None of whole rows, and of a series where matplotlib is missing."""
        return render_preview(self.spec, self.stored, self.y)

    def __repr__(self) -> str:
        noun = format_of(self.spec.task).noun
        made_by = self.config.get("method", {}).get("class_path", "an unnamed method")
        return f"{type(self).__name__}({len(self)} {noun} of {source_name(self.spec.source)}, by {made_by})"

    def _repr_html_(self) -> str:
        """Show a line, the picture, and the table of the evaluation where there is one, in a notebook."""
        parts = [f"<p>{html.escape(repr(self))}, {self.bits['default'].total / 8e3:,.1f} kB</p>"]
        if (picture := self.preview()) is not None:
            written = io.BytesIO()
            picture.save(written, format="PNG")
            data = base64.b64encode(written.getvalue()).decode()
            parts.append(f'<img style="max-width: 100%" src="data:image/png;base64,{data}">')
        rows = (self.evaluation or {}).get("rows") or []
        if rows:
            parts.append(results_table(rows).html())
        return "\n".join([*parts, *(f"<p>{html.escape(line)}</p>" for line in map(verdict, rows) if line)])
