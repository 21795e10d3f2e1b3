"""The one row of config ``codes`` that a quantized set is stored as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.labels.base import Labels
from hf_distill.labels.hard import HardLabels
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.packing import pack_codes
from hf_distill.quantization.stored import write_codes
from hf_distill.synthetic.base import Bits, Synthetic, described, role

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
        entropy: Code what is neither label nor weight by its neighbours, where that is smaller.
    """
    columns: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    shapes = {name: list(values.shape) for name, values in inner.codes().items()}
    sizes = dict.fromkeys(("data", "labels", "weights", "side"), 0)
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
        columns[name], variables[name] = write_codes(codes, about, entropy and role(inner, name) == "data")
        columns[f"{name}_side"] = quantizer.side().cpu().numpy().astype("<f2").tobytes()
        sizes[role(inner, name)] += 8 * len(columns[name])
        sizes["side"] += 8 * len(columns[f"{name}_side"])
    meta: dict[str, Any] = {"kind": "QuantizedSet", "of": type(inner).__name__, **described(inner)}
    meta["variables"] = variables
    exact, about = inner.exact_row()
    columns, meta = columns | exact, meta | about
    sizes["data"] += sum(8 * len(value) for value in exact.values())
    sizes["side"] += inner.known_bits()
    if (part := _labels(inner)) is not None:
        meta["labels"] = {"classes": inner.spec.num_outputs, **part.describe()}
        name, value = _class_numbers(part, inner.spec, meta["labels"])
        columns |= {} if value is None else {name: value}
        sizes["labels"] += COUNT_BITS if isinstance(value, int) else 8 * len(value or b"")
    if inner.weight_part is not None:
        meta["weights"] = True
    bits = Bits(data=sizes["data"], labels=sizes["labels"], side=sizes["side"] + sizes["weights"])
    return QuantizedRow(columns, {**meta, "normalized": True, "claimed_bits": bits.total}, bits)


def _labels(inner: Synthetic) -> Labels | None:
    """Return what holds a set's labels: of a set of samples that says nothing of it, the classes that it decodes to."""
    if inner.label_part is not None or inner.spec.num_groups is None:
        return inner.label_part
    hard = HardLabels()
    hard.initialize(inner().hard, inner.spec)
    return hard


def _class_numbers(labels: Labels, spec: DataSpec, about: dict[str, Any]) -> tuple[str, int | bytes | None]:
    """Return column and value of the stored class numbers, if there are any, and say in ``about`` how to read them."""
    numbers = labels.classes()
    if numbers is None:
        return "label", None
    if not labels.codes():
        ordered = torch.arange(spec.num_groups).repeat_interleave(len(numbers) // spec.num_groups)
        if torch.equal(numbers.cpu(), ordered) and len(numbers) // spec.num_groups < 2**COUNT_BITS:
            return "per_class", len(numbers) // spec.num_groups
    about |= {"bits": spec.bits_per_label, "count": numbers.numel()}
    return "label", pack_codes(numbers.cpu().numpy(), spec.bits_per_label)
