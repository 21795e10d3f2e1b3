"""WeightedSum: several objectives at once."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.objectives.base import Objective
from hf_distill.objectives.scaling import unit_gradient
from hf_distill.options import NonNegativeFloat, NotEmpty
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic


class WeightedSum(Objective[Data]):
    """A weighted sum of objectives.

    Args:
        objectives: The terms.
        weights: One for each; all 1 by default.
        normalize_gradients: Scale the gradient of each objective to the length of its weight, whatever its size.

    Examples:
        In YAML:

            method:
              class_path: OptimizedDistillation
              init_args:
                objective:
                  class_path: WeightedSum
                  init_args:
                    objectives: [DistributionMatching, GradientMatching]
                    weights: [1, 0.1]
    """

    def __init__(
        self,
        *,
        objectives: Annotated[list[Objective], NotEmpty()],
        weights: list[NonNegativeFloat] | None = None,
        normalize_gradients: bool = False,
    ) -> None:
        super().__init__()
        self.objectives = objectives
        self.weights = weights
        self.normalize_gradients = normalize_gradients
        # Their states belong to this one's.
        self.parts = nn.ModuleList(objectives)

    @property
    def paper(self) -> str:  # type: ignore[override]
        """Those of the terms."""
        return "; ".join(dict.fromkeys(part.paper for part in self.objectives if part.paper))

    def prepare(self, synthetic: Synthetic, real: Data, steps: int) -> None:
        """See :class:`Objective`."""
        if self.weights is not None and len(self.weights) != len(self.objectives):
            raise UserError(
                f"objective.weights has {len(self.weights)} numbers and there are {len(self.objectives)} objectives: "
                "give each its own"
            )
        for part in self.objectives:
            part.prepare(synthetic, real, steps)

    def work(self, synthetic: Synthetic, real: Data) -> float:
        """See :class:`Objective`."""
        return max(part.work(synthetic, real) for part in self.objectives)

    def cycle(self) -> tuple[int, int]:
        """See :class:`Objective`: that of the term with the longest one."""
        return max(part.cycle() for part in self.objectives)

    def forward(self, synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns the terms of all objectives, numbered where there are several."""
        terms = {}
        for index, part in enumerate(self.objectives):
            weight = 1.0 if self.weights is None else self.weights[index]
            found = part(synthetic, real, streams)
            if self.normalize_gradients:
                name = type(part).__name__
                total = torch.stack(list(found.values())).sum()
                found = {name: unit_gradient(total, list(synthetic.parameters()), list(part.parameters()))}
            terms.update({f"{index}_{name}": weight * value for name, value in found.items()})
        return terms

    def on_step_end(self, synthetic: Synthetic) -> None:
        """See :class:`Objective`."""
        for part in self.objectives:
            part.on_step_end(synthetic)
