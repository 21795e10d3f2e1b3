"""The bytes of a variable's codes: packed to their width, or entropy-coded where that is smaller."""

from __future__ import annotations

from typing import Any

import numpy as np

from hf_distill.quantization.coding import coded_bits, encode
from hf_distill.quantization.packing import pack_codes, packed_bytes

# A model of more levels has too many counts to learn.
_MOST_BITS = 8


def write_codes(codes: np.ndarray, about: dict[str, Any], entropy: bool) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of codes, and ``about`` with what reading them needs.

    Args:
        codes: Integers, ``(G, n)``: rows with quantizer parameters of their own.
        about: Their ``bits``, ``levels``, ``granularity`` and the variable's ``shape``.
        entropy: Code them under a model of their neighbours if that takes fewer bytes.
    """
    packed = pack_codes(codes, about["bits"])
    if entropy and codes.size and about["bits"] <= _MOST_BITS:
        length, image = _layout(about)
        coded, how = encode(codes.reshape(-1, length), about["levels"], image)
        if len(coded) < len(packed):
            return coded, {**about, "coding": how}
    return packed, about


def expected_bits(codes: np.ndarray, about: dict[str, Any]) -> float:
    """Return about how many bits :func:`write_codes` takes with ``entropy``, in a fraction of its time."""
    packed = 8 * packed_bytes(codes.size, about["bits"])
    if not codes.size or about["bits"] > _MOST_BITS:
        return packed
    length, image = _layout(about)
    return min(packed, coded_bits(codes.reshape(-1, length), about["levels"], image))


def _layout(about: dict[str, Any]) -> tuple[int, tuple[int, int] | None]:
    """Return how many codes a sample has one after another, or a sample's channel; and height and width of an image."""
    shape = tuple(about["shape"])
    inner = shape[1:] if about["granularity"] != "channel" else shape[2:] or shape[:1]
    return int(np.prod(inner)), (shape[-2], shape[-1]) if len(shape) > 3 else None
