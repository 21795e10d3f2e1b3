"""Samples and codes as parquet tables that plain ``datasets`` reads: stock feature types only."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub.checks import said
from hf_distill.hub.record import TABLES
from hf_distill.hub.table_reader import read_table
from hf_distill.synthetic.base import Packed

#: Pillow's name of an image with so many channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
#: Bytes that a parquet file of one row with a few byte columns takes beside them: schema, statistics, page headers.
TABLE_OVERHEAD = 3000


def to_dataset(spec: DataSpec, stored: np.ndarray, y: Tensor, weights: dict[str, Tensor] | None = None) -> Dataset:
    """Make the table of config ``default``: the source's column names and feature types.

    Args:
        spec: What the samples are.
        stored: uint8 images ``(M, C, H, W)`` or vectors ``(M, D)`` of the source's type.
        y: Class indices ``(M,)``.
        weights: Name and values ``(M,)`` of a column of float32 beside them, if there is one.
    """
    features = Features.from_dict(spec.features)
    labels = y.tolist() if spec.label_values is None else [spec.label_values[index] for index in y.tolist()]
    if spec.is_image:
        if not isinstance(features[spec.input_column], Image):
            raise UserError(
                f"column {spec.input_column!r} is {features[spec.input_column]}; published images need Image"
            )
        inputs: list[Any] = [{"bytes": encode_png(image), "path": None} for image in stored]
    else:
        inputs = list(stored)
    columns = {spec.input_column: inputs, spec.label_column: labels}
    added = {name: values.numpy() for name, values in (weights or {}).items()}
    ordered = {name: columns[name] for name in features} | added
    return Dataset.from_dict(ordered, features=Features({**features, **dict.fromkeys(added, Value("float32"))}))


def read_weights(table: pa.Table, name: str) -> Tensor:
    """Return the weights ``(M,)`` of a column.

    Raises:
        ArtifactError: One is none: not finite, not positive, or missing.
    """
    values = np.array(table[name].to_numpy(), np.float32)
    if not np.isfinite(values).all() or not (values > 0).all():
        raise ArtifactError(f"column {name!r} holds weights that are not positive: it is damaged")
    return torch.from_numpy(values)


def from_table(table: pa.Table, spec: DataSpec) -> tuple[np.ndarray, Tensor]:
    """Read back what :func:`to_dataset` wrote: stored values and class indices.

    Raises:
        ArtifactError: A picture, a vector or a label is none that the specification allows.
    """
    inputs, labels = table[spec.input_column], table[spec.label_column].to_pylist()
    if spec.is_image:
        pictures = [value and value["bytes"] for value in inputs.to_pylist()]
        stored = np.stack([decode_png(data, spec.shape) for data in pictures])
    else:
        stored = np.stack(inputs.to_numpy()).astype(spec.value_dtype, copy=False)
    index = {value: place for place, value in enumerate(spec.label_values or range(spec.num_classes))}
    wrong = next((value for value in labels if value not in index), None)
    if wrong is not None or None in labels:
        raise ArtifactError(f"column {spec.label_column!r} holds {said(wrong)}, which is no class: it is damaged")
    return stored, torch.tensor([index[value] for value in labels], dtype=torch.int64)


def encode_png(image: np.ndarray) -> bytes:
    """Encode a uint8 image ``(C, H, W)`` without loss."""
    channels = image.shape[0]
    if channels not in MODES:
        raise UserError(f"images with {channels} channels cannot be stored as PNG: use 1 (grey), 3 (RGB) or 4 (RGBA)")
    buffer = io.BytesIO()
    array = image[0] if channels == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    PILImage.fromarray(array, MODES[channels]).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def decode_png(data: bytes | None, shape: tuple[int, ...]) -> np.ndarray:
    """Decode a PNG to uint8 ``(C, H, W)``.

    Args:
        data: The PNG.
        shape: What it must hold, ``(C, H, W)``; a few bytes can claim to be a picture of gigabytes.

    Raises:
        ArtifactError: It is no PNG, or one of another size or mode.
    """
    channels, height, width = shape
    with open_png(data, height * width) as image:
        if image.size != (width, height) or image.mode != MODES[channels]:
            raise ArtifactError(
                f"a picture is {image.width} x {image.height} {image.mode}, not {width} x {height} {MODES[channels]}: "
                "it is damaged"
            )
        return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)


@contextlib.contextmanager
def open_png(data: bytes | None, most: int) -> Iterator[PILImage.Image]:
    """Open a PNG of so many pixels at most, without another decoder being tried.

    Raises:
        ArtifactError: It is no PNG, too large or damaged.
    """
    try:
        # Pillow decodes a picture when its pixels are asked for: in the block its size is known and nothing is spent.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PILImage.DecompressionBombWarning)
            image = PILImage.open(io.BytesIO(data or b""), formats=("PNG",))
        if image.width * image.height > most:
            raise ArtifactError(f"a picture has {image.width} x {image.height} pixels, more than {most:,}: not read")
        yield image
    except (OSError, SyntaxError, ValueError, EOFError, PILImage.DecompressionBombError) as error:
        raise ArtifactError(f"a picture is no PNG that can be read ({type(error).__name__}): it is damaged") from error


def codes_dataset(packed: Packed, known: dict[str, Any] | None = None) -> Dataset:
    """Make the table of config ``codes``: one column each of :attr:`Packed.columns`, in bytes or plain numbers.

    Args:
        packed: The stored variables.
        known: Feature types of columns by name; those of all others follow from their values.
    """
    features = {name: _feature(values) for name, values in packed.columns.items()}
    features |= {name: feature for name, feature in (known or {}).items() if features.get(name) == Value("int64")}
    return Dataset.from_dict(dict(packed.columns), features=Features(features))


def _feature(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, list):
        return List(_feature(first))
    if isinstance(first, bytes):
        return Value("binary")
    if isinstance(first, bool):
        return Value("bool")
    if isinstance(first, int):
        return Value("int64")
    return Value("float64") if isinstance(first, float) else Value("string")


def write_parquet(dataset: Dataset, path: Path) -> None:
    """Write a dataset with its feature types in the schema; equal content gives equal bytes.

    Byte columns get no statistics: least and largest value would be written beside the values themselves.
    """
    # The dataset's own metadata holds a fingerprint, which may differ between runs.
    table = dataset.data.table.replace_schema_metadata(dataset.features.arrow_schema.metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = [field.name for field in table.schema if not pa.types.is_binary(field.type)]
    pq.write_table(
        table, path, compression="zstd", compression_level=9, row_group_size=1000, write_statistics=plain or False
    )


def read_codes(data: bytes, folder: Path, record: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of config ``codes``, each with a value in every row.

    Raises:
        ArtifactError: The table is not as the record says.
    """
    path, features = folder / TABLES["codes"], record["codes"]["features"]
    table = read_table(data, path, record["files"][TABLES["codes"]]["rows"], list(features))
    for name, kind in features.items():
        if not len(table) or (table[name].null_count and kind.get("dtype") in ("binary", "int64")):
            raise ArtifactError(f"{path} lacks values in column {name!r}: it is damaged")
    columns: dict[str, list[Any]] = table.to_pydict()
    return columns
