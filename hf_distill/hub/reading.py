"""From the files of an artifact to what a :class:`~hf_distill.hub.DistilledDataset` is made of."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from hf_distill.errors import ArtifactError
from hf_distill.hub import record, tables
from hf_distill.hub.formats import format_of
from hf_distill.hub.label_table import label_columns
from hf_distill.hub.pictures import read_pictures
from hf_distill.hub.table_reader import read_table, unpacked_limit
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.text import printable, shorten

_KEPT = ("config", "recipe", "seed", "timing", "history", "citations", "versions")


def read_contents(folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Read the tables and pictures of an artifact.

    Args:
        folder: Its folder.
        values: Its record, which has been checked.

    Returns:
        The arguments of the class.

    Raises:
        ArtifactError: A table is not what the record says.
    """
    data = record.read_tables(folder, values)
    path = folder / record.TABLES["default"]
    format_ = format_of(values["spec"]["task"])
    spec = format_.read_spec(values["spec"])
    shape = (values["rows"], *format_.shape(spec))
    if math.prod((values["rows"], *spec.shape)) > unpacked_limit(len(data["default"])):
        raise ArtifactError(f"{path} cannot hold samples of shape {shape}: it is not read")
    layout = values.get("layout", {})
    table = read_table(data.pop("default"), path, shape[0], list(format_.features(spec, layout)))
    stored, y, w = format_.from_table(table, spec, layout)
    if stored.shape != shape:
        raise ArtifactError(f"{path} holds {stored.shape}, not {values['rows']} samples")
    columns = tables.read_codes(data.pop("codes"), folder, values)
    if "labels" in data:
        path = folder / record.LABELS
        rows = values["files"][record.LABELS]["rows"]
        table = read_table(data["labels"], path, rows, list(values["labels"]["features"]))
        columns |= label_columns(table, values["codes"]["meta"])
    size = values["bits"]["codes"]
    contents = {
        "spec": spec,
        "x": format_.load(spec, stored, layout),
        "y": y,
        "w": w,
        "stored": stored,
        "packed": Packed(columns, record.without_code(values["codes"]["meta"])),
        "bits": Bits(size["data"], size["labels"], size["side"]),
        "evaluation": values.get("evaluation"),
        "about": values.get("about"),
        "pictures": read_pictures(folder, values.get("pictures", [])),
    }
    return {**contents, **{key: values[key] for key in _KEPT}}


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with an artifact's content into one line that names the folder."""
    try:
        yield
    except ArtifactError as error:
        raise ArtifactError(f"{folder}: {error}" if str(folder) not in str(error) else str(error)) from error
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, pa.ArrowException) as error:
        reason = shorten(printable(f"{type(error).__name__}: {error}"))
        raise ArtifactError(f"{folder / record.RECORD} does not describe its tables ({reason})") from error
