"""ForgettingFeatures: how often a network in training forgets a row."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.features.row_scores import ScoreFeatures, logits_of
from hf_distill.networks.base import Architecture
from hf_distill.options import PositiveInt, Seed
from hf_distill.seeding import Streams
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Constant
from hf_distill.training.source import SplitSource
from hf_distill.training.trainer import train_networks


class ForgettingFeatures(ScoreFeatures):
    """One number a row: how often it was classified rightly after an epoch and wrongly after the next.

    Toneva et al., An Empirical Study of Example Forgetting (ICLR 2019): with ``NormSelector``. A row that is never
    right counts as forgotten in every epoch. Ours: rows are looked at after every epoch and not in every batch, and
    the momentum starts anew with each.

    Args:
        network: The architecture; null for the usual one of such data.
        epochs: Epochs of the training.
        recipe: How it is trained otherwise; null for ``Recipe``'s defaults.
        seed: Of weights and order.

    Examples:
        In YAML:

            method:
              class_path: Coreset
              init_args:
                per_class: 10
                selector: NormSelector
                features: {class_path: ForgettingFeatures, init_args: {epochs: 20}}
    """

    def __init__(
        self,
        *,
        network: Architecture | None = None,
        epochs: PositiveInt = 10,
        recipe: Recipe | None = None,
        seed: Seed = 0,
    ) -> None:
        super().__init__(network=network, recipe=recipe, seed=seed)
        self.epochs = epochs

    def _scored(self, real: RealData, spec: DataSpec, architecture: Architecture, device: torch.device) -> Tensor:
        streams = Streams(self.seed)
        built = architecture.build_for(spec, streams.seed_for("network")).to(device)
        recipe = self.recipe.suited(spec).changed(epochs=1, steps=None, schedule=Constant())
        before = torch.zeros(len(real.train), dtype=torch.bool)
        ever, forgotten = before.clone(), torch.zeros(len(real.train))
        for epoch in range(self.epochs):
            train_networks(
                [built],
                [SplitSource(real.train, spec)],
                [streams.at(epoch)],
                recipe=recipe,
                device=device,
                names=["the network that forgets"],
            )
            right = logits_of(built, real.train, spec, device).argmax(1) == real.train.targets
            forgotten += before & ~right
            ever |= right
            before = right
        forgotten[~ever] = self.epochs
        return forgotten
