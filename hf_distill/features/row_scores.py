"""ScoreFeatures: one number a training row, by networks that are trained on the rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.networks.base import Architecture
from hf_distill.networks.default import default_network
from hf_distill.options import Seed
from hf_distill.training.recipe import Recipe


@dataclass(frozen=True)
class RowScores(Features):
    """Features of a split's own rows, which depend on more than their inputs: their labels, or a training on them.

    Attributes:
        scores: One number a training row, ``(N, 1)``.
    """

    scores: Tensor = field(default_factory=lambda: torch.empty(0, 1), kw_only=True)

    def rows(self, split: Split, index: Tensor) -> Tensor:
        """See :class:`Features`."""
        return self.scores[index.to(self.scores.device)]


class ScoreFeatures(Extractor):
    """Scores rows by what networks make of them in training: for a selector of rows with one class each.

    Args:
        network: The architecture; null for the usual one of such data.
        recipe: How it is trained; null for ``Recipe``'s defaults.
        seed: Of weights and order.
    """

    needs_labels = True

    def __init__(self, *, network: Architecture | None, recipe: Recipe | None, seed: Seed) -> None:
        self.network = network
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
        if spec.target != "classes":
            raise UserError(
                f"{type(self).__name__} needs rows with one class each, and these have {spec.target}: choose other "
                "features"
            )
        architecture = self.network or network or default_network(spec)
        scores = self._scored(real, spec, architecture, device)[:, None].to(device)
        return RowScores(_refuse, spec, device, {"network": architecture.config()}, scores=scores)

    @abstractmethod
    def _scored(self, real: RealData, spec: DataSpec, architecture: Architecture, device: torch.device) -> Tensor:
        """Return the score of every training row, ``(N,)``."""


def _refuse(x: Tensor) -> Tensor:
    """Refuse samples, whose rows are not known."""
    raise UserError("these features are scores of training rows, for a selector: choose features of samples here")


@torch.no_grad()
def logits_of(network: nn.Module, split: Split, spec: DataSpec, device: torch.device) -> Tensor:
    """Return a network's logits on all rows of a split, ``(N, classes)``, on the CPU."""
    parts = torch.arange(len(split)).split(256)
    return torch.cat([network(spec.normalize(split.raw(rows)).to(device)).float().cpu() for rows in parts])
