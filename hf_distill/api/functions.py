"""distill, evaluate and load_config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_distill.api.inputs import as_data
from hf_distill.api.networks import as_network
from hf_distill.choosing.choose import choose
from hf_distill.choosing.size import size_of
from hf_distill.cli import distill as distilling
from hf_distill.cli.evaluating import measured, recorded
from hf_distill.cli.messages import build, parse
from hf_distill.configurations import configurations, locate
from hf_distill.data.base import Data
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.result import Evaluation
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.private import without_private_paths
from hf_distill.learners.task import task_of
from hf_distill.methods.callback import Callback
from hf_distill.methods.method import Method, Run
from hf_distill.networks.base import Architecture
from hf_distill.networks.cost import find_device
from hf_distill.networks.forecasters.base import Forecaster


@dataclass(frozen=True)
class Configuration:
    """What a configuration describes, made.

    Attributes:
        method: From data to a set.
        data: The data.
        evaluator: How the set is measured.
        seed: The seed of the run.

    Examples:
        >>> from hf_distill import load_config
        >>> config = load_config("dm_digits", "--method.steps=10")
        >>> config.method.steps, config.data.path, config.seed
        (10, 'digits', 0)
    """

    method: Method
    data: Data
    evaluator: Evaluator
    seed: int = 0


def load_config(name: str, *options: str) -> Configuration:
    """Return the parts that a configuration describes.

    Args:
        name: A YAML file, or one of those that ``hf-distill configs`` lists: ``dm_digits``.
        options: Further words of a command line: ``"--method.steps=10"``.

    Raises:
        UserError: There is none of that name, or an option is wrong.

    Examples:
        >>> from hf_distill import load_config
        >>> config = load_config("dm_digits", "--method.synthetic.per_class=5")
        >>> config.method.synthetic.per_class
        5
    """
    return _made([f"--config={locate(name)}", *options])


def distill(
    data: Any,
    *,
    size: str | None = None,
    per_class: int | None = None,
    network: Any = None,
    folder: str | Path | None = None,
    seed: int = 0,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> DistilledDataset:
    """Make a small set of any data: method, size, network and recipe are chosen as ``hf-distill distill DATA`` does.

    Args:
        data: What :func:`as_data` takes: a path, a Hub id, a ``Dataset``, a ``DatasetDict``, a ``DataFrame``, arrays
            ``(X, y)``, or ``RealData``.
        size: How small: ``50kB``, or ``1%`` of the rows.
        per_class: The same, in samples of each class.
        network: What the set is made and measured with, as :func:`as_network` takes it; by default the usual one.
        folder: Where the set is saved; it is not if None.
        seed: Of all randomness.
        progress: Show a progress bar.
        callbacks: Called while the set is made.

    Raises:
        UserError: The data cannot be read, the size is more than there is, or the network does not fit.

    Examples:
        >>> from hf_distill import distill
        >>> from sklearn.datasets import load_iris
        >>> distilled = distill(load_iris(return_X_y=True), per_class=2, progress=False)
        >>> len(distilled), distilled.spec.num_classes
        (6, 3)
    """
    asked = size_of([] if size is None else [size], [] if per_class is None else [str(per_class)])
    own = None if network is None else as_network(network)
    real = as_data(data)
    choice = choose(real, asked, find_device("auto"))
    made = _made([f"--config={configurations()[choice.config]}", *choice.options])
    if own is not None:
        _put(own, made, real)
    config = {"method": made.method.config(), "data": real.config(), "evaluator": made.evaluator.config(), "seed": seed}
    run = Run(seed=seed, progress=progress, config=without_private_paths(config), callbacks=callbacks)
    distilled = made.method.distill(real, run)
    if folder is not None:
        distilled.save_pretrained(folder)
    return distilled


def evaluate(
    artifact: str | Path | DistilledDataset,
    data: Any = None,
    *,
    networks: Sequence[Any] = (),
    quick: bool = False,
    progress: bool = True,
) -> Evaluation:
    """Measure a set by its own recipe, beside its baselines.

    Args:
        artifact: Its folder or Hub id.
        data: What it was made from, as :func:`distill` takes it; by default what its record names.
        networks: What is trained, as :func:`as_network` takes it; by default what its record names.
        quick: A sketch by few networks, trained briefly.
        progress: Show a progress bar.

    Raises:
        UserError: The record names what is not this library's, its data cannot be found, or a network does not fit.

    Examples:
        >>> from hf_distill import Coreset, RealData, evaluate
        >>> real = RealData()
        >>> distilled = Coreset(per_class=1).distill(real)
        >>> table = evaluate(distilled, real, quick=True, progress=False)  # doctest: +SKIP
        >>> table.to_pandas()  # doctest: +SKIP
    """
    own = [as_network(network) for network in networks]
    made = artifact if isinstance(artifact, DistilledDataset) else DistilledDataset.from_pretrained(artifact)
    objects = recorded(made, replaced=("networks",) if own else ())
    if own:
        objects.evaluator.networks = own
    real = objects.data if data is None else as_data(data)
    return measured(made, real, objects.evaluator.quick() if quick else objects.evaluator, progress)


def _put(network: Architecture | Forecaster, made: Configuration, real: Data) -> None:
    """Put a network in the place of the usual one, wherever a configuration that was chosen has one."""
    task_of(real).build(network, 0)  # refuses one that is not for such data
    method: Any = made.method
    places: list[Any] = [getattr(method, "features", None), getattr(getattr(method, "objective", None), "pool", None)]
    for place in places:
        if hasattr(place, "network"):
            place.network = network
    if hasattr(made.evaluator, "networks"):
        made.evaluator.networks = [network]


def _made(words: list[str]) -> Configuration:
    parser = distilling.build_parser()
    objects = build(parser, parse(parser, words))
    return Configuration(objects.method, objects.data, objects.evaluator, objects.seed)
