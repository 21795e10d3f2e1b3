"""The exact content of config ``codes``, by the decoder that is published beside it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill import decode
from hf_distill.data.base import Spec
from hf_distill.errors import ArtifactError
from hf_distill.hub.contained import read_contained
from hf_distill.hub.record import DECODER as RECORDED
from hf_distill.synthetic.base import Packed

#: The decoder's file. That of an artifact is a copy of it; one that somebody brings is never run.
DECODER = Path(decode.__file__)
_MOST_BYTES = 2**20


def exact(packed: Packed, spec: Spec) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return inputs, labels and weights; see :func:`hf_distill.decode.decode`.

    Raises:
        ArtifactError: The codes do not fit their description, or are those of somebody's own set.
    """
    with _fitting():
        return decode.decode({"codes": {"meta": packed.meta}, "spec": spec.to_dict()}, packed.columns)


def exact_columns(packed: Packed) -> dict[str, Tensor]:
    """Return the stored variables, float32 where they are quantized, and what else is stored in numbers, by column.

    Raises:
        ArtifactError: The codes do not fit their description.
    """
    with _fitting():
        found = {
            name: torch.from_numpy(values) for name, values in decode.variables(packed.meta, packed.columns).items()
        }
        for name, values in packed.columns.items():
            if name not in found and not isinstance(values[0], (bytes, str)):
                found[name] = torch.tensor(values)
        return found


def exact_labels(packed: Packed) -> np.ndarray | None:
    """Return the labels: class indices or class probabilities; None where there are none.

    Raises:
        ArtifactError: The codes do not fit their description.
    """
    with _fitting():
        values = decode.variables(packed.meta, packed.columns, ("labels", "shares", "chosen"))
        return decode.labels(packed.meta, packed.columns, values)


def soft_labels(packed: Packed) -> np.ndarray | None:
    """Return the class probabilities of samples, ``(M, classes)``; None where labels are hard, or those of views."""
    about = packed.meta.get("labels", {"views": None})
    y = None if "views" in about else exact_labels(packed)
    return None if y is None or y.ndim != 2 else y


def exact_weights(packed: Packed, count: int) -> np.ndarray:
    """Return the weights of so many samples.

    Raises:
        ArtifactError: The codes do not fit their description.
    """
    with _fitting():
        return decode.weights(packed.meta, decode.variables(packed.meta, packed.columns, ("weights",)), count)


def exact_views(about: dict[str, Any], x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return some views of images ``(M, C, H, W)``, by their numbers: ``(B, C, H, W)``; see :func:`decode.seen`.

    Raises:
        ArtifactError: It is no description of views.
    """
    with _fitting():
        return decode.seen(x, about, index)


def check_decoder(folder: Path) -> None:
    """Warn of a decoder in an artifact's folder that is another one than this library's; it is never run here.

    Raises:
        ArtifactError: It is no plain file of the folder.
    """
    try:
        found = read_contained(folder, RECORDED, _MOST_BYTES)
    except FileNotFoundError:
        return
    if found != DECODER.read_bytes():
        warnings.warn(
            f"{folder / RECORDED} is not the one that this hf_distill writes: it is another version's, or a stranger's "
            "code. It is not run here; saving or measuring the set puts ours in its place",
            stacklevel=2,
        )


@contextlib.contextmanager
def _fitting() -> Iterator[None]:
    """Say of whatever a wrong description leads to that the codes do not fit it."""
    try:
        yield
    except decode.Damaged as error:
        raise ArtifactError(str(error)) from error
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise ArtifactError(f"the codes do not fit their description ({type(error).__name__}): damaged") from error
