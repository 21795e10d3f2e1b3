"""ErrorFeatures: how wrong young networks are about a row."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.features.row_scores import ScoreFeatures, logits_of
from hf_distill.features.trained import trained_on
from hf_distill.networks.base import Architecture
from hf_distill.options import Few, PositiveInt, Seed
from hf_distill.seeding import Streams
from hf_distill.training.recipe import Recipe


class ErrorFeatures(ScoreFeatures):
    """One number a row, EL2N: the mean length of ``softmax(f(x)) - onehot(y)`` over some networks early in training.

    Paul, Ganguli and Dziugaite, Deep Learning on a Data Diet (NeurIPS 2021): with ``NormSelector``.

    Args:
        network: Their architecture; null for the usual one of such data.
        networks: How many.
        steps: Training steps of each, in whole epochs.
        recipe: How they are trained otherwise; null for ``Recipe``'s defaults.
        seed: Of the first; the next ones count on.

    Examples:
        In YAML:

            method:
              class_path: Coreset
              init_args:
                per_class: 10
                selector: NormSelector
                features: {class_path: ErrorFeatures, init_args: {networks: 5, steps: 100}}
    """

    def __init__(
        self,
        *,
        network: Architecture | None = None,
        networks: Few = 3,
        steps: PositiveInt = 200,
        recipe: Recipe | None = None,
        seed: Seed = 0,
    ) -> None:
        super().__init__(network=network, recipe=recipe, seed=seed)
        self.networks = networks
        self.steps = steps

    def _scored(self, real: RealData, spec: DataSpec, architecture: Architecture, device: torch.device) -> Tensor:
        recipe = self.recipe.changed(steps=self.steps)
        classes = F.one_hot(real.train.targets, spec.num_groups).float()
        total = torch.zeros(len(real.train))
        for place in range(self.networks):
            built = trained_on(real, architecture, recipe, Streams(self.seed + place), device, spec)
            total += (logits_of(built, real.train, spec, device).softmax(1) - classes).norm(dim=1)
        return total / self.networks
