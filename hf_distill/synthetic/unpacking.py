"""From the rows of config ``codes`` back to variables and soft labels: what the documented decoder does, checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from hf_distill.errors import ArtifactError
from hf_distill.quantization.base import SIDE_BITS
from hf_distill.quantization.packing import unpack_codes
from hf_distill.quantization.stored import read_codes
from hf_distill.synthetic.base import Packed


def unpack_quantized(packed: Packed) -> dict[str, np.ndarray]:
    """Return the quantized variables, float32, that :meth:`QuantizedSet.pack` wrote.

    Raises:
        ArtifactError: The codes do not fit their description.
    """
    with _fitting():
        return _unpacked(packed)


@contextlib.contextmanager
def _fitting() -> Iterator[None]:
    """Say of whatever a wrong description leads to that the codes do not fit it."""
    try:
        yield
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(f"the codes do not fit their description ({type(error).__name__}): damaged") from error


def _unpacked(packed: Packed) -> dict[str, np.ndarray]:
    values = {}
    for name, about in packed.meta["variables"].items():
        codes = read_codes(packed.columns[name][0], about)
        raw = packed.columns[f"{name}_side"][0]
        if len(raw) * 8 != int(np.prod(about["side_shape"])) * SIDE_BITS:
            raise ArtifactError(f"{name}_side has {len(raw)} bytes, which are not its ranges or levels: it is damaged")
        side = np.frombuffer(raw, "<f2").reshape(about["side_shape"]).astype("f4")
        if not np.isfinite(side).all():
            raise ArtifactError(f"{name}_side holds ranges or levels that are not finite: it is damaged")
        if codes.size and codes.max() >= about["levels"]:
            raise ArtifactError(
                f"{name} holds code {codes.max()}, and there are {about['levels']} levels: it is damaged"
            )
        values[name] = _rows_to_values(_decode(about, codes.reshape(len(side), -1), side), about)
    return values


def _decode(about: dict[str, Any], codes: np.ndarray, side: np.ndarray) -> np.ndarray:
    levels = about["levels"]
    if about["family"] == "learned":
        return np.take_along_axis(side, codes, 1)
    if about["family"] == "uniform":
        return (
            side[:, :1] + (side[:, 1:] - side[:, :1]) * (np.arange(levels, dtype="f4") / np.float32(levels - 1))[codes]
        )
    if about["family"] == "symmetric":
        return side * (2 * (np.arange(levels, dtype="f4") / np.float32(levels - 1)) - 1)[codes]
    return side * np.asarray(about["grid"], "f4")[codes]


def _rows_to_values(rows: np.ndarray, about: dict[str, Any]) -> np.ndarray:
    shape = about["shape"]
    if about["granularity"] != "channel":
        return rows.reshape(shape)
    return np.moveaxis(rows.reshape(shape[1], shape[0], *shape[2:]), 0, 1)


def soft_labels(packed: Packed) -> np.ndarray | None:
    """Return the class probabilities ``(M, classes)``, float32, of a set that stores those of few classes, or None.

    Raises:
        ArtifactError: The codes do not fit their description.
    """
    about = packed.meta.get("labels")
    if about is None or "top" not in about:
        return None
    with _fitting():
        return _probabilities(packed, about)


def _probabilities(packed: Packed, about: dict[str, Any]) -> np.ndarray:
    if packed.meta["kind"] == "QuantizedSet":
        shares = unpack_quantized(packed)["labels"]
        chosen = unpack_codes(packed.columns["label"][0], about["bits"], about["count"]).reshape(shares.shape)
    else:
        shares = np.stack([np.frombuffer(row, "<f4") for row in packed.columns["shares"]])
        chosen = np.stack([np.frombuffer(row, "<i4") for row in packed.columns["chosen"]]).astype(np.int64)
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < about["classes"]:
        raise ArtifactError(f"labels name class {chosen.max()}, and there are {about['classes']}: they are damaged")
    y = np.zeros((len(chosen), about["classes"]), "f4")
    shares = shares.clip(0)
    np.put_along_axis(y, chosen, shares / shares.sum(1, keepdims=True).clip(1e-6), 1)
    return y
