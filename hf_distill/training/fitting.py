"""The one loop in which networks are trained that nothing is differentiated through."""

from __future__ import annotations

import copy
import io
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.augment.base import Augment, AugmentParams
from hf_distill.data.batch import Batch
from hf_distill.errors import DivergenceError
from hf_distill.networks.cost import one_thread
from hf_distill.seeding import Streams
from hf_distill.training.keeping import Keeper, TrainingState
from hf_distill.training.plan import Plan
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import Source
from hf_distill.training.step import CompiledLoss, StepLoss, single_loss, stacked_loss, unstack
from hf_distill.training.watch import Watch, remedy

# Steps between two looks at the loss; each look waits for the GPU.
_CHECK_EVERY = 50
# Compiled losses that a process keeps.
_MOST_COMPILED = 8

Measure = Callable[[nn.Module], Any]
"""What is asked of a trained network, where it was trained."""


@dataclass(frozen=True)
class Group:
    """Networks in one loop, and what is theirs.

    Attributes:
        networks: One; or several of one architecture, whose sources are equally long.
        sources: What each is trained on.
        streams: The randomness of each.
        names: What each is, for an error.
        recipe: How all of them are trained.
    """

    networks: Sequence[nn.Module]
    sources: Sequence[Source]
    streams: Sequence[Streams]
    names: Sequence[str]
    recipe: Recipe

    def steps(self) -> int:
        """Return the steps of the loop."""
        return self.recipe.total_steps(len(self.sources[0]), self.sources[0].width)


@dataclass(frozen=True)
class Fitted:
    """What came of one network.

    Attributes:
        state: Its ``state_dict``.
        seconds: Of its loop; of networks in one loop, the share of each.
        measured: What was asked of it.
        error: Why it is no result.
    """

    state: dict[str, Tensor]
    seconds: float = 0.0
    measured: Any = None
    error: DivergenceError | None = None


def fit_group(
    group: Group,
    progress: Callable[[int], object],
    *,
    device: torch.device,
    plan: Plan,
    call: str,
    measure: Measure | None = None,
    tolerant: bool = False,
    keeper: Keeper | None = None,
    snapshot: Callable[[dict[str, Tensor]], object] | None = None,
) -> list[Fitted]:
    """Train the networks of a group in place; they end in evaluation mode.

    Args:
        group: The networks.
        progress: Called with the number of steps that were done, summed over networks.
        device: Where they are.
        plan: How.
        call: Names the call of :func:`train_networks`: its networks share one compilation, with those of other calls
            that are the same.
        measure: What is asked of each.
        tolerant: Return an error with its network.
        keeper: Keeps the state of a training of one network.
        snapshot: Called after every epoch with the weights by name, ``(K, ...)``, which go on changing.

    Raises:
        DivergenceError: The training of one diverged.
        Interrupted: The keeper has stopped it.
    """
    networks = group.networks
    # Of several in one loop the others are trained again where one diverges.
    fresh = copy.deepcopy([network.state_dict() for network in networks]) if tolerant and len(networks) > 1 else []
    try:
        # Layers that draw for themselves (dropout) use torch's global generator.
        devices = [device] if device.type == "cuda" else []
        with one_thread(plan.one_thread), torch.random.fork_rng(devices=devices):
            seconds = _fit(group, progress, device, plan, call, keeper, snapshot) / len(networks)
            asked = [_ask(measure, *own, group.recipe) for own in zip(networks, group.names, strict=True)]
        return [Fitted(own.state_dict(), seconds, one) for own, one in zip(networks, asked, strict=True)]
    except DivergenceError as error:
        if not tolerant:
            raise
        if not fresh:
            return [Fitted(networks[0].state_dict(), error=error)]
    for network, state in zip(networks, fresh, strict=True):
        network.load_state_dict(state)
        network.train()
    options: dict[str, Any] = {"plan": replace(plan, together=False), "device": device, "call": call}
    options |= {"measure": measure, "tolerant": True}
    return [own for one in _apart(group) for own in fit_group(one, lambda steps: None, **options)]


def _ask(measure: Measure | None, network: nn.Module, name: str, recipe: Recipe) -> Any:
    try:
        return None if measure is None else measure(network)
    except DivergenceError as error:
        raise DivergenceError(f"{name}: {error}: {remedy(recipe)}") from error


def _apart(group: Group) -> list[Group]:
    return [
        Group([network], [group.sources[k]], [group.streams[k]], [group.names[k]], group.recipe)
        for k, network in enumerate(group.networks)
    ]


def _fit(
    group: Group,
    progress: Callable[[int], object],
    device: torch.device,
    plan: Plan,
    call: str,
    keeper: Keeper | None,
    snapshot: Callable[[dict[str, Tensor]], object] | None,
) -> float:
    networks, recipe = group.networks, group.recipe
    if plan.together:
        parameters, buffers, loss = stacked_loss(networks, recipe.loss)
    else:
        compiled = _compiled(group, plan.required, call) if plan.compiled and recipe.loss.compiles else None
        parameters, loss = single_loss(networks[0], recipe.loss, compiled)
    source = group.sources[0]
    per_epoch = recipe.steps_per_epoch(len(source), source.width)
    steps = group.steps()
    torch.manual_seed(group.streams[0].seed_for(*source.layers))
    watch = Watch(group.names, recipe, steps, min(steps, per_epoch), device)
    stack = {name: value.detach() if plan.together else value.detach()[None] for name, value in parameters.items()}
    take = None if snapshot is None else partial(snapshot, stack)
    start = time.perf_counter()
    last = _descend(list(parameters.values()), loss, group, steps, per_epoch, device, progress, watch, keeper, take)
    seconds = time.perf_counter() - start
    if plan.together:
        unstack({**parameters, **buffers}, networks)
    for network in networks:
        network.eval()
    watch.check_end(networks, last.x[0], last.y[0])
    return seconds


