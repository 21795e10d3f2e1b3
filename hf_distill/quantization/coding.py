"""Entropy coding of codes: interleaved range asymmetric numeral systems under an adaptive model of their neighbours.

Codes of one variable are rows ``(n, length)``, one a sample. ``lanes`` rows are coded side by side, a code of each at a
time, so that numpy does the work; block after block until all are done. A code's context are the codes before it in its
row at some distances: 1 is the one to the left, the width of an image the one above, its size the one in the channel
before. Every context counts the codes that followed it, and the model is what has been counted so far: both sides count
alike, and nothing but the stream of 16-bit words is stored.

Source: Duda, Asymmetric numeral systems (2013); Giesen, Interleaved entropy coders (2014).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from hf_distill.decode import GAIN, LEAST, SUM, frequencies

#: Codes of a lane, about: each lane takes four bytes at the start, and fewer lanes are slower.
_PER_LANE = 4096
#: Codes that there must be for each count of a model.
_CODES_PER_COUNT = 2
#: Bits of the state that each lane starts from.
_LANE_BITS = 32


def encode(codes: np.ndarray, levels: int, image: tuple[int, int] | None = None) -> tuple[bytes, dict[str, Any]]:
    """Code ``codes`` ``(n, length)`` below ``levels``; of some sets of neighbours, by the one that takes fewest bits.

    Args:
        codes: Integers.
        levels: How many codes there are.
        image: Height and width, where a row of codes is an image: channel after channel, line after line.

    Returns:
        16-bit words, lowest byte first, and what :func:`hf_distill.decode.decode_words` needs to know beside them.
    """
    codes = np.asarray(codes)
    neighbours, _ = _best(codes, levels, image)
    lanes = _lanes(codes)
    about = {"shape": list(codes.shape), "levels": levels, "lanes": lanes, "neighbours": neighbours}
    return _stream(list(_walk(about, codes)), lanes), about


def coded_bits(codes: np.ndarray, levels: int, image: tuple[int, int] | None = None) -> float:
    """Return about how many bits :func:`encode` takes, in a fraction of its time."""
    codes = np.asarray(codes)
    return _best(codes, levels, image)[1] + _LANE_BITS * _lanes(codes)


def _models(levels: int, codes: np.ndarray, image: tuple[int, int] | None) -> Iterator[list[int]]:
    """Return sets of neighbours that there are enough codes for."""
    near: list[list[int]] = [[], [1]]
    if image is not None and image[1] > 1:
        size, width = image[0] * image[1], image[1]
        close = [1, width, width - 1, width + 1]
        near += [close[:2], close[:3], close, [*close, 2, 2 * width], [*close, 2, 2 * width, width - 2, width + 2]]
        if size < codes.shape[1]:
            near += [[1, size], [1, width, size], [1, width, size, width - 1]]
    for neighbours in near:
        if not neighbours or levels ** (len(neighbours) + 1) * _CODES_PER_COUNT <= codes.size:
            yield neighbours


def _lanes(codes: np.ndarray) -> int:
    return int(np.clip(codes.size // _PER_LANE, 1, len(codes)))


def _best(codes: np.ndarray, levels: int, image: tuple[int, int] | None) -> tuple[list[int], float]:
    """Return the neighbours under which codes take fewest bits, and these bits."""
    best: tuple[list[int], float] = ([], math.inf)
    seen: list[int] = []
    context = np.zeros(codes.shape, np.int64)
    for neighbours in _models(levels, codes, image):
        if neighbours[: len(seen)] != seen:
            seen, context = [], np.zeros(codes.shape, np.int64)
        context = _extended(context, codes, levels, neighbours[len(seen) :])
        seen = neighbours
        bits = _length(context * levels + codes, levels, levels ** len(neighbours))
        best = min(best, (neighbours, bits), key=lambda own: own[1])
    return best


def _length(where: np.ndarray, levels: int, contexts: int) -> float:
    """Return the bits of codes under a model that learns one after another.

    In whatever order they come, a context's codes have the probability
    ``G(KA) / G(n + KA) * prod_k G(n_k + A) / G(A)``, with G the gamma function, n_k of n codes being k and A the
    count that each of the K levels starts with. Source: Krichevsky and Trofimov (1981), where A is 1/2.

    Args:
        where: Every code and its context, ``context * levels + code``.
        levels: K.
        contexts: How many contexts there are.
    """
    seen = np.bincount(where.reshape(-1), minlength=contexts * levels).reshape(-1, levels)
    counts, start = torch.from_numpy(seen[seen.any(1)]).double(), 1 / GAIN
    logs = (counts + start).lgamma().sum() - (counts.sum(1) + levels * start).lgamma().sum()
    logs = logs + len(counts) * (math.lgamma(levels * start) - levels * math.lgamma(start))
    return -float(logs) / math.log(2)


def _extended(context: np.ndarray, codes: np.ndarray, levels: int, distances: list[int]) -> np.ndarray:
    """Return the contexts ``(n, length)`` with more neighbours; one outside of the row counts as 0."""
    for distance in distances:
        context = context * levels
        context[:, distance:] += codes[:, :-distance]
    return context


def _walk(about: dict[str, Any], codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Go through the codes as a decoder does; yield frequency and start of every code of a step."""
    count, length = about["shape"]
    levels, neighbours = about["levels"], about["neighbours"]
    context = _extended(np.zeros(codes.shape, np.int64), codes, levels, neighbours)
    counts = np.ones((levels ** len(neighbours), levels), np.int64)
    for first in range(0, count, about["lanes"]):
        block = slice(first, first + about["lanes"])
        for at in range(length):
            where, code = context[block, at], codes[block, at]
            frequency = frequencies(counts[where])
            start = frequency.cumsum(1) - frequency
            rows = np.arange(len(where))
            yield frequency[rows, code], start[rows, code]
            np.add.at(counts, (where, code), GAIN)


def _stream(steps: list[tuple[np.ndarray, np.ndarray]], lanes: int) -> bytes:
    """Return the lanes' first states, four bytes each, and the words in the order in which a decoder wants them."""
    state = np.full(lanes, LEAST, np.int64)
    words: list[np.ndarray] = []
    for frequency, start in reversed(steps):
        own = state[: len(frequency)]
        full = own >= frequency * (LEAST << 16) // SUM
        words.append((own[full] & 0xFFFF).astype("<u2"))
        own[full] >>= 16
        own[:] = own // frequency * SUM + own % frequency + start
    return state.astype("<u4").tobytes() + b"".join(word.tobytes() for word in reversed(words))
