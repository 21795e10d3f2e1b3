"""Samples and codes as parquet tables that plain ``datasets`` reads: stock feature types only."""

from __future__ import annotations

import io
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
from hf_distill.errors import UserError
from hf_distill.synthetic.base import Packed

#: Pillow's name of an image with so many channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
#: Bytes that a parquet file of one row with a few byte columns takes beside them: schema, statistics, page headers.
TABLE_OVERHEAD = 3000


def to_dataset(spec: DataSpec, stored: np.ndarray, y: Tensor) -> Dataset:
    """Make the table of config ``default``: the source's column names and feature types.

    Args:
        spec: What the samples are.
        stored: uint8 images ``(M, C, H, W)`` or vectors ``(M, D)`` of the source's type.
        y: Class indices ``(M,)``.
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
    return Dataset.from_dict({name: columns[name] for name in features}, features=features)


def from_table(table: pa.Table, spec: DataSpec) -> tuple[np.ndarray, Tensor]:
    """Read back what :func:`to_dataset` wrote: stored values and class indices."""
    inputs, labels = table[spec.input_column], table[spec.label_column].to_pylist()
    if spec.is_image:
        stored = np.stack([decode_png(value["bytes"], spec.shape[0]) for value in inputs.to_pylist()])
    else:
        stored = np.stack(inputs.to_numpy()).astype(spec.value_dtype, copy=False)
    if spec.label_values is not None:
        index = {value: position for position, value in enumerate(spec.label_values)}
        labels = [index[value] for value in labels]
    return stored, torch.tensor(labels, dtype=torch.int64)


def encode_png(image: np.ndarray) -> bytes:
    """Encode a uint8 image ``(C, H, W)`` without loss."""
    channels = image.shape[0]
    if channels not in MODES:
        raise UserError(f"images with {channels} channels cannot be stored as PNG: use 1 (grey), 3 (RGB) or 4 (RGBA)")
    buffer = io.BytesIO()
    array = image[0] if channels == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    PILImage.fromarray(array, MODES[channels]).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def decode_png(data: bytes, channels: int) -> np.ndarray:
    """Decode a PNG to uint8 ``(C, H, W)``."""
    image = PILImage.open(io.BytesIO(data)).convert(MODES[channels])
    return np.asarray(image).reshape(image.height, image.width, channels).transpose(2, 0, 1)


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


def code_tensors(packed: Packed) -> dict[str, Tensor]:
    """Turn the stored columns into tensors.

    Bytes follow the layout in :attr:`Packed.meta`: ``dtype`` (numpy's notation, byte order included) and ``shape`` of
    one row, at the top level or, for sets with several byte columns, under ``columns[name]``; bytes without a layout
    come as uint8. Text columns are left out.
    """
    tensors: dict[str, Tensor] = {}
    for name, values in packed.columns.items():
        if isinstance(values[0], bytes):
            layout = packed.meta.get("columns", {}).get(name, packed.meta)
            dtype = np.dtype(layout.get("dtype", "u1"))
            rows = np.stack([np.frombuffer(value, dtype) for value in values]).astype(dtype.newbyteorder("="))
            tensors[name] = torch.from_numpy(rows.reshape(len(values), *layout.get("shape", (-1,))))
        elif not isinstance(values[0], str):
            tensors[name] = torch.tensor(values)
    return tensors


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


def read_parquet(path: Path) -> pa.Table:
    """Read a parquet file, without its memory map: the folder may be replaced while the table lives."""
    return pq.read_table(path, memory_map=False)