class _Pickler(pickle.Pickler):
    """Writes tensors by what they hold: torch writes where they are in memory too."""

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Tensor):
            return NotImplemented
        held = None if obj.is_meta else obj.detach().cpu().numpy().tobytes()
        return tuple, ((str(obj.dtype), tuple(obj.shape), obj.requires_grad, held),)


def _structure(network: nn.Module) -> bytes:
    """Return what is equal of networks that do the same, whatever their weights."""
    written = io.BytesIO()
    _Pickler(written).dump(network)
    return written.getvalue()


_compiled_losses: dict[object, CompiledLoss] = {}


def _compiled(group: Group, required: bool, call: str) -> CompiledLoss:
    """Return the compiled loss of a group's network, made when the first network like it in this process needs it."""
    network, recipe, source = group.networks[0], group.recipe, group.sources[0]
    try:
        # Tracing takes a second or two, and an evaluation calls for it once for every kind of training set.
        alike: object = _structure(copy.deepcopy(network).to("meta"))
    except (pickle.PicklingError, AttributeError, TypeError):  # somebody's own, made in a function
        alike = call
    # Sizes too: torch compiles a function for eight shapes and then no more.
    key = alike, str(recipe.loss.config()), len(source), recipe.batch(source.width), required
    if key not in _compiled_losses:
        while len(_compiled_losses) >= _MOST_COMPILED:
            del _compiled_losses[next(iter(_compiled_losses))]
        _compiled_losses[key] = CompiledLoss(network, recipe.loss, required)
    return _compiled_losses[key]


def _descend(
    parameters: list[Tensor],
    loss: StepLoss,
    group: Group,
    steps: int,
    per_epoch: int,
    device: torch.device,
    progress: Callable[[int], object],
    watch: Watch,
    keeper: Keeper | None,
    snapshot: Callable[[], object] | None,
) -> Batch:
    """Train and return the last batch."""
    recipe = group.recipe
    optimizer = recipe.optimizer.make(parameters)
    generators = [
        streams.generator(*source.order) for streams, source in zip(group.streams, group.sources, strict=True)
    ]
    batches = _batches(group.sources, recipe, generators, device)
    state = TrainingState(group.networks[0], optimizer, generators[0], watch, device)
    start = 0 if keeper is None else keeper.begin(state.set)
    if start:
        progress(start)
        for _ in range((start - 1) % per_epoch + 1):
            data = next(batches)
        state.go_on()
    for step in range(start, steps):
        if step % per_epoch == 0:
            state.begin_epoch()
        data = next(batches)
        for settings in optimizer.param_groups:
            settings["lr"] = recipe.rate(step, steps, per_epoch)
        x = data.x if recipe.augment is None else _augment(recipe.augment, data.x, generators)
        optimizer.zero_grad()
        losses = loss(x, data.y, data.w)
        # The sum, so that each network's gradient is its own loss's.
        losses.sum().backward()
        optimizer.step()
        watch.step(losses.detach(), data.w)
        if (step + 1) % _CHECK_EVERY == 0 or step + 1 == steps:
            watch.check()
        progress(len(group.networks))
        if keeper is not None:
            keeper.step(step + 1, state.get)
        if snapshot is not None and (step + 1) % per_epoch == 0:
            snapshot()
    return data


def _batches(
    sources: Sequence[Source], recipe: Recipe, generators: Sequence[torch.Generator], device: torch.device
) -> Iterator[Batch]:
    """Yield batches with a leading axis of networks, without end."""
    size = recipe.batch(sources[0].width)
    if all(source.repeats and len(source) <= size for source in sources):
        whole = _stack([source.batch(torch.arange(len(source))).to(device) for source in sources])
        while True:
            yield whole
    while True:
        epochs = [source.epoch(size, generator) for source, generator in zip(sources, generators, strict=True)]
        for batches in zip(*epochs, strict=True):
            yield _stack([batch.to(device) for batch in batches])


def _stack(batches: Sequence[Batch]) -> Batch:
    """Put one batch a network into one with a leading axis of networks."""
    if len(batches) == 1:
        return Batch(*(t.unsqueeze(0) for t in (batches[0].x, batches[0].y, batches[0].w)))
    return Batch(*(torch.stack(t) for t in ([b.x for b in batches], [b.y for b in batches], [b.w for b in batches])))


def _augment(augment: Augment, x: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Augment ``(K, B, C, H, W)``: every network draws from its own generator, every image has its own parameters."""
    params = [augment.sample(generator, x.shape[1]) for generator in generators]
    if len(params) == 1:
        return augment.apply(x[0], params[0]).unsqueeze(0)
    # Networks that drew the same operation share its call.
    out = torch.empty_like(x)
    for names in dict.fromkeys(p.names for p in params):
        rows = [k for k, p in enumerate(params) if p.names == names]
        images = augment.apply(x[rows].flatten(0, 1), AugmentParams.cat([params[k] for k in rows]))
        out[rows] = images.unflatten(0, (len(rows), x.shape[1]))
    return out
