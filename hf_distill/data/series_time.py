"""The time column of a synthetic series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import Features

from hf_distill.data.columns import is_number
from hf_distill.data.rhythm import continued
from hf_distill.data.series_spec import SeriesSpec

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def synthetic_times(spec: SeriesSpec, rows: int) -> pa.Array:
    """Return the time column of a synthetic series, which counts on from the source's start in its type and format."""
    assert spec.time_column is not None and spec.start is not None and spec.step is not None
    feature = Features.from_dict({"time": spec.features[spec.time_column]})
    kind = feature.arrow_schema.field("time").type
    if not isinstance(spec.start, str):
        return pa.array(spec.start + np.arange(rows) * spec.step).cast(kind, safe=False)
    start = np.datetime64(spec.start, "us")
    if spec.frequency is not None:
        times = continued(start, spec.frequency, rows)
    else:
        times = pd.DatetimeIndex(start + np.arange(rows) * np.timedelta64(round(spec.step * 1e6), "us"))
    if spec.time_format is not None:
        written = times.to_period("Q") if "%q" in spec.time_format else times
        text = pa.array(written.strftime(spec.time_format).to_numpy(object), pa.string())
        return text.cast(pa.int64()).cast(kind) if is_number(feature["time"]) else text.cast(kind)
    micros = pa.array(times.astype("datetime64[us]").astype(np.int64))
    return micros.cast(pa.timestamp("us", tz=getattr(kind, "tz", None))).cast(kind, safe=False)


def time_axis(spec: SeriesSpec) -> str:
    """Return the title of an axis that counts steps: ``time steps of 1 h``."""
    if not isinstance(spec.start, str) or not spec.step:
        return "time steps"
    size, unit = next(((spec.step / size, unit) for size, unit in _UNITS if spec.step >= size), (spec.step, "s"))
    return f"time steps of {size:.3g} {unit}"
