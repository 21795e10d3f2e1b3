"""ClassificationEvaluator: the accuracy of networks that are trained on a published set."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Annotated, Any, Literal

from typing_extensions import Self

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.baselines import BASELINES, check_baselines
from hf_distill.evaluation.contenders import Contender, baselines
from hf_distill.evaluation.features import FeatureMetrics
from hf_distill.evaluation.protocol import protocol
from hf_distill.evaluation.published import check_match, learned_rate, read_published
from hf_distill.evaluation.result import Evaluation
from hf_distill.evaluation.scores import Harmed, metric_rows
from hf_distill.evaluation.size import size_row
from hf_distill.evaluation.teaching import Teaching, hard
from hf_distill.evaluation.training import ContenderTraining
from hf_distill.evaluation.tuning import RecipeSearch
from hf_distill.evaluation.whitening import whitened_set
from hf_distill.exchange.scales import WHITENINGS
from hf_distill.exchange.whitening import whitened_spec
from hf_distill.features.base import Extractor
from hf_distill.features.network import NetworkFeatures
from hf_distill.features.pixels import PixelFeatures
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.metrics import METRICS, TARGET_METRICS, load_metric
from hf_distill.networks.base import Architecture
from hf_distill.networks.cost import find_device
from hf_distill.networks.default import default_network
from hf_distill.options import Device, Few, NotEmpty, OneOf, PositiveInt, Range, Seed
from hf_distill.progress import progress_bar
from hf_distill.robustness.robustness import Robustness
from hf_distill.seeding import Streams
from hf_distill.training.optimizers import SGD
from hf_distill.training.plan import Compile, Strategy
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Cosine
from hf_distill.training.teacher import Teacher

# Of a sketch: training steps, and the learning rate as a multiple of the recipe's.
_QUICK_STEPS, _QUICK_RATE = 300, 3.0
# Networks of a sketch; as many as the field's where recipes are chosen, which takes longer than all that they take.
_QUICK_NETWORKS, _QUICK_CHOSEN = 3, 5


class ClassificationEvaluator(Evaluator[RealData]):
    """How well networks do that are trained on a published set of samples: accuracy, where it has classes.

    Every seed is a fresh network; with one seed the distilled set and its baselines start from the same weights. All
    baselines are as many real samples as take the bits of the set, which are those that a reader downloads to train on
    it. ``random`` is a fresh draw for each seed; ``kmeans`` and ``herding`` choose in the features of a trained
    network, as the field does; ``class_mean`` is one sample a class whatever the set holds.

    Args:
        networks: Architectures; by default the field's ConvNet for images and an MLP for vectors.
        seeds: Networks of each architecture and training set.
        recipe: How they are trained; null for ``Recipe`` as it is.
        baselines: Any of ``start`` (what the method started from, where that is known), ``random``, ``kmeans`` (the
            samples closest to the centres of as many clusters), ``kmeans_pixels`` (the same by distances of pixels),
            ``herding``, ``class_mean``.
        full: Networks trained on all real data, for the upper limit; 0 or false for none, true for as many as seeds.
        full_steps: Steps of that training at most, and an epoch at least.
        features: The space that ``kmeans`` and ``herding`` choose in; null for the network that was trained on all
            training rows, the first one of the row ``full``.
        tuning: Choose learning rate and steps of every training set on held-out training rows; null trains all by the
            recipe as it is.
        learned_rate: Train on the set with the learning rate that was learned with it, all else by the recipe.
        labels: ``hard``; ``soft``: those of a set that stores the probabilities of its classes; or ``taught``: those
            that ``teacher`` gives while networks train, to samples as the recipe's augmentation shows them. Its bytes
            then count.
        teacher: Of labels other than hard ones, another baseline, ``same_labels``: as many random real samples as the
            set has, with labels of this teacher of the same kind; null measures none.
        metrics: Of classes ``accuracy``, ``top3_accuracy``, ``top5_accuracy``, ``macro_f1``, ``balanced_accuracy``, or
            what ``evaluate.load`` takes; of several labels ``label_f1``, ``mean_average_precision``; of real values
            ``r2``, ``mse``, ``mae``. Null for ``accuracy``, and for all of the others.
        feature_metrics: Distances to real samples in a feature space (FID and others); None measures none.
        robustness: Attacks and corruptions of test images, for every network of the table; null for none.
        whitening: Train and test on whitened images, for a set that was learned on such: ``zca`` as in MTT, DATM and
            DD-Ranking, ``zca_frepo`` or ``zca_rfad``, by the training rows. The set's exact samples count, of config
            ``codes``. Null whitens nothing.
        seed: Seed of the first network; the others follow from it.
        device: ``auto`` takes a GPU where there is one.
        strategy: Train networks ``together`` in one step, ``side_by_side`` in processes of one thread each (as many as
            there are cores, or ``OMP_NUM_THREADS``), or ``sequential``; ``auto`` chooses by measured rules.
        compile: ``torch.compile``: ``always``, ``never``, or ``auto`` where the training is long.

    Examples:
        >>> from hf_distill import ClassificationEvaluator, ConvNet
        >>> ClassificationEvaluator(networks=[ConvNet(width=32)], seeds=2, baselines=["random"]).baselines
        ['random']
    """

    def __init__(
        self,
        *,
        networks: list[Architecture] | None = None,
        seeds: Few = 5,
        recipe: Recipe | None = None,
        baselines: list[str] = ["start", *BASELINES],  # noqa: B006 - never changed
        full: bool | Annotated[int, Range(0, 10_000)] = 1,
        full_steps: PositiveInt = 2000,
        features: Extractor | None = None,
        tuning: RecipeSearch | None = None,
        learned_rate: bool = False,
        labels: Literal["hard", "soft", "taught"] = "hard",
        teacher: Teacher | None = None,
        metrics: Annotated[list[str], NotEmpty()] | None = None,
        feature_metrics: FeatureMetrics | None = None,
        robustness: Robustness | None = None,
        whitening: Annotated[str, OneOf(tuple(WHITENINGS))] | None = None,
        seed: Seed = 0,
        device: Device = "auto",
        strategy: Strategy = "auto",
        compile: Compile = "auto",
    ) -> None:
        self.networks = networks
        self.seeds = seeds
        self.recipe = self._recipe = Recipe() if recipe is None else recipe
        self.baselines = baselines
        self.full = full
        self.full_steps = full_steps
        self.features = features
        self.tuning = tuning
        self.learned_rate = learned_rate
        self.labels = labels
        self.teacher = teacher
        self.metrics = metrics
        self.feature_metrics = feature_metrics
        self.robustness = robustness
        self.whitening = whitening
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
        other.baselines, other.full, other.feature_metrics = [], 0, None
        return other

    def quick(self) -> Self:
        """See :class:`Evaluator`: three networks, and 300 steps, for which a higher rate makes up in part.

        Where recipes are chosen it has five networks and trains by the choice.
        """
        other = copy(self)
        other._sketch, other.full_steps = True, min(self.full_steps, _QUICK_STEPS)
        other.seeds = min(self.seeds, _QUICK_NETWORKS if self.tuning is None else _QUICK_CHOSEN)
        other.baselines = [name for name in self.baselines if name in ("start", "random", "kmeans")]
        if self.tuning is None and isinstance(self.recipe.optimizer, SGD):
            other.recipe = copy(self.recipe)
            other.recipe.steps, other.recipe.schedule = _QUICK_STEPS, Cosine()
            other.recipe.optimizer = self.recipe.optimizer.with_rate(_QUICK_RATE * self.recipe.lr)
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
        device = find_device(self.device)
        distilled = read_published(artifact)
        real.setup(device)
        if real.spec.kind == "rows":
            raise UserError("whole rows have no target to measure: choose RowsEvaluator")
        spec = distilled.spec
        check_match(spec, real.spec)
        names = self.metrics or TARGET_METRICS[spec.target]
        metrics = {name: load_metric(name) for name in names}
        self._recipe = self.recipe.suited(spec)
        teaching = Teaching.of(self.labels, self._recipe, self.teacher, real)
        rate = learned_rate(distilled, self._recipe.optimizer) if self.learned_rate else None
        test = real.test
        if self.robustness is not None:
            self.robustness.check(spec)
            if self.whitening is not None:
                raise UserError("attacks are on pixels, and networks would see whitened ones: leave one out")
        networks = self.networks or [default_network(spec)]
        features = None
        if self.feature_metrics is not None:  # first, since what cannot be measured shows at once
            features = self.feature_metrics.measure(distilled, real, networks[0], self._streams(), device)
        if self.whitening is not None:
            spec = whitened_spec(spec, self.whitening, real.train)
            distilled, start = whitened_set(distilled, spec), None if start is None else whitened_set(start, spec)
        contenders = self._contenders(distilled, start, real, networks[0], teaching)
        full = 0 if real.is_stream else self.seeds if self.full is True else int(self.full)
        harmed = Harmed(self.robustness, test, spec, device, Streams(self.seed))
        rows = []
        with progress_bar(
            self._steps(contenders, full, real) * len(networks), "evaluating", "step", disable=not progress
        ) as bar:
            training = ContenderTraining(
                spec, self._streams(), device, self.strategy, self.compile, bar.update, harmed.look
            )
            for network in networks:
                bar.set_postfix_str(network.label)
                recipes, chosen = self._recipes(network, contenders, real, training, teaching)
                if rate is not None:
                    recipes["distilled"] = recipes["distilled"].with_rate(rate)
                outputs = training.outputs(network, contenders, recipes, test)
                about: dict[str, Any] = {"network": network.label, "labels": self.labels, "seeds": self.seeds}
                about |= {"sets": 1, "samples": len(distilled), **size_row(distilled, self.labels == "soft")}
                about["bits"] += teaching.bits
                about |= teaching.about()
                if full:
                    recipe = self._full_recipe(real)
                    outputs["full"] = training.full_outputs(network, full, real, recipe)
                    about |= {"full_networks": full, "full_steps": recipe.total_steps(len(real.train))}
                if chosen:
                    about["recipes"] = chosen
                if rate is not None:
                    about["learned_rate"] = rate
                sizes = {
                    name: {"samples": own.samples, "bits": own.bits}
                    for name, own in contenders.items()
                    if name != "distilled"
                }
                rows += metric_rows(outputs, test, metrics, sizes, about) + harmed.rows(sizes, about)
        evaluation = Evaluation(protocol(self, networks, real, len(distilled)), rows, features=features)
        if output is not None:
            evaluation.save(output)
        return evaluation

    def _recipes(
        self,
        network: Architecture,
        contenders: dict[str, Contender],
        real: RealData,
        training: ContenderTraining,
        teaching: Teaching,
    ) -> tuple[dict[str, Recipe], dict[str, Any]]:
        """Return the recipe of each training set, and what a row says of it where it was chosen."""
        if self.tuning is None:
            return {name: teaching.recipe_for(own).for_samples(own.samples) for name, own in contenders.items()}, {}
        recipes: dict[str, Recipe] = {}
        said: dict[str, dict[str, Any]] = {}
        for name, (setting, score) in training.search(
            self.tuning, network, contenders, teaching.recipe_for, real
        ).items():
            samples = contenders[name].samples
            own = recipes[name] = teaching.recipe_for(contenders[name]).scaled(setting.lr, setting.steps, samples)
            said[name] = {"lr": own.lr, "steps": own.total_steps(samples), "held_out": score}
            if (metric := TARGET_METRICS[real.spec.target][0]) != "accuracy":
                said[name]["score"] = metric
        return recipes, said

    def _steps(self, contenders: dict[str, Contender], full: int, real: RealData) -> int:
        """Return about how many steps the networks of one architecture are trained for."""
        own = [self._recipe.total_steps(contender.samples) for contender in contenders.values()]
        search = sum(self.tuning.work(steps) for steps in own) if self.tuning else 0
        full_steps = self._full_recipe(real).total_steps(len(real.train)) if full else 0
        return round(self.seeds * sum(own) + search) + full * full_steps

    def _streams(self) -> list[Streams]:
        return [Streams(self.seed, step=k) for k in range(self.seeds)]

    def _full_recipe(self, real: RealData) -> Recipe:
        """Return the recipe with its steps on all of the real data."""
        recipe = hard(self._recipe)
        recipe.steps = min(self.full_steps, self._recipe.total_steps(len(real.train)))
        return recipe

    def _contenders(
        self,
        distilled: DistilledDataset,
        start: DistilledDataset | None,
        real: RealData,
        network: Architecture,
        teaching: Teaching,
    ) -> dict[str, Contender]:
        """Return what is trained on by name."""
        begun = start if "start" in self.baselines else None
        found = teaching.contenders(distilled, begun, real, self._streams())
        extractor = self.features or PixelFeatures()
        if self.features is None and not real.is_stream:
            recipe = self._full_recipe(real)
            extractor = NetworkFeatures(network=network, steps=recipe.steps or 0, recipe=recipe, seed=self.seed)
        bits = found["distilled"].bits
        return found | baselines(self.baselines, real, distilled, bits, self._streams(), extractor)
