"""Membership inference: can networks that are trained on a set tell which rows it was made from?"""

from __future__ import annotations

from typing import Any

import numpy as np

# Resamples of the rows that an interval is taken from, and the share of them that it holds.
_RESAMPLES, _WITHIN = 500, 0.95
#: False-positive rates that are asked for; one is left out where it is less than a row.
RATES = (0.001, 0.01, 0.1)


def attack(members: np.ndarray, others: np.ndarray, generator: np.random.Generator) -> dict[str, Any]:
    """Return how well a threshold on the loss tells members from others.

    Rows with a loss below the threshold are taken for members (Yeom et al., Privacy Risk in Machine Learning, CSF
    2018); the threshold is that of a false-positive rate among ``others``. Low rates count (Carlini et al., Membership
    Inference Attacks From First Principles, S&P 2022).

    Args:
        members: Losses of rows that the set was made from, ``(N,)``.
        others: Losses of rows that it was not made from, ``(M,)``.
        generator: Draws the resamples of the interval.

    Returns:
        ``auc``, and ``rates``: of each false-positive rate the share of members that are found; each as ``value``,
        ``low`` and ``high``, an interval of 95 % over resampled rows.
    """
    rates = [rate for rate in RATES if rate * len(others) >= 1]
    drawn = [
        _measures(generator.choice(members, len(members)), generator.choice(others, len(others)), rates)
        for _ in range(_RESAMPLES)
    ]
    return _found(_measures(members, others, rates), drawn, rates)


def attack_rows(scores: np.ndarray, inside: np.ndarray, generator: np.random.Generator) -> dict[str, Any]:
    """Return the same of several networks, each with its own members among the same rows.

    All pairs of a network and a row are taken together. Rows are resampled, not pairs: those of one row are alike.

    Args:
        scores: The higher, the likelier is row n a member of network s ``(S, N)``.
        inside: Whether it is ``(S, N)``.
        generator: Draws the resamples of the interval.
    """

    def measures(rows: np.ndarray) -> np.ndarray:
        own, members = -scores[:, rows], inside[:, rows]
        return _measures(own[members], own[~members], rates)

    rates = [rate for rate in RATES if rate * np.count_nonzero(~inside) >= 1]
    count = inside.shape[1]
    drawn = [measures(generator.choice(np.arange(count), count)) for _ in range(_RESAMPLES)]
    return _found(measures(np.arange(count)), drawn, rates)


def _found(values: np.ndarray, drawn: list[np.ndarray], rates: list[float]) -> dict[str, Any]:
    """Return measures with their intervals over resamples, JSON."""
    low, high = np.quantile(drawn, [(1 - _WITHIN) / 2, (1 + _WITHIN) / 2], axis=0)
    found = [
        {"value": float(value), "low": float(least), "high": float(most)}
        for value, least, most in zip(values, low, high, strict=True)
    ]
    shares = [{"false_positives": rate, **own} for rate, own in zip(rates, found[1:], strict=True)]
    return {"auc": found[0], "rates": shares}


def _measures(members: np.ndarray, others: np.ndarray, rates: list[float]) -> np.ndarray:
    """Return the area under the curve, and the share of members found at each rate."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, members, side) for side in ("left", "right"))
    # A member is found before all others whose loss is larger, and before half of those with its own.
    auc = float(np.mean(1 - (below + upto) / 2 / len(others)))
    # No more than this many others have a loss below the threshold.
    return np.array([auc, *(float(np.mean(members < ordered[int(rate * len(others))])) for rate in rates)])
