"""ContenderTraining: networks trained on training sets side by side, and what they say of real samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import SomeRows, Split
from hf_distill.errors import UserError
from hf_distill.evaluation.contenders import Contender
from hf_distill.evaluation.tuning import RecipeSearch, Setting
from hf_distill.features.trained import trained_on
from hf_distill.metrics import METRICS, TARGET_METRICS
from hf_distill.networks.base import Architecture
from hf_distill.seeding import Streams
from hf_distill.training.plan import Compile, Strategy
from hf_distill.training.prediction import predict
from hf_distill.training.recipe import Recipe
from hf_distill.training.trainer import train_networks
from hf_distill.training.watch import check_outputs

# Networks in memory at once.
_MAX_GROUP = 40


@dataclass(frozen=True)
class ContenderTraining:
    """How the networks of an evaluation are trained, whatever they learn from.

    Attributes:
        spec: The distilled set's specification.
        streams: Of each network: with one stream every training set has the same network and the same order.
        device: Where.
        strategy: See :func:`train_networks`.
        compile: The same.
        advance: Called with the number of steps that were done.
        look: Called with every network after its training, and the name of what it was trained on.
    """

    spec: DataSpec
    streams: Sequence[Streams]
    device: torch.device
    strategy: Strategy = "auto"
    compile: Compile = "auto"
    advance: Callable[[int], object] = lambda steps: None
    look: Callable[[str, nn.Module], object] = lambda name, network: None

    def outputs(
        self,
        architecture: Architecture,
        contenders: Mapping[str, Contender],
        recipes: Mapping[str, Recipe],
        test: Split,
        tolerant: bool = False,
    ) -> dict[str, list[Tensor]]:
        """Return the logits ``(N, classes)`` of every network on test rows, by the name of what it learned from.

        Args:
            architecture: Their kind.
            contenders: The training sets.
            recipes: How networks are trained on each.
            test: Rows to look at.
            tolerant: What a network has to say that diverged is not a number, instead of an error.
        """
        found: dict[str, list[Tensor]] = {name: [] for name in contenders}
        jobs: dict[tuple[int, bool, str], list[tuple[str, int]]] = {}
        for name, own in contenders.items():
            # Sets of one length train together, the distilled one and its baselines alike if their labels are.
            key = own.samples, own.soft, str(recipes[name].config())
            jobs.setdefault(key, []).extend((name, k) for k in range(len(self.streams)))
        for members in jobs.values():
            for first in range(0, len(members), _MAX_GROUP):
                part = members[first : first + _MAX_GROUP]
                recipe = recipes[part[0][0]]
                names = [self._name(architecture, name, k) for name, k in part]
                built = [self._build(architecture, k) for _, k in part]
                trained = train_networks(
                    built,
                    [contenders[name].sources[k] for name, k in part],
                    [self.streams[k] for _, k in part],
                    recipe=recipe,
                    device=self.device,
                    strategy=self.strategy,
                    compile=self.compile,
                    progress=self.advance,
                    names=names,
                    tolerant=tolerant,
                )
                outputs = predict(built, test, self.spec, self.device)
                if not tolerant:
                    check_outputs(names, outputs, recipe)
                for (name, _), network, logits, error in zip(part, built, outputs, trained.errors, strict=True):
                    self.look(name, network)
                    found[name].append(logits if error is None else torch.full_like(logits, torch.nan))
        return found

    def full_outputs(self, architecture: Architecture, count: int, real: RealData, recipe: Recipe) -> list[Tensor]:
        """Return the logits on the test rows of ``count`` networks that were trained on all training rows."""
        names = [self._name(architecture, "full", k) for k in range(count)]
        built = [
            trained_on(
                real,
                architecture,
                recipe,
                self.streams[0].at(k),
                self.device,
                self.spec,
                compile=self.compile,
                progress=self.advance,
                name=name,
            )
            for k, name in enumerate(names)
        ]
        outputs = predict(built, real.test, self.spec, self.device)
        check_outputs(names, outputs, recipe)
        for network in built:
            self.look("full", network)
        return outputs

    def search(
        self,
        tuning: RecipeSearch,
        architecture: Architecture,
        contenders: Mapping[str, Contender],
        recipe_for: Callable[[Contender], Recipe],
        real: RealData,
    ) -> dict[str, tuple[Setting, float]]:
        """Return for each training set the change of the recipe with the best score on held-out training rows.

        Raises:
            UserError: The data is a stream, or baselines have chosen all rows.
        """
        held = held_out(real, contenders, tuning.rows, self.streams[0])
        score = METRICS[TARGET_METRICS[self.spec.target][0]]
        few = replace(self, streams=self.streams[: tuning.networks], look=lambda name, network: None)

        def measure(setting: Setting) -> dict[str, float]:
            recipes = {
                name: recipe_for(own).scaled(setting.lr, setting.steps, own.samples) for name, own in contenders.items()
            }
            return {
                name: statistics.fmean(score(own, held.targets) if own.isfinite().all() else -math.inf for own in group)
                for name, group in few.outputs(architecture, contenders, recipes, held, tolerant=True).items()
            }

        return tuning.run(list(contenders), measure)

    def _build(self, architecture: Architecture, k: int) -> nn.Module:
        return architecture.build_for(self.spec, self.streams[k].seed_for("network"))

    def _name(self, architecture: Architecture, name: str, k: int) -> str:
        return f"{architecture.label} on the {name} data, seed {self.streams[0].seed}, network {k}"


def held_out(real: RealData, contenders: Mapping[str, Contender], most: int, streams: Streams) -> SomeRows:
    """Return random training rows that no contender holds.

    Raises:
        UserError: The data is a stream, or there are none.
    """
    free = torch.ones(len(real.train), dtype=torch.bool)
    for own in contenders.values():
        if own.rows is not None:
            free[own.rows] = False
    rows = free.nonzero()[:, 0]
    if not len(rows):
        raise UserError("no training rows are left to choose recipes on: set --evaluator.tuning=null")
    order = torch.randperm(len(rows), generator=streams.generator("held out"))[:most]
    return SomeRows(real.train, rows[order])
