"""The networks that an audit looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.evaluation.teaching import hard
from hf_distill.features.trained import trained_on
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks.default import default_network
from hf_distill.seeding import Streams
from hf_distill.training.prediction import predict
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import TensorSource
from hf_distill.training.trainer import train_networks


@dataclass(frozen=True)
class Trained:
    """Networks that were trained on a set, and beside them one of all training rows.

    Attributes:
        label: What they are called.
        groups: The networks by what they were trained on: ``this set``, ``full data``.
        artifact: The set.
        device: Where they are.
    """

    label: str
    groups: dict[str, Sequence[nn.Module]]
    artifact: DistilledDataset
    device: torch.device

    @classmethod
    def on(
        cls,
        artifact: DistilledDataset,
        real: RealData,
        sketch: ClassificationEvaluator,
        streams: Sequence[Streams],
        device: torch.device,
    ) -> Trained:
        """Train a network on the set for each of some streams, and one on all training rows.

        Args:
            artifact: The set.
            real: The data.
            sketch: Whose network and recipe are taken.
            streams: Randomness of each network.
            device: Where.
        """
        built = networks_on(artifact, sketch, streams, device)
        network = (sketch.networks or [default_network(artifact.spec)])[0]
        full = trained_on(real, network, usual_recipe(sketch, artifact.spec), streams[0], device, artifact.spec)
        return cls(network.label, {"this set": built, "full data": [full]}, artifact, device)

    def outputs(self, name: str, split: Split) -> list[Tensor]:
        """Return what each network of a group says of the rows of a split, ``(N, classes)``."""
        return predict(self.groups[name], split, self.artifact.spec, self.device)


def usual_recipe(sketch: ClassificationEvaluator, spec: DataSpec) -> Recipe:
    """Return the recipe of an evaluator for hard labels, which every set has and every row of the source."""
    return hard(sketch.recipe.suited(spec))


def networks_on(
    artifact: DistilledDataset, sketch: ClassificationEvaluator, streams: Sequence[Streams], device: torch.device
) -> list[nn.Module]:
    """Return networks that are trained on a set, one for each of some streams.

    Args:
        artifact: The set.
        sketch: Whose network and recipe are taken.
        streams: Randomness of each network.
        device: Where.
    """
    spec = artifact.spec
    network = (sketch.networks or [default_network(spec)])[0]
    recipe = usual_recipe(sketch, spec)
    recipe.check(spec)
    built: list[nn.Module] = [network.build_for(spec, own.seed_for("network")) for own in streams]
    sources = [TensorSource(artifact.batch())] * len(built)
    train_networks(built, sources, streams, recipe=recipe.for_samples(len(artifact)), device=device)
    return built
