"""NetworkFeatures: what a classifier that was trained on the real rows sees."""

from __future__ import annotations

from typing import Any, cast

import torch

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.features.base import Extractor, Features
from hf_distill.features.trained import trained_on
from hf_distill.metrics import METRICS, TARGET_METRICS
from hf_distill.networks.base import Architecture, FeatureNetwork
from hf_distill.networks.default import default_network
from hf_distill.options import NonNegativeInt, Seed
from hf_distill.seeding import Streams
from hf_distill.training.prediction import predict
from hf_distill.training.recipe import Recipe
from hf_distill.training.teacher import Teacher


class NetworkFeatures(Extractor):
    """What enters the last layer of a network that was trained on all real training rows.

    It is trained once: whatever asks for the same network on the same data has the same one, a selector as well as a
    metric and the evaluator's row of the full data.

    Args:
        network: Its architecture; null takes the first one that an evaluator trains, or the usual one for such data.
        steps: Training steps, in whole epochs; 0 leaves the network as it was initialised.
        recipe: How it is trained otherwise; null for ``Recipe``'s defaults, the recipe of small images.
        seed: Of weights and order: equal seeds give equal features.
        teacher: A teacher whose first network it is, in place of such a training.

    Examples:
        >>> import torch
        >>> from hf_distill import MLP, NetworkFeatures, RealData
        >>> real = RealData().setup()
        >>> NetworkFeatures(network=MLP(width=16), steps=6).fit(real).rows(real.train, torch.arange(5)).shape
        torch.Size([5, 16])
    """

    def __init__(
        self,
        *,
        network: Architecture | None = None,
        steps: NonNegativeInt = 500,
        recipe: Recipe | None = None,
        seed: Seed = 0,
        teacher: Teacher | None = None,
    ) -> None:
        self.network = network
        self.steps = steps
        self.recipe = Recipe() if recipe is None else recipe
        self.seed = seed
        self.teacher = teacher

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`."""
        spec, device = spec or real.spec, device or real.train.device
        built, about = self._network(real, spec, network, device)
        if self._is_trained and real.has_test:
            name = TARGET_METRICS[spec.target][0]
            about[f"test_{name}"] = METRICS[name](predict([built], real.test, spec, device)[0], real.test.targets)
        return Features(built.features, spec, device, about)

    @property
    def needs_labels(self) -> bool:  # type: ignore[override]
        """See :class:`Extractor`: where it trains."""
        return self.steps > 0 if self.teacher is None else self.teacher.path is None

    @property
    def _is_trained(self) -> bool:
        return self.teacher is not None or self.steps > 0

    def _network(
        self, real: RealData, spec: DataSpec, network: Architecture | None, device: torch.device
    ) -> tuple[FeatureNetwork, dict[str, Any]]:
        """Return the network, and what is to be said of it."""
        if self.teacher is not None:
            experts = self.teacher.experts(real)
            return cast(FeatureNetwork, experts.networks[0].to(device)), {"teacher": experts.source}
        architecture = self.network or network or default_network(spec)
        recipe = self.recipe.changed(steps=self.steps) if self.steps else None
        built = trained_on(real, architecture, recipe, Streams(self.seed), device, spec)
        return built, {"network": architecture.config()}
