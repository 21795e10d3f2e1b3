"""KnownRows: what chosen rows are compared with, all rows of a table or random ones of a stream."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.pixels import PixelFeatures
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.selection.random import RandomSelector


@dataclass(frozen=True)
class KnownRows:
    """Rows of a source as a table.

    Attributes:
        table: The rows.
        own: The places of a set's rows in it.
        pool: The places of the rows that stand for all.
        said: How many stand for how many, in brackets; empty where they are all.
    """

    table: RowsData
    own: Tensor
    pool: Tensor
    said: str = ""


def known_rows(distilled: DistilledDataset, real: RowsData, most: int, seed: int) -> KnownRows:
    """Return the rows of a set beside those of its source; a stream is read twice for it.

    Args:
        distilled: The set.
        real: The source, set up.
        most: Random rows that stand for a stream; twice as many as the set has at least.
        seed: Of their draw.

    Raises:
        UserError: The set holds no whole rows, or those of another source.
    """
    if distilled.spec.kind != "rows" or real.spec.kind != "rows":
        raise UserError("RowsEvaluator measures whole rows of RowsData: choose ClassificationEvaluator for samples")
    own = torch.tensor(distilled.packed.columns["row"])
    other = UserError(f"the rows of the set are not those of {real.path}: evaluate on the data that it was made from")
    drawn = _drawn(real, max(most, 2 * len(own)), seed) if real.is_stream else torch.arange(len(real))
    if int(own.max()) >= len(real):
        raise other
    known = KnownRows(real, own, drawn)
    if real.is_stream:
        kept = torch.cat((own, drawn)).unique()
        said = f" ({len(drawn):,} of {len(real):,} rows)" if len(drawn) < len(real) else ""
        known = KnownRows(real.only(kept), torch.searchsorted(kept, own), torch.searchsorted(kept, drawn), said)
    published = distilled.to_dataset().data.table
    names = list(known.table.table.features)
    if not set(names) <= set(published.column_names) or not published.select(names).equals(known.table.take(known.own)):
        raise other
    return known


def tested_rows(real: RowsData, column: str, most: int, seed: int) -> RowsData | None:
    """Return the source's test split as a table, random rows of a stream's; None where it has none with the column."""
    tested = real.tested()
    if tested is None or column not in tested.spec.features:
        return None
    return tested.only(_drawn(tested, most, seed)) if tested.is_stream else tested


def _drawn(stream: RowsData, most: int, seed: int) -> Tensor:
    """Return the numbers of random rows, in increasing order."""
    return RandomSelector().from_stream(stream, PixelFeatures(), most, seed).rows
