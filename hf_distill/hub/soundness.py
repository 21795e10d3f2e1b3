"""Whether a set is worth publishing: a run that diverged leaves values that no real sample has, or none at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.base import Spec
from hf_distill.errors import DivergenceError
from hf_distill.large import slices, spans
from hf_distill.synthetic.base import Packed

#: Methods that publish real samples as they are, which may be constant.
REAL = ("Coreset", "Undistilled")
# Least bound of normalised values, and by how much a learned sample may lie farther out than any real one.
_LEAST, _FACTOR = 1e3, 10.0
# Training rows to count with where their number is not known, as in a stream.
_MANY = 2**31
# Rows of stored numbers that are looked at together.
_ROWS = 1000
# Kinds whose inputs are numbers of tokens, which are no quantities.
_NUMBERED = ("text", "mixed")
# What is said of inputs ``(C, ...)`` whose channels are all constant, of kinds where that is no sample.
_FLAT = {"image": "images are all flat, each of one colour"}


def check_values(spec: Spec, x: Tensor, packed: Packed, w: Tensor) -> None:
    """Refuse inputs, weights and stored variables that are not finite, and inputs beyond :func:`bound`.

    Args:
        spec: What the samples are.
        x: Normalised inputs.
        packed: The stored variables.
        w: Weights of the samples.

    Raises:
        DivergenceError: The set is destroyed.
    """
    if not (w.isfinite() & (w > 0)).all():
        raise _destroyed("not all weights of its samples are positive numbers")
    if bad := sum(int((~x[rows].isfinite()).sum()) for rows in slices(x)):
        raise _destroyed(f"{bad} of its {x.numel()} values are not finite")
    size = max(float(x[rows].abs().max()) for rows in slices(x)) if x.numel() else 0.0
    if size and size > (most := bound(spec)):
        raise _destroyed(f"it reaches {size:.3g} standard deviations from the mean, where {most:.3g} are too many")
    for name, parts in _numbers(packed):
        found = [(int((~np.isfinite(values)).sum()), values.size) for values in parts]
        if bad := sum(count for count, _ in found):
            raise _destroyed(f"{bad} of its {sum(own for _, own in found)} stored numbers {name!r} are not finite")


def check_stored(stored: np.ndarray) -> None:
    """Refuse published values, a row each, that are not finite in the source's type.

    Raises:
        DivergenceError: The set is destroyed.
    """
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise _destroyed(f"not all of its values are finite as {stored.dtype}, the source's type")


def check_variety(spec: Spec, stored: np.ndarray, y: Tensor, packed: Packed, config: dict[str, Any]) -> None:
    """Refuse published values that are constant where no source is.

    Samples of different classes are not all equal, images not all flat, a series is not constant. Real samples may be,
    and images that are stored as one value a channel.

    Args:
        spec: What the samples are.
        stored: The published values, a row each.
        y: Class indices.
        packed: The stored variables.
        config: The resolved configuration, which names the method.

    Raises:
        DivergenceError: The set is destroyed.
    """
    if config.get("method", {}).get("class_path", "").rsplit(".", 1)[-1] in REAL:
        return
    equal = len(stored) > 1 and all(bool((stored[rows] == stored[:1]).all()) for rows in slices(stored))
    if equal and spec.kind == "series":
        raise _destroyed(f"its {len(stored)} time steps are all equal")
    if equal and len(y.unique(dim=0)) > 1:
        raise _destroyed(f"its {len(stored)} samples of {len(y.unique(dim=0))} classes are all equal")
    if spec.kind in _FLAT and math.prod(spec.shape[1:]) > 1 and not _stores_one_pixel(packed):
        flat = stored.reshape(*stored.shape[:2], -1)
        if all(bool((flat[rows] == flat[rows, :, :1]).all()) for rows in slices(flat)):
            raise _destroyed(f"its {len(stored)} {_FLAT[spec.kind]}")


def bound(spec: Spec) -> float:
    """Return the largest absolute value that is believed of normalised inputs.

    Of n values none lies farther than ``sqrt(n - 1)`` standard deviations from their mean: its square alone would be
    more than all squares together. A learned sample may go farther, by a factor of ten, and to 1000 in any case.
    Normalising in single precision adds its rounding, which is large where the deviation is small beside the mean.
    """
    if spec.kind in _NUMBERED:
        return math.inf
    values = (spec.num_rows or _MANY) * max(1, math.prod(spec.shape) // len(spec.mean))
    ratio = max(abs(mean) / std if std else 0.0 for mean, std in zip(spec.mean, spec.std, strict=True))
    return max(_LEAST, _FACTOR * math.sqrt(values)) + 8 * torch.finfo(torch.float32).eps * ratio


def _stores_one_pixel(packed: Packed) -> bool:
    shape = packed.meta.get("variables", {}).get("pixels", packed.meta).get("shape", ())
    return tuple(shape[-2:]) == (1, 1)


def _numbers(packed: Packed) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    """Yield the stored floating-point numbers, some rows at a time: columns by their layout, and ranges and levels."""
    sides = {f"{name}_side": "<f2" for name in packed.meta.get("variables", {})}
    for name, values in packed.columns.items():
        layout = packed.meta.get("columns", {}).get(name, packed.meta)
        kind = np.dtype(sides.get(name) or layout.get("dtype", "u1"))
        if isinstance(values[0], bytes):
            if kind.kind == "f":
                yield name, (np.frombuffer(b"".join(values[rows]), kind) for rows in spans(len(values), _ROWS))
        elif any(isinstance(value, float) for value in values):
            yield name, iter([np.asarray([value for value in values if value is not None])])


def _destroyed(how: str) -> DivergenceError:
    return DivergenceError(
        f"the distilled set is destroyed, nothing was written: {how}; lower the learning rate or the guidance and "
        "run it again"
    )
