"""A step of each objective, with its gradient, against a plain implementation of the same mathematics.

`python benchmarks/objective_step.py --path digits --depth 2`: both run in turn in this process and on the same threads,
so that their ratio holds on a noisy machine, and on the same draws, so that what they return is the same; distribution
matching alone draws otherwise. The plain ones are written as in the papers' code: loops over classes, layers and steps,
and PyTorch's own layers. One row more has the gradients of all classes together by `torch.func.vmap`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from dm_step import plain_step, stock
from record import save
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from hf_distill import ConvNet, DistributionMatching, PixelSet, RealData, SiameseAugment
from hf_distill.initialization import RealSamples
from hf_distill.learners.task import Supervised, task_of
from hf_distill.objectives import GradientMatching, KernelRegression, TrajectoryMatching, UnrolledMatching
from hf_distill.pools import FreshNetworks, TrainedOnSet
from hf_distill.seeding import Streams

Step = Callable[[PixelSet, RealData, Streams], Tensor]
LOSS = nn.functional.cross_entropy


class Plain:
    """The plain implementations.

    Args:
        network: What both look through.
        real_batch: Real images; of a class for gradient and distribution matching.
        steps: Of training, in trajectory and unrolled matching.
        lr: Their learning rate.
    """

    def __init__(self, network: ConvNet, real_batch: int, steps: int, lr: float) -> None:
        self.network, self.real_batch, self.steps, self.lr = network, real_batch, steps, lr

    def built(self, real: RealData, streams: Streams, *purpose: str | int) -> nn.Module:
        return stock(self.network.build_for(real.spec, streams.seed_for(*purpose)))

    def distribution(self, synthetic: PixelSet, real: RealData, streams: Streams) -> Tensor:
        return plain_step(synthetic, real, self.network, SiameseAugment(), self.real_batch, streams)

    def gradient(self, synthetic: PixelSet, real: RealData, streams: Streams) -> Tensor:
        net = self.built(real, streams, "network")
        parameters = list(net.parameters())
        loss = synthetic.pixels.new_zeros(())
        for label in range(real.spec.num_classes):
            batch = real.sample([label], self.real_batch, streams.generator("real", label))
            own = synthetic().y == label
            goal = [g.detach() for g in torch.autograd.grad(LOSS(net(batch.x), batch.y), parameters)]
            fake = LOSS(net(synthetic.pixels[own]), synthetic().y[own])
            for ours, theirs in zip(torch.autograd.grad(fake, parameters, create_graph=True), goal, strict=True):
                if ours.dim() > 1:
                    a, b = ours.flatten(1), theirs.flatten(1)
                    loss = loss + (1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-6)).sum()
        return loss

    def gradient_together(self, synthetic: PixelSet, real: RealData, streams: Streams) -> Tensor:
        net = self.built(real, streams, "network")
        weights = {name: value.detach() for name, value in net.named_parameters()}
        labels = range(real.spec.num_classes)
        batches = [real.sample([label], self.real_batch, streams.generator("real", label)) for label in labels]
        own = synthetic.pixels.unflatten(0, (len(labels), -1))

        def of_class(x: Tensor, y: Tensor) -> dict[str, Tensor]:
            return grad(lambda values: LOSS(functional_call(net, values, (x,)), y))(weights)

        goals = vmap(of_class)(torch.stack([batch.x for batch in batches]), torch.stack([b.y for b in batches]))
        found = vmap(of_class)(own, synthetic().y.unflatten(0, (len(labels), -1)))
        loss = synthetic.pixels.new_zeros(())
        for name, ours in found.items():
            if ours.dim() > 2:
                a, b = ours.flatten(2), goals[name].detach().flatten(2)
                loss = loss + (1 - (a * b).sum(2) / (a.norm(dim=2) * b.norm(dim=2) + 1e-6)).sum()
        return loss

    def kernel(self, synthetic: PixelSet, real: RealData, streams: Streams) -> Tensor:
        batch = real.draw(self.real_batch, streams.generator("real"))
        net = self.built(real, streams, "network")
        for parameter in net.parameters():
            parameter.requires_grad = False
        ours, theirs = (net.features(x).double() for x in (synthetic.pixels, batch.x))
        classes = real.spec.num_classes
        y, truth = (nn.functional.one_hot(y, classes) - 1 / classes for y in (synthetic().y, batch.y))
        within = ours @ ours.T
        ridge = 1e-6 * within.trace() / len(within) * torch.eye(len(within)).to(within)
        predicted = theirs @ ours.T @ torch.linalg.solve(within + ridge, y.to(within))
        return (predicted - truth).square().sum(1).mean() / 2

    def trajectory(self, synthetic: PixelSet, real: RealData, streams: Streams) -> Tensor:
        net = self.built(real, streams, "network")
        start = nn.utils.parameters_to_vector(net.parameters()).detach()
        generator = streams.generator("real")

        def step(flat: Tensor, x: Tensor, y: Tensor, graph: bool) -> Tensor:
            loss = LOSS(functional_call(net, self.named(net, flat), (x,)), y)
            return flat - self.lr * torch.autograd.grad(loss, flat, create_graph=graph)[0]

        goal = start.clone().requires_grad_()
        for _ in range(self.steps):
            batch = real.draw(self.real_batch, generator)
            goal = step(goal, batch.x, batch.y, graph=False).detach().requires_grad_()
        flat = start.clone().requires_grad_()
        for _ in range(self.steps):
            flat = step(flat, synthetic.pixels, synthetic().y, graph=True)
        return (flat - goal.detach()).square().sum() / (start - goal.detach()).square().sum()

    def unrolled(self, synthetic: PixelSet, real: RealData, streams: Streams) -> Tensor:
        net = self.built(real, streams, "network", 0)
        flat = nn.utils.parameters_to_vector(net.parameters()).detach().requires_grad_()
        first, second = torch.zeros_like(flat), torch.zeros_like(flat)
        for count in range(1, self.steps + 1):
            loss = LOSS(functional_call(net, self.named(net, flat), (synthetic.pixels,)), synthetic().y)
            gradient = torch.autograd.grad(loss, flat, create_graph=True)[0]
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient.detach().square()
            scale = (second / (1 - 0.999**count) + 1e-10).sqrt()
            flat = flat - self.lr / (1 - 0.9**count) * first / scale
        generator = streams.generator("unroll", 0)
        batch = real.draw(self.real_batch, generator)
        return LOSS(functional_call(net, self.named(net, flat), (batch.x,)), batch.y)

    @staticmethod
    def named(net: nn.Module, flat: Tensor) -> dict[str, Tensor]:
        sizes = [parameter.numel() for parameter in net.parameters()]
        parts = flat.split(sizes)
        return {name: part.view_as(p) for (name, p), part in zip(net.named_parameters(), parts, strict=True)}


def objectives(network: ConvNet, real_batch: int, steps: int, lr: float) -> dict[str, nn.Module]:
    """Return ours, each by the name of its plain implementation."""
    fresh = FreshNetworks(network=network)
    training = TrainedOnSet(
        networks=[network], lifetime=steps, steps=steps, window="random", lr=lr, schedule="constant", batch=0
    )
    return {
        "distribution": DistributionMatching(pool=fresh, augment=SiameseAugment(), real_per_class=real_batch),
        "gradient": GradientMatching(pool=fresh, real_batch=real_batch),
        "kernel": KernelRegression(pool=fresh, real_batch=real_batch),
        "trajectory": TrajectoryMatching(
            pool=fresh, synthetic_steps=steps, real_steps=steps, lr=lr, real_batch=real_batch, pieces=False
        ),
        "unrolled": UnrolledMatching(pool=training, real_batch=real_batch, normalize_gradients=False),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", default="digits", help="the dataset: digits, or a folder or Hub id")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--per_class", type=int, default=1)
    parser.add_argument("--real_batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=10, help="of training, in trajectory and unrolled matching")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each, in turn")
    args = parser.parse_args()
    real = RealData(path=args.path).setup("cuda" if torch.cuda.is_available() else "cpu")
    assert isinstance(task_of(real), Supervised)
    synthetic = PixelSet(per_class=args.per_class)
    batch = RealSamples().draw(real, args.per_class, Streams(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    network = ConvNet(width=args.width, depth=args.depth)
    plain = Plain(network, args.real_batch, args.steps, 0.001)
    rows = []
    for name, objective in objectives(network, args.real_batch, args.steps, 0.001).items():
        kinds: dict[str, Step] = {
            "plain": getattr(plain, name),
            "ours": lambda s, r, streams, own=objective: torch.stack(list(own(s, r, streams).values())).sum(),
        }
        if name == "gradient":
            kinds["all classes together"] = plain.gradient_together
        rows += measured(name, kinds, synthetic, real, args.rounds)
    shape = "x".join(map(str, real.spec.shape))
    title = f"A step of each objective: {args.path.rstrip('/').split('/')[-1]} {shape}, {args.per_class} a class"
    note = (
        f"width {args.width}, depth {args.depth}, {args.real_batch} real images (of a class for gradients and "
        f"distributions), {args.steps} training steps in trajectory and unrolled matching"
    )
    save(f"objective_step_{args.path}", rows, title=title, note=note)


def measured(name: str, kinds: dict[str, Step], synthetic: PixelSet, real: RealData, rounds: int) -> list[dict]:
    """Return a row a kind: CPU time of a step, and how often the plain one's time it fits into."""
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    values: dict[str, float] = {}
    for round_ in range(rounds + 1):
        for kind, step in kinds.items():
            start = time.process_time()
            synthetic.zero_grad()
            loss = step(synthetic, real, Streams(0, step=round_))
            loss.backward()
            values[kind] = float(loss.detach()) + float(synthetic.pixels.grad.norm())
            if round_:  # the first one warms up
                times[kind].append(time.process_time() - start)
    found = []
    for kind, seconds in times.items():
        ratios = [slow / fast for slow, fast in zip(times["plain"], seconds, strict=True)]
        row = {"objective": name, "step": kind, "CPU ms (median)": 1e3 * statistics.median(seconds)}
        row |= {"speed-up (median)": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
        row["loss + |gradient|"] = values[kind]
        print(row, flush=True)
        found.append(row)
    return found


if __name__ == "__main__":
    main()
