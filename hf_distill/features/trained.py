"""Networks that were trained on all training rows of some data, each made once."""

from __future__ import annotations

import json
from collections.abc import Callable

import torch

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.networks.base import Architecture, FeatureNetwork
from hf_distill.seeding import Streams
from hf_distill.training.once import trained_for
from hf_distill.training.plan import Compile
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import SplitSource
from hf_distill.training.trainer import train_networks


def trained_on(
    real: RealData,
    architecture: Architecture,
    recipe: Recipe | None,
    streams: Streams,
    device: torch.device,
    spec: DataSpec | None = None,
    *,
    compile: Compile = "auto",
    progress: Callable[[int], object] | None = None,
    name: str = "the network on all real rows",
) -> FeatureNetwork:
    """Return a network in evaluation mode, trained on all training rows; asked for again, the same one.

    It belongs to whoever else asks for it too: train a copy on.

    Args:
        real: The data, with random access.
        architecture: What is trained.
        recipe: How; None leaves it as it was initialised.
        streams: The randomness of weights, order and augmentation.
        device: Where.
        spec: Whose statistics normalise; the data's own if None.
        compile: See :func:`train_networks`.
        progress: Called with the number of steps that were done.
        name: What it is, for an error.

    Raises:
        DivergenceError: The training diverged.
    """
    spec = spec or real.spec
    described = [
        architecture.config(),
        None if recipe is None else recipe.config(),
        [streams.seed, streams.rank, streams.step],
        [spec.mean, spec.std, getattr(spec, "whitening", "")],
        str(device),
    ]
    key = json.dumps(described, sort_keys=True)
    known = trained_for(real)
    if key in known:
        if recipe is not None and progress is not None:
            progress(recipe.total_steps(len(real.train)))
        return known[key]
    network = architecture.build_for(spec, streams.seed_for("network")).to(device).eval()
    if recipe is not None:
        recipe = recipe.for_samples(len(real.train))
        recipe = recipe.suited(spec)
        recipe.check(spec)
        train_networks(
            [network],
            [SplitSource(real.train, spec)],
            [streams],
            recipe=recipe,
            device=device,
            compile=compile,
            progress=progress,
            names=[name],
        )
    known[key] = network
    return network
