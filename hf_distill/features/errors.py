"""ErrorFeatures: how wrong young networks are about a row."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.features.trained import trained_on
from hf_distill.networks.base import Architecture
from hf_distill.networks.default import default_network
from hf_distill.options import Few, PositiveInt, Seed
from hf_distill.seeding import Streams
from hf_distill.training.recipe import Recipe


@dataclass(frozen=True)
class RowScores(Features):
    """Features of a split's own rows, which depend on more than their inputs: their labels, or a training on them.

    Attributes:
        scores: One number a training row, ``(N, 1)``.
    """

    scores: Tensor = field(default_factory=lambda: torch.empty(0, 1), kw_only=True)

    def of(self, x: Tensor) -> Tensor:
        """Refuse samples: their rows are not known.

        Raises:
            UserError: Always.
        """
        raise UserError("these features are scores of training rows, for a selector: choose features of samples here")

    def rows(self, split: Split, index: Tensor) -> Tensor:
        """See :class:`Features`."""
        return self.scores[index.to(self.scores.device)]


class ErrorFeatures(Extractor):
    """One number a row, EL2N: the mean length of ``softmax(f(x)) - onehot(y)`` over some networks early in training.

    Paul, Ganguli and Dziugaite, Deep Learning on a Data Diet (NeurIPS 2021): with ``NormSelector``.

    Args:
        network: Their architecture; null for the usual one of such data.
        networks: How many.
        steps: Training steps of each, in whole epochs.
        recipe: How they are trained otherwise; null for ``Recipe``'s defaults.
        seed: Of the first; the next ones count on.
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
        self.network = network
        self.networks = networks
        self.steps = steps
        self.recipe = Recipe() if recipe is None else recipe
        self.seed = seed

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`.

        Raises:
            UserError: There are no classes.
        """
        spec, device = spec or real.spec, device or real.train.device
        require_classes(type(self).__name__, spec)
        architecture = self.network or network or default_network(spec)
        recipe = copy.copy(self.recipe)
        recipe.steps = self.steps
        total = torch.zeros(len(real.train))
        for place in range(self.networks):
            built = trained_on(real, architecture, recipe, Streams(self.seed + place), device, spec)
            total += (logits_of(built, real.train, spec, device).softmax(1) - one_hot(real, spec)).norm(dim=1)
        scores = (total / self.networks)[:, None].to(device)
        return RowScores(built, spec, device, {"network": architecture.config()}, scores=scores)


def require_classes(name: str, spec: DataSpec) -> None:
    """Refuse data without classes."""
    if spec.target != "classes":
        raise UserError(f"{name} needs rows with one class each, and these have {spec.target}: choose other features")


def one_hot(real: RealData, spec: DataSpec) -> Tensor:
    """Return the classes of the training rows, ``(N, classes)``."""
    return F.one_hot(real.train.targets, spec.num_groups).float()


@torch.no_grad()
def logits_of(network: torch.nn.Module, split: Split, spec: DataSpec, device: torch.device) -> Tensor:
    """Return a network's logits on all rows of a split, ``(N, classes)``, on the CPU."""
    parts = torch.arange(len(split)).split(256)
    return torch.cat([network(spec.normalize(split.raw(rows)).to(device)).float().cpu() for rows in parts])
