"""The one row of config ``codes`` that a quantized set is stored as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.packing import pack_codes
from hf_distill.quantization.stored import write_codes
from hf_distill.synthetic.base import Bits, Synthetic, described

#: Bits of the number of samples of a class; labels take no more where samples are ordered by class and equally many.
COUNT_BITS = 16


@dataclass(frozen=True)
class QuantizedRow:
    """What is written.

    Attributes:
        columns: Value of each column: ``NAME``, a variable's codes, one row of values after another; ``NAME_side``,
            the float16 parameters of each row; and ``per_class`` or ``label``, the labels, if there are any.
        meta: What a reader needs to know.
        bits: What the values take.
    """

    columns: dict[str, Any]
    meta: dict[str, Any]
    bits: Bits


@torch.no_grad()
def quantized_row(inner: Synthetic, each: Sequence[tuple[str, Quantizer, Tensor]], entropy: bool) -> QuantizedRow:
    """Return the row of a set.

    Args:
        inner: The set that is quantized.
        each: Name, quantizer and values in rows of its variables.
        entropy: Code what is not a label by its neighbours, where that is smaller.
    """
    columns: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    shapes = {name: list(values.shape) for name, values in inner.codes().items()}
    data = side = labels = 0
    for name, quantizer, rows in each:
        about = {
            "bits": quantizer.bits,
            "granularity": quantizer.granularity,
            "quantizer": type(quantizer).__name__,
            "shape": shapes[name],
            "side_shape": list(quantizer.side_shape(len(rows))),
            **quantizer.describe(),
        }
        codes = quantizer.encode(rows).cpu().numpy()
        columns[name], variables[name] = write_codes(codes, about, entropy and name != "labels")
        columns[f"{name}_side"] = quantizer.side().cpu().numpy().astype("<f2").tobytes()
        side += 8 * len(columns[f"{name}_side"])
        size = 8 * len(columns[name])
        data, labels = (data, labels + size) if name == "labels" else (data + size, labels)
    meta: dict[str, Any] = {"kind": "QuantizedSet", "of": type(inner).__name__, **described(inner)}
    meta["variables"] = variables
    if (hard := _labels(inner)) is not None:
        name, value, meta["labels"] = hard
        columns[name] = value
        labels += COUNT_BITS if isinstance(value, int) else 8 * len(value)
    bits = Bits(data=data, labels=labels, side=side)
    return QuantizedRow(columns, {**meta, "normalized": True, "claimed_bits": bits.total}, bits)


def _labels(inner: Synthetic) -> tuple[str, int | bytes, dict[str, Any]] | None:
    """Return column, value and description of hard labels, or of the classes that soft ones name, if it has any."""
    classes = classes_of(inner.spec)
    if classes is None:
        return None
    width = inner.spec.bits_per_label
    if "labels" in inner.codes():
        if (chosen := inner.chosen_classes()) is None:
            return None
        about = {"classes": classes, "bits": width, "count": chosen.numel(), "top": chosen.shape[1]}
        return "label", pack_codes(chosen.cpu().numpy(), width), about
    y = inner.decode(inner.codes()).y.cpu()
    ordered = torch.arange(classes).repeat_interleave(len(y) // classes)
    if torch.equal(y, ordered) and len(y) // classes < 2**COUNT_BITS:
        return "per_class", len(y) // classes, {"classes": classes}
    return "label", pack_codes(y.numpy(), width), {"classes": classes, "bits": width, "count": len(y)}


def classes_of(spec: Any) -> int | None:
    """Return the number of classes, or None for a series."""
    return spec.num_classes if isinstance(spec, DataSpec) else None
