"""One set at several horizons: what was distilled once is cut into other windows."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.hub.artifact import DistilledDataset


def check_horizons(horizons: Sequence[int], distilled: DistilledDataset) -> None:
    """Refuse a horizon whose windows are longer than the set.

    Raises:
        UserError: The message names the longest horizon that fits.
    """
    steps, lookback = distilled.x.shape[-2], distilled.spec.lookback
    wrong = next((horizon for horizon in horizons if horizon > steps - lookback), None)
    if wrong is not None:
        raise UserError(
            f"evaluator.horizons has {wrong}; a set of {steps} time steps holds windows of a look-back of {lookback} "
            f"and a horizon of {steps - lookback} or less"
        )


def at_horizon(distilled: DistilledDataset[SeriesSpec], horizon: int) -> DistilledDataset[SeriesSpec]:
    """Return the same set for another horizon, as one that is not saved."""
    other = copy.copy(distilled)
    other.spec, other.folder = replace(distilled.spec, horizon=horizon), None
    return other


def further_rows(
    evaluator: Evaluator[SeriesData],
    horizons: Sequence[int],
    distilled: DistilledDataset[SeriesSpec],
    real: SeriesData,
    progress: bool,
    start: DistilledDataset[SeriesSpec] | None,
) -> list[dict[str, Any]]:
    """Return the rows of further horizons by the protocol of an evaluator; their networks are named after them."""
    rows = []
    for horizon in horizons:
        begun = None if start is None else at_horizon(start, horizon)
        found = evaluator.evaluate(at_horizon(distilled, horizon), real.at_horizon(horizon), None, progress, begun)
        rows += [{**row, "network": f"{row['network']}, horizon {horizon}"} for row in found.rows]
    return rows
