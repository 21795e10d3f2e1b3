"""Coreset: selected real samples, nothing learned."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import cast

import pyarrow as pa
import torch
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.labels.fixed_weights import FixedWeights
from hf_distill.methods.method import Method, Run
from hf_distill.options import PositiveInt
from hf_distill.ranks import Ranks
from hf_distill.seeding import Streams
from hf_distill.selection.base import Chosen, Selector, select_per_class
from hf_distill.selection.random import RandomSelector
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.default import default_set
from hf_distill.synthetic.rows import RowsSet

_SENSITIVITY = "sensitivity"


class Coreset(Method[Data]):
    """Real samples, chosen by a selector: of every class (``RealData``), or whole rows of any source (``RowsData``).

    Whole rows need neither classes nor labels. They are published with all columns of the source, as they are, and a
    column of weights where these are not equal. Of a stream they are chosen by a selector that holds a part of it at a
    time.

    Args:
        selector: Chooses them; null for a ``RandomSelector``.
        features: The space that it chooses in; null for the samples as they are, ``PixelFeatures``.
        per_class: Samples of each class.
        size: Whole rows in all; only of ``RowsData``, where null stands for 1,000.
        weighted: Publish the selector's weights, by which a sample counts as many real ones as it stands for, where it
            gives other ones than equal. Whole rows always have them.
        sensitivities: Publish how important each whole row was, a column ``sensitivity`` of shares of all rows.

    Examples:
        >>> from hf_distill import Coreset, HerdingSelector, RealData
        >>> distilled = Coreset(selector=HerdingSelector(), per_class=2).distill(RealData())
        >>> len(distilled), distilled[0]["label"]
        (20, 0)
    """

    def __init__(
        self,
        *,
        selector: Selector | None = None,
        features: Extractor | None = None,
        per_class: PositiveInt = 10,
        size: PositiveInt | None = None,
        weighted: bool = False,
        sensitivities: bool = False,
    ) -> None:
        self.selector = RandomSelector() if selector is None else selector
        self.features = PixelFeatures() if features is None else features
        self.per_class = per_class
        self.size = size
        self.weighted = weighted
        self.sensitivities = sensitivities

    def fit(self, real: Data, run: Run) -> Synthetic:
        """See :class:`Method`.

        Raises:
            UserError: The data are neither samples nor rows, or an option is of the other ones.
        """
        if isinstance(real, RowsData):
            return self._rows(real, run)
        if self.size is not None or self.sensitivities:
            raise UserError("method.size and method.sensitivities are of whole rows: set --data=RowsData, or per_class")
        self.open(real)
        if real.spec.num_groups is None:
            raise UserError(f"Coreset chooses samples or rows, and {type(real).__name__} has none: choose Undistilled")
        return self._samples(cast(RealData, real), run)

    def _samples(self, real: RealData, run: Run) -> Synthetic:
        index, w = select_per_class(self.selector, real, self.per_class, Streams(run.seed), self.features)
        batch = real.train.samples(index)
        weights = FixedWeights() if self.weighted and not torch.allclose(w, w.mean()) else None
        synthetic = default_set(real.spec.kind, per_class=self.per_class, weights=weights)
        synthetic.initialize(batch.x.cpu(), batch.y.cpu(), real.spec, (w / w.mean()).float())
        synthetic.start_from(batch.source, batch.given)
        return synthetic

    def _rows(self, data: RowsData, run: Run) -> RowsSet:
        if self.selector.needs_features:
            self.features.check_rows()
        self.open(data)
        size = 1000 if self.size is None else self.size
        if self.sensitivities and (data.is_stream or _SENSITIVITY in data.spec.features):
            why = "is a stream, which no selector holds" if data.is_stream else f"has a column {_SENSITIVITY!r}"
            raise UserError(f"{data.path} {why}: set --method.sensitivities=false")
        if data.is_stream:
            chosen = self.selector.from_stream(data, self.features, size, run.seed)
        _enough(size, data)
        if not data.is_stream:
            chosen = self._of_table(data, size, run.seed)
        rows, spec = data.take(chosen.rows), data.spec
        if self.sensitivities:
            rows = rows.append_column(_SENSITIVITY, _shares(self.selector.sensitivities_[chosen.rows]))
            own = {_SENSITIVITY: {"dtype": "float64", "_type": "Value"}}
            spec = replace(spec, features={**spec.features, **own})
        if chosen.certificate is not None:
            run.notes.timing["certificate"] = asdict(chosen.certificate)
        synthetic = RowsSet(count=size)
        weight = (chosen.weight / chosen.weight.mean()).float()
        synthetic.initialize(torch.zeros(size, 0), chosen.rows, spec, weight)
        synthetic.keep_rows(rows)
        return synthetic

    def _of_table(self, data: RowsData, size: int, seed: int) -> Chosen:
        """Choose from a table, in the order of the source."""
        seen = torch.empty(len(data), 0)
        if self.selector.needs_features:
            seen = self.features.of_rows(data, Ranks.together())
        index, w = self.selector.fit(seen).select(size, Streams(seed).generator("select"))
        index, order = index.cpu().sort()
        return Chosen(index, w.cpu()[order], self.selector.certificate_ if seen.shape[1] else None)


def _enough(size: int, data: RowsData) -> None:
    if size > len(data):
        raise UserError(f"method.size is {size}, and {data.path} has {len(data)} rows: ask for so many or fewer")


def _shares(values: Tensor) -> pa.Array:
    return pa.array(values.double().cpu().numpy())
