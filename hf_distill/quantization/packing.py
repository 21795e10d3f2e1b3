"""Codes packed to their bit width."""

from __future__ import annotations

import numpy as np

from hf_distill.errors import UserError


def packed_bytes(count: int, bits: int) -> int:
    """Return how many bytes so many codes take."""
    return -(-count * bits // 8)


def pack_codes(codes: np.ndarray, bits: int) -> bytes:
    """Pack codes one after another, each with ``bits`` bits, highest first; the last byte is filled up with zeros.

    Raises:
        UserError: Codes do not fit.
    """
    codes = np.asarray(codes)
    if not np.issubdtype(codes.dtype, np.integer):
        raise UserError(f"codes are integers below {2**bits}, not {codes.dtype}")
    flat = codes.reshape(-1)
    if flat.size and not (flat.min() >= 0 and flat.max() < 2**bits):
        raise UserError(f"codes reach from {flat.min()} to {flat.max()} and {bits} bits hold 0 to {2**bits - 1}")
    binary = (flat[:, None].astype(np.uint32) >> np.arange(bits, dtype=np.uint32)[::-1]) & 1
    return np.packbits(binary.astype(np.uint8)).tobytes()
