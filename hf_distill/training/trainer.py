"""Training fresh networks on small sets, several seeds at once where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import torch
from torch import Tensor, nn

from hf_distill.augment.siamese import AugmentParams, SiameseAugment
from hf_distill.data.batch import Batch
from hf_distill.networks.cost import one_thread
from hf_distill.seeding import Streams
from hf_distill.training.plan import TOGETHER_MOST, Compile, Plan, Strategy, make_plan
from hf_distill.training.recipe import Recipe
from hf_distill.training.source import Source
from hf_distill.training.step import CompiledLoss, Loss, single_loss, stacked_loss, unstack
from hf_distill.training.watch import Watch
from hf_distill.training.workers import side_by_side

# Epochs between two looks at the loss; each look waits for the GPU.
CHECK_EVERY = 25


def train_networks(
    networks: Sequence[nn.Module],
    sources: Sequence[Source],
    streams: Sequence[Streams],
    *,
    recipe: Recipe,
    device: torch.device | str = "cpu",
    strategy: Strategy = "auto",
    compile: Compile = "auto",
    progress: Callable[[int], object] | None = None,
    names: Sequence[str] = (),
) -> Plan:
    """Train networks of one architecture in place; they end on ``device`` in evaluation mode.

    What a network becomes depends on its own start, source and streams alone, not on how many train beside it (up to
    the rounding of floating-point sums).

    Args:
        networks: Freshly built networks.
        sources: What each of them is trained on. One long set may be given several times.
        streams: The randomness of each: order of the samples and augmentation.
        recipe: How to train.
        device: Where to train.
        strategy: ``side_by_side`` trains each in a process of its own, on one thread, as many at once as there are
            cores; ``together`` several in one step (``torch.func``), which needs sources of equal length;
            ``sequential`` one after the other, on torch's threads. ``auto`` chooses by rules that were measured.
        compile: ``always``, ``never``, or ``auto``: where the training is long enough to win its time back.
        progress: Called with the number of finished epochs, summed over networks.
        names: What each of them is, for an error: ``ConvNet on the random data, seed 2``.

    Returns:
        The plan that was followed.

    Raises:
        DivergenceError: The training of one diverged: its loss or its weights are not finite, or in the last epoch its
            loss is far above that of guessing.
    """
    names = names or [f"network {k}" for k in range(len(networks))]
    device = torch.device(device)
    networks = [network.to(device).train() for network in networks]
    length = len(sources[0])
    probe = sources[0].batch(torch.zeros(1, dtype=torch.long)).x.to(device)
    plan = make_plan(
        networks[0],
        probe,
        batch=min(recipe.batch_size, length),
        steps=recipe.total_epochs * recipe.steps_per_epoch(length) * len(networks),
        count=len(networks),
        same_length=all(len(source) == length for source in sources),
        device=device,
        strategy=strategy,
        compile=compile,
    )
    size = 1
    if plan.together:
        size = TOGETHER_MOST if device.type == "cpu" else len(networks)
    groups = [
        _Group(networks[k : k + size], sources[k : k + size], streams[k : k + size], names[k : k + size])
        for k in range(0, len(networks), size)
    ]
    train = partial(_train, recipe=recipe, device=device, plan=plan, call=uuid4().hex)
    states = side_by_side(train, groups, plan.workers, progress)
    for group, state in zip(groups, states, strict=True):
        for network, own in zip(group.networks, state, strict=True):
            network.load_state_dict(own)
            network.eval()
    return plan


@dataclass(frozen=True)
class _Group:
    """Networks in one loop of training, and what is theirs."""

    networks: Sequence[nn.Module]
    sources: Sequence[Source]
    streams: Sequence[Streams]
    names: Sequence[str]


def _train(
    group: _Group, progress: Callable[[int], object], *, recipe: Recipe, device: torch.device, plan: Plan, call: str
) -> list[dict[str, Tensor]]:
    """Train the networks of a group and return their states.

    Args:
        call: Names the call of :func:`train_networks`: its networks share one compilation.
    """
    networks = group.networks
    if plan.together:
        parameters, buffers, loss = stacked_loss(networks, recipe)
    else:
        compiled = _compiled(networks[0], recipe, plan.required, call) if plan.compiled else None
        parameters, loss = single_loss(networks[0], recipe, compiled)
    devices = [device] if device.type == "cuda" else []
    # Layers that draw for themselves (dropout) use torch's global generator.
    with one_thread(plan.one_thread), torch.random.fork_rng(devices=devices):
        torch.manual_seed(group.streams[0].seed_for("layers"))
        watch = Watch(group.names, recipe, device)
        generators = [streams.generator("training") for streams in group.streams]
        _fit(list(parameters.values()), loss, group.sources, generators, recipe, device, progress, watch)
    if plan.together:
        unstack({**parameters, **buffers}, networks)
    for network in networks:
        network.eval()
    watch.check_end(networks, group.sources[0].batch(torch.zeros(1, dtype=torch.long)).x.to(device))
    return [network.state_dict() for network in networks]


_last: tuple[str, CompiledLoss] | None = None


def _compiled(network: nn.Module, recipe: Recipe, required: bool, call: str) -> CompiledLoss:
    """Return the compiled loss of a call, made when its first network in this process needs it."""
    global _last
    if _last is None or _last[0] != call:
        _last = call, CompiledLoss(network, recipe, required)
    return _last[1]


def _fit(
    parameters: list[Tensor],
    loss: Loss,
    sources: Sequence[Source],
    generators: Sequence[torch.Generator],
    recipe: Recipe,
    device: torch.device,
    progress: Callable[[int], object],
    watch: Watch,
) -> None:
    optimizer = recipe.make_optimizer(parameters)
    epochs = recipe.total_epochs
    size = min(recipe.batch_size, len(sources[0]))
    whole = [_move(s.batch(torch.arange(len(s))), device) for s in sources] if size == len(sources[0]) else None
    fixed = _stack(whole) if whole is not None else None
    for epoch in range(epochs):
        watch.begin(epoch)
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(epoch)
        for data in [fixed] if fixed is not None else _batches(sources, generators, size, device):
            x = data.x if recipe.augment is None else _augment(recipe.augment, data.x, generators)
            optimizer.zero_grad()
            losses = loss(x, data.y, data.w)
            # The sum, so that each network's gradient is its own loss's.
            losses.sum().backward()
            optimizer.step()
            watch.step(losses.detach(), data.w)
        if (epoch + 1) % CHECK_EVERY == 0 or epoch + 1 == epochs:
            watch.check(epoch + 1)
        progress(len(sources))


def _batches(
    sources: Sequence[Source], generators: Sequence[torch.Generator], size: int, device: torch.device
) -> Iterator[Batch]:
    """Yield the batches of an epoch: equal ones, since a remainder of a few samples is a step of noise."""
    orders = [torch.randperm(len(source), generator=g) for source, g in zip(sources, generators, strict=True)]
    parts = -(-len(orders[0]) // size)
    for rows in zip(*(order.tensor_split(parts) for order in orders), strict=True):
        yield _stack([_move(s.batch(r), device) for s, r in zip(sources, rows, strict=True)])


def _move(batch: Batch, device: torch.device) -> Batch:
    return Batch(batch.x.to(device), batch.y.to(device), batch.w.to(device))


def _stack(batches: Sequence[Batch]) -> Batch:
    """Put one batch a network into one with a leading axis of networks."""
    if len(batches) == 1:
        return Batch(*(t.unsqueeze(0) for t in (batches[0].x, batches[0].y, batches[0].w)))
    return Batch(*(torch.stack(t) for t in ([b.x for b in batches], [b.y for b in batches], [b.w for b in batches])))


def _augment(augment: SiameseAugment, x: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
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
