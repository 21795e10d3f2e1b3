"""How large a quantized set will be, before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.grouping import group_count
from hf_distill.quantization.packing import packed_bytes
from hf_distill.quantization.stored import expected_bits
from hf_distill.synthetic.base import Bits, Synthetic, role
from hf_distill.synthetic.quantized_row import COUNT_BITS, classes_of


def planned_bits(
    inner: Synthetic, quantizer_of: Callable[[str], Quantizer], spec: Any, size: int, share: float, equal_classes: bool
) -> Bits:
    """Return the bits of a set that there is not yet.

    Args:
        inner: The set that is quantized.
        quantizer_of: How each of its variables is.
        spec: The data.
        size: As :attr:`Synthetic.size`.
        share: What the codes of values, not of labels, will take of their packed size.
        equal_classes: The number of samples of a class stands for all labels.
    """
    shapes, classes, part = inner.shapes(spec, size), classes_of(spec), inner.label_part
    soft = {} if part is None else part.shapes(spec, 1)
    weights = set() if inner.weight_part is None else {inner.weight_part.NAME}
    data = side = labels = 0
    for name, shape in shapes.items():
        quantizer = quantizer_of(name)
        packed = 8 * packed_bytes(torch.Size(shape).numel(), quantizer.bits)
        if name in soft:
            labels += packed
        elif name in weights:
            side += packed
        else:
            data += int(packed * share)
        side += quantizer.side_bits(group_count(quantizer.granularity, shape, classes))
    if part is not None:
        samples = next(iter(shapes.values()))[0]
        counted = equal_classes and not soft
        labels += COUNT_BITS if counted else 8 * packed_bytes(part.named(spec, samples), spec.bits_per_label)
    return Bits(data=data, labels=labels, side=side)


@torch.no_grad()
def coded_share(inner: Synthetic, each: Sequence[tuple[str, Quantizer, Tensor]]) -> float:
    """Return about what the codes of values take entropy-coded, of their packed size; labels and weights do not count.

    Args:
        inner: The set that is quantized.
        each: Name, quantizer and values in rows of the stored variables.
    """
    coded = packed = 0.0
    shapes = {name: tuple(values.shape) for name, values in inner.codes().items()}
    for name, quantizer, rows in each:
        if role(inner, name) == "data":
            about = {"bits": quantizer.bits, "granularity": quantizer.granularity, "shape": shapes[name]}
            coded += expected_bits(quantizer.encode(rows).cpu().numpy(), about | quantizer.describe())
            packed += rows.numel() * quantizer.bits
    return coded / packed
