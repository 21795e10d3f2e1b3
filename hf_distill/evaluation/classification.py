"""ClassificationEvaluator: the accuracy of networks that are trained on a published set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from typing_extensions import Self

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.baselines import BASELINES, check_baselines, real_bits
from hf_distill.evaluation.features import FeatureMetrics
from hf_distill.evaluation.published import check_match, read_published
from hf_distill.evaluation.result import Evaluation, make_row
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.metrics import METRICS, load_metric
from hf_distill.networks.base import Architecture
from hf_distill.networks.cost import find_device
from hf_distill.networks.default import default_network
from hf_distill.options import Device, Few, NotEmpty, PositiveInt, Seed
from hf_distill.progress import progress_bar
from hf_distill.seeding import Streams
from hf_distill.training.plan import Compile, Strategy
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import Source, SplitSource, TensorSource, predict
from hf_distill.training.trainer import train_networks
from hf_distill.training.watch import check_outputs

# Networks in memory at once.
_MAX_GROUP = 40


class ClassificationEvaluator(Evaluator):
    """Accuracy of classifiers that are trained on a published set.

    Every seed is a fresh network; with one seed the distilled set and its baselines start from
    the same weights. The random baseline is a fresh draw of real samples for each seed, which take as many bits as
    the set; herding and k-means have as many samples; the class mean is one sample a class whatever the set holds.

    Args:
        networks: Architectures; by default the field's ConvNet for images and an MLP for vectors.
        seeds: Networks of each architecture and training set.
        recipe: How they are trained; null for ``Recipe`` as it is.
        baselines: Any of ``start`` (what the method started from, where that is known), ``random``, ``kmeans`` (the
            samples closest to the centres of as many clusters), ``herding``, ``class_mean``.
        full: Train on all of the real data too, for the upper limit.
        full_steps: Steps of that training at most (the recipe's epochs would take very many on a large dataset).
        labels: ``hard``, or ``soft``: those of a set that stores the probabilities of its likeliest classes.
        metrics: ``accuracy``, ``top3_accuracy``, ``top5_accuracy``, ``macro_f1``, or what ``evaluate.load`` takes.
        feature_metrics: Distances to real samples in a feature space (FID and others); None measures none.
        seed: Seed of the first network; the others follow from it.
        device: ``auto`` takes a GPU where there is one.
        strategy: Train networks ``together`` in one step, ``side_by_side`` in processes of one thread each (as many as
            there are cores, or ``OMP_NUM_THREADS``), or ``sequential``; ``auto`` chooses by measured rules.
        compile: ``torch.compile``: ``always``, ``never``, or ``auto`` where the training is long.
    """

    def __init__(
        self,
        *,
        networks: list[Architecture] | None = None,
        seeds: Few = 5,
        recipe: Recipe | None = None,
        baselines: list[str] = ["start", "random", "kmeans", "herding", "class_mean"],  # noqa: B006 - never changed
        full: bool = False,
        full_steps: PositiveInt = 5000,
        labels: Literal["hard", "soft"] = "hard",
        metrics: Annotated[list[str], NotEmpty()] = ["accuracy"],  # noqa: B006
        feature_metrics: FeatureMetrics | None = None,
        seed: Seed = 0,
        device: Device = "auto",
        strategy: Strategy = "auto",
        compile: Compile = "auto",
    ) -> None:
        self.networks = networks
        self.seeds = seeds
        self.recipe = Recipe() if recipe is None else recipe
        self.baselines = baselines
        self.full = full
        self.full_steps = full_steps
        self.labels = labels
        self.metrics = metrics
        self.feature_metrics = feature_metrics
        self.seed = seed
        self.device = device
        self.strategy = strategy
        self.compile = compile

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`: metrics that are not this library's are modules, from a folder or a repository."""
        names = options.get("metrics") or []
        return ["metrics"] if not isinstance(names, list) or any(name not in METRICS for name in names) else []

    def alone(self) -> Self:
        """See :class:`Evaluator`."""
        other = copy(self)
        other.baselines, other.full, other.feature_metrics = [], False, None
        return other

    def evaluate(
        self,
        artifact: str | Path | DistilledDataset,
        real: RealData,
        output: str | Path | None = None,
        progress: bool = True,
        start: DistilledDataset | None = None,
    ) -> Evaluation:
        """See :class:`Evaluator`."""
        check_baselines(self.baselines)
        metrics = {name: load_metric(name) for name in self.metrics}
        device = find_device(self.device)
        distilled = read_published(artifact)
        real.setup(device)
        spec = distilled.spec
        check_match(spec, real.spec)
        self.recipe.check(spec)
        test = real.test
        bits = distilled.bits["default"].total
        count = max(spec.num_classes, bits // real_bits(spec))
        sources = self._sources(distilled, real, count, start if "start" in self.baselines else None)
        networks = self.networks or [default_network(spec.shape)]
        features = None
        if self.feature_metrics is not None:  # first, since what cannot be measured shows at once
            features = self.feature_metrics.measure(distilled, real, networks[0], self._streams(), device)
        sizes = {
            name: {"samples": len(group[0]), "bits": len(group[0]) * real_bits(spec)}
            for name, group in sources.items()
            if name in BASELINES
        }
        if "start" in sources and start is not None:
            sizes = {"start": {"samples": len(start), "bits": start.bits["default"].total}, **sizes}
        rows = []
        recipes = {name: self._recipe(name, len(group[0])) for name, group in sources.items()}
        epochs = sum(self.seeds * recipe.total_epochs for recipe in recipes.values()) * len(networks)
        with progress_bar(epochs, "evaluating", "epoch", disable=not progress) as bar:
            for network in networks:
                bar.set_postfix_str(network.label)
                scores = self._measure(network, sources, recipes, spec, test, metrics, device, bar.update)
                for metric, values in scores.items():
                    row = make_row(
                        values,
                        sizes,
                        network=network.label,
                        metric=metric,
                        labels=self.labels,
                        seeds=self.seeds,
                        bits=bits,
                    )
                    rows.append(row)
        evaluation = Evaluation(self._protocol(networks, spec, real, test, len(distilled)), rows, features=features)
        if output is not None:
            evaluation.save(output)
        return evaluation

    def _recipe(self, name: str, length: int) -> Recipe:
        if name != "full":
            return self.recipe.for_samples(length)
        recipe = copy(self.recipe)
        recipe.epochs = min(recipe.total_epochs, math.ceil(self.full_steps / recipe.steps_per_epoch(length)))
        return recipe

    def _streams(self) -> list[Streams]:
        return [Streams(self.seed, step=k) for k in range(self.seeds)]

    def _sources(
        self, distilled: DistilledDataset, real: RealData, count: int, start: DistilledDataset | None
    ) -> dict[str, list[Source]]:
        """Return what is trained on: a source for each seed under each name."""
        spec = distilled.spec
        own = TensorSource(distilled.batch(soft=self.labels == "soft"))
        sources: dict[str, list[Source]] = {"distilled": [own] * self.seeds}
        if start is not None:
            sources["start"] = [TensorSource(start.batch(soft=self.labels == "soft"))] * self.seeds
        for name in self.baselines:
            if name == "start" or (real.is_stream and name != "random"):
                continue  # what is not random needs random access
            if name == "random":
                draws = [BASELINES[name](real, spec, count, streams) for streams in self._streams()]
                sources[name] = [TensorSource(draw) for draw in draws]
            else:
                sources[name] = [TensorSource(BASELINES[name](real, spec, count, self._streams()[0]))] * self.seeds
        if self.full:
            sources["full"] = [SplitSource(real.train, spec)] * self.seeds
        return sources

    def _measure(
        self,
        architecture: Architecture,
        sources: dict[str, list[Source]],
        recipes: dict[str, Recipe],
        spec: DataSpec,
        test: Split,
        metrics: dict[str, Callable[[Tensor, Tensor], float]],
        device: torch.device,
        advance: Callable[[int], object],
    ) -> dict[str, dict[str, list[float]]]:
        """Return the values of every seed, by metric and by the name of the source."""
        scores: dict[str, dict[str, list[float]]] = {metric: {} for metric in metrics}
        streams = self._streams()
        jobs: dict[tuple[int, bool], list[tuple[str, int]]] = {}
        for name, group in sources.items():
            # Sets of one length train together, the distilled one and its baselines alike if their labels are.
            own = name == "full" or (name in ("distilled", "start") and self.labels == "soft")
            jobs.setdefault((len(group[0]), own), []).extend((name, k) for k in range(self.seeds))
        for members in jobs.values():
            for start in range(0, len(members), _MAX_GROUP):
                part = members[start : start + _MAX_GROUP]
                built = [
                    architecture.build(spec.shape, spec.num_classes, streams[k].seed_for("network")) for _, k in part
                ]
                names = [f"{architecture.label} on the {name} data, seed {self.seed}, network {k}" for name, k in part]
                recipe = recipes[part[0][0]]
                train_networks(
                    built,
                    [sources[name][k] for name, k in part],
                    [streams[k] for _, k in part],
                    recipe=recipe,
                    device=device,
                    strategy=self.strategy,
                    compile=self.compile,
                    progress=advance,
                    names=names,
                )
                outputs = predict(built, test, spec, device)
                check_outputs(names, outputs, recipe)
                for (name, _), logits in zip(part, outputs, strict=True):
                    for metric, function in metrics.items():
                        scores[metric].setdefault(name, []).append(function(logits, test.labels))
        return scores

    def _protocol(
        self, networks: Sequence[Architecture], spec: DataSpec, real: RealData, test: Split, samples: int
    ) -> dict[str, Any]:
        return {
            "reads": "config default of the published files",
            "reported": "last epoch",
            "std": "sample standard deviation over the seeds",
            "random": "real samples of equal size in bits, a fresh draw for each seed",
            "class_mean": "one sample a class",
            "start": "the method's own initial samples, stored as the set is",
            "kmeans, herding": "as many real samples of each class, by their pixels",
            "samples": samples,
            "test_rows": len(test),
            "test_split": real.spec.source.get("test_split"),
            "networks": [network.config() for network in networks],
            "recipe": self.recipe.config() | {"epochs": self.recipe.total_epochs},
            "full_steps": self.full_steps if self.full else None,
            "seed": self.seed,
            "torch": torch.__version__,
        }
