"""Forecasting sets: a row is a time step, a column a channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset, Features
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_time import synthetic_times, time_axis
from hf_distill.hub.formats.base import Format
from hf_distill.hub.plot import Panel, line_plot
from hf_distill.hub.results import score_text
from hf_distill.hub.series_script import series_script_of
from hf_distill.synthetic.base import Bits, Packed

_DRAWN = 8  # channels on the picture
_PRINTED = 32  # channels whose statistics stand in the card's script; those of wider sets are read from the record


class SeriesFormat(Format[SeriesSpec]):
    """See :class:`Format`.

    Inputs ``x`` are one series ``(M, N)``, or several of one length ``(S, M, N)``, which are published one after
    another. The time column goes on counting over them and carries nothing, so it takes no bits.
    """

    tasks = ("time-series-forecasting",)
    template = "card_series.md.jinja"
    noun = "training time steps"

    def read_spec(self, values: dict[str, Any]) -> SeriesSpec:
        """See :class:`Format`."""
        return SeriesSpec.from_dict(values)

    def shape(self, spec: SeriesSpec) -> tuple[int, ...]:
        """See :class:`Format`."""
        return (spec.num_channels,)

    def labels(self, spec: SeriesSpec, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`Format`."""
        return torch.zeros(len(x), dtype=torch.int64)

    def layout(self, spec: SeriesSpec, x: Tensor, w: Tensor, packed: Packed) -> dict[str, Any]:
        """See :class:`Format`."""
        return {"series": len(x) if x.ndim == 3 else 1}

    def rows(self, x: Tensor) -> int:
        """See :class:`Format`."""
        return x.shape[:-1].numel()

    def row_bits(self, spec: SeriesSpec) -> Bits:
        """See :class:`Format`."""
        return Bits(data=spec.bits_per_row, labels=0)

    def store(self, spec: SeriesSpec, x: Tensor) -> np.ndarray:
        """See :class:`Format`: float64 ``(rows, N)``, each value one that the channel's own type holds."""
        return spec.denormalize(x).flatten(0, -2).numpy()

    def load(self, spec: SeriesSpec, stored: np.ndarray, layout: dict[str, Any]) -> Tensor:
        """See :class:`Format`."""
        x = spec.normalize(torch.from_numpy(np.ascontiguousarray(stored)))
        return x if layout["series"] == 1 else x.unflatten(0, (layout["series"], -1))

    def to_dataset(
        self,
        spec: SeriesSpec,
        stored: np.ndarray,
        y: Tensor,
        w: Tensor,
        layout: dict[str, Any],
        labels: pa.Table | None = None,
    ) -> Dataset:
        """See :class:`Format`."""
        features = Features.from_dict(spec.features)
        columns = {
            name: pa.array(stored[:, place].astype(dtype))
            for place, (name, dtype) in enumerate(zip(spec.channels, spec.value_dtypes, strict=True))
        }
        if spec.time_column is not None:
            columns[spec.time_column] = synthetic_times(spec, len(stored))
        return Dataset.from_dict({name: columns[name] for name in features}, features=features)

    def from_table(
        self, table: pa.Table, spec: SeriesSpec, layout: dict[str, Any]
    ) -> tuple[np.ndarray, Tensor, Tensor]:
        """See :class:`Format`."""
        stored = np.stack([table[name].to_numpy().astype(np.float64) for name in spec.channels], axis=1)
        return stored, torch.zeros(len(stored), dtype=torch.int64), torch.ones(len(stored))

    def preview(self, spec: SeriesSpec, stored: np.ndarray, y: Tensor) -> PILImage.Image | None:
        """See :class:`Format`: the first channels, each in its own units."""
        names = spec.channels[:_DRAWN]
        panels = [
            Panel(name, {"distilled": stored[:, place]}, x_title=time_axis(spec)) for place, name in enumerate(names)
        ]
        return line_plot(panels, caption="distilled series, in the units of the source")

    def value_kind(self, spec: SeriesSpec) -> str:
        """See :class:`Format`."""
        widths = sorted({dtype.itemsize * 8 for dtype in spec.value_dtypes})
        return f"{' and '.join(map(str, widths))}-bit values"

    def card_variables(self, spec: SeriesSpec, record: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Format`."""
        series = record["layout"]["series"]
        evaluation = record.get("evaluation") or {}
        script = series_script_of(spec, record)
        row = script.row
        return {
            "script": script,
            "script_score": "" if row is None else score_text(row, "distilled"),
            "series": series,
            "length": record["rows"] // series,
            "printed": spec.num_channels <= _PRINTED,
            "mean": [float(f"{value:.9g}") for value in spec.mean],
            "std": [float(f"{value:.9g}") for value in spec.std],
            "drawn": min(_DRAWN, spec.num_channels),
            "tested": self._tested(spec, evaluation.get("protocol") or {}),
            "timed": any(row.get("training_speedup") for row in evaluation.get("rows", ())),
        }

    @staticmethod
    def _tested(spec: SeriesSpec, protocol: dict[str, Any]) -> str:
        whole = len(spec.rows("test")) - spec.horizon + 1
        count = protocol.get("test_windows", whole)
        return f"all {whole:,}" if count == whole else f"{count:,} of the {whole:,}"
