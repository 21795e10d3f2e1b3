"""Training networks, several of them at once where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import torch
from torch import nn

from hf_distill.errors import DivergenceError
from hf_distill.seeding import Streams
from hf_distill.training.fitting import Group, Measure, fit_group
from hf_distill.training.keeping import Keeper
from hf_distill.training.plan import TOGETHER_MOST, Compile, Plan, Strategy, make_plan
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import Source
from hf_distill.training.workers import side_by_side


@dataclass(frozen=True)
class Trained:
    """What came of networks, in their order.

    Attributes:
        plan: How they were trained.
        seconds: What each one's training took.
        measured: What was asked of each.
        errors: Why one is no result, or None.
    """

    plan: Plan
    seconds: list[float]
    measured: list[Any]
    errors: list[DivergenceError | None]


def train_networks(
    networks: Sequence[nn.Module],
    sources: Sequence[Source],
    streams: Sequence[Streams],
    *,
    recipe: Recipe | Sequence[Recipe],
    device: torch.device | str = "cpu",
    strategy: Strategy = "auto",
    compile: Compile = "auto",
    progress: Callable[[int], object] | None = None,
    names: Sequence[str] = (),
    measure: Measure | None = None,
    work: float = 0.0,
    tolerant: bool = False,
    keeper: Keeper | None = None,
) -> Trained:
    """Train networks of one architecture in place; they end on ``device`` in evaluation mode.

    What a network becomes depends on its own start, source and streams alone, not on how many train beside it (up to
    the rounding of floating-point sums).

    Args:
        networks: Freshly built networks.
        sources: What each of them is trained on. One long set may be given several times.
        streams: The randomness of each: order of the samples, augmentation and dropout.
        recipe: How to train all, or each of them.
        device: Where to train.
        strategy: ``side_by_side`` trains each in a process of its own, on one thread, as many at once as there are
            cores; ``together`` several in one step (``torch.func``), which needs sources of equal length;
            ``sequential`` one after the other, on torch's threads. ``auto`` chooses by rules that were measured.
        compile: ``always``, ``never``, or ``auto``: where the training is long enough to win its time back.
        progress: Called with the number of steps that were done, summed over networks.
        names: What each of them is, for an error: ``ConvNet on the random data, seed 2``.
        measure: What is asked of each trained network, where it was trained: picklable, as is its result.
        work: Floating-point operations of one measurement.
        tolerant: Return the errors of trainings that diverged instead of raising the first one.
        keeper: Keeps the state of the training, of a single network.

    Raises:
        DivergenceError: The training of one diverged: its loss or its weights are not finite, or in the last epoch its
            loss is far above that of guessing.

    Examples:
        >>> import torch
        >>> from hf_distill import MLP, Batch, Recipe, TensorSource, train_networks
        >>> from hf_distill.seeding import Streams
        >>> network, x = MLP(width=8).build((1,), 2, seed=0), torch.tensor([[-1.0], [1.0]])
        >>> source = TensorSource(Batch.of(x, torch.tensor([0, 1])))
        >>> trained = train_networks([network], [source], [Streams(0)], recipe=Recipe(epochs=300))
        >>> network(x).argmax(1)
        tensor([0, 1])
    """
    names = names or [f"network {k}" for k in range(len(networks))]
    device = torch.device(device)
    networks = [network.to(device).train() for network in networks]
    recipes = [recipe] * len(networks) if isinstance(recipe, Recipe) else list(recipe)
    lengths = [len(source) for source in sources]
    alike = len(set(lengths)) == 1 and all(own is recipes[0] for own in recipes)
    width = sources[0].width
    plan = make_plan(
        networks[0],
        sources[0].batch(torch.zeros(1, dtype=torch.long)).x.to(device),
        batch=max(min(own.batch(width), length) for own, length in zip(recipes, lengths, strict=True)),
        steps=sum(own.total_steps(length, width) for own, length in zip(recipes, lengths, strict=True)),
        count=len(networks),
        joins=alike and all(source.joins for source in sources),
        device=device,
        strategy=strategy,
        compile=compile,
        further=work * len(networks),
    )
    size = 1
    if plan.together:
        size = TOGETHER_MOST if device.type == "cpu" else len(networks)
    groups = [
        Group(networks[k : k + size], sources[k : k + size], streams[k : k + size], names[k : k + size], recipes[k])
        for k in range(0, len(networks), size)
    ]
    fit = partial(
        fit_group, device=device, plan=plan, call=uuid4().hex, measure=measure, tolerant=tolerant, keeper=keeper
    )
    # Long trainings first, so that no worker is left alone with one in the end.
    order = sorted(range(len(groups)), key=lambda k: -groups[k].steps())
    found = dict(zip(order, side_by_side(fit, [groups[k] for k in order], plan.workers, progress), strict=True))
    fitted = [own for k in range(len(groups)) for own in found[k]]
    for network, own in zip(networks, fitted, strict=True):
        if plan.workers > 1:
            network.load_state_dict(own.state)
        network.eval()
    return Trained(plan, [f.seconds for f in fitted], [f.measured for f in fitted], [f.error for f in fitted])
