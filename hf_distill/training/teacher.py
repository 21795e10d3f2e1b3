"""Teacher: trained networks that say which class a sample is of, and how surely."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.networks.default import default_network
from hf_distill.options import Few, PositiveFloat, Seed, Share, Text
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.training.experts import Experts
from hf_distill.training.keeping import Keeper
from hf_distill.training.once import trained_for
from hf_distill.training.optimizers import Adam
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Cosine
from hf_distill.training.source import SplitSource
from hf_distill.training.teacher_files import read_experts
from hf_distill.training.trainer import train_networks


class Teacher(Part):
    """Networks that were trained on the real data, here or by somebody else.

    Whoever asks for the same teacher of the same data in one process gets the same networks, trained once.

    Args:
        path: Trained weights: a folder of ``hf-distill train-teacher`` or of a transformers model, a Hub id of either,
            or a ``safetensors`` file. Null trains on the real data.
        network: The architecture; null for that of the folder, and else for the usual one of such data. Those with an
            option ``norm`` come with batch and with instance normalisation.
        recipe: How it is trained; null for 30 epochs of Adam, from 1e-3 along a cosine to zero, in batches of 128.
        count: Networks that are trained, an ensemble; a folder has those that it holds.
        mean: By which a ``safetensors`` file's inputs were normalised, per channel in [0, 1] for images; null for that
            of the data.
        std: The deviation, likewise.
        seed: Of a training: the teacher is the same for every run of a method.
        classes: Its outputs by the names of the data's classes; null for those that a folder names, and else for the
            data's own, in their order.

    Examples:
        >>> from hf_distill import MLP, RealData, Recipe, Teacher
        >>> teacher = Teacher(network=MLP(width=16), recipe=Recipe(epochs=1), count=2)
        >>> len(teacher.experts(RealData().setup()).networks)
        2
    """

    def __init__(
        self,
        *,
        path: Text | None = None,
        network: Architecture | None = None,
        recipe: Recipe | None = None,
        count: Few = 1,
        mean: list[Share] | None = None,
        std: list[PositiveFloat] | None = None,
        classes: list[str] | None = None,
        seed: Seed = 0,
    ) -> None:
        self.path = path
        self.network = network
        usual = Recipe(epochs=30, batch_size=128, optimizer=Adam(), schedule=Cosine(each="step"))
        self.recipe = usual if recipe is None else recipe
        self.count = count
        self.mean = mean
        self.std = std
        self.classes = classes
        self.seed = seed

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["path"] if options.get("path") is not None else []

    def check(self, real: RealData) -> None:
        """Refuse what is no teacher of the data, without a training: weights are read, and a stream is not trained on.

        Raises:
            UserError: It is none.
        """
        if self.path is not None:
            self.experts(real)
        elif real.is_stream:
            raise UserError("a stream has no training rows at hand to train a teacher on: set teacher.path")

    def experts(self, real: RealData) -> Experts:
        """Return the networks, where the data are.

        Args:
            real: The data, set up.

        Raises:
            UserError: The weights cannot be read or are of other classes, or the data are a stream to train on.
            DivergenceError: A training diverged.
        """
        known = trained_for(real)
        described = [self.config(), real.spec.mean, real.spec.std, str(real.train.device)]
        key = json.dumps(described)
        if key not in known:
            known[key] = self._made(real)
        return known[key]

    def _made(self, real: RealData) -> Experts:
        if self.path is None:
            return self.train(real, Streams(self.seed))
        return read_experts(
            self.path,
            real.spec,
            real.train.device,
            network=self.network,
            units=None if self.mean is None or self.std is None else (self.mean, self.std),
            classes=self.classes,
        )

    def train(
        self,
        real: RealData,
        streams: Streams,
        *,
        keeper_of: Callable[[int], Keeper] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> Experts:
        """Return networks that are trained on the real data.

        Args:
            real: The data, set up.
            streams: Randomness.
            keeper_of: What keeps the training of each network, by its number; they are trained one after another then.
            progress: Called with the number of steps that were done, summed over networks.

        Raises:
            UserError: The data are a stream, or the recipe is not for such data.
            DivergenceError: A training diverged.
            Interrupted: A keeper has stopped it.
        """
        spec = real.spec
        self.recipe.check(spec)
        architecture = self.network or default_network(spec)
        numbers = list(range(self.count))
        networks: list[nn.Module] = [architecture.build_for(spec, streams.seed_for("teacher", k)) for k in numbers]
        for part in [numbers] if keeper_of is None else [[k] for k in numbers]:
            train_networks(
                [networks[k] for k in part],
                [SplitSource(real.train, spec, remainder=True, order=("teacher", k)) for k in part],
                [streams] * len(part),
                recipe=self.recipe.for_samples(len(real.train)).suited(spec),
                device=real.train.device,
                names=[f"teacher {k}" for k in part],
                progress=progress,
                keeper=None if keeper_of is None else keeper_of(part[0]),
            )
        return Experts(networks, f"{architecture.label}, trained on the data")
