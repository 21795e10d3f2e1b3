"""Steps a second of distribution matching: ours against a plain loop over classes of the same mathematics.

Both run in turn in this process, on the same data, networks and threads, so that their ratio holds on a noisy
machine. The plain loop follows Zhao and Bilen (WACV 2023): for every class it draws real images, augments real and
synthetic ones with the same parameters and compares mean features, and it draws a new network for every step, made of
PyTorch's own layers.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from record import save
from torch import nn

from hf_distill import ConvNet, DistributionMatching, PixelSet, RealData, SiameseAugment
from hf_distill.initialization import RealSamples
from hf_distill.networks.layers import AvgPoolPairs
from hf_distill.pools import FreshNetworks
from hf_distill.seeding import Streams


def stock(net):
    """Put PyTorch's own pooling in the place of ours."""
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, AvgPoolPairs):
                setattr(parent, name, nn.AvgPool2d(2))
    return net


def plain_step(synthetic, real, network, augment, per_class, streams):
    """One step of the plain loop; returns its loss."""
    spec = real.spec
    net = stock(network.build(spec.shape, spec.num_classes, streams.seed_for("network")))
    for parameter in net.parameters():
        parameter.requires_grad = False
    loss = 0.0
    for label in range(spec.num_classes):
        batch = real.sample([label], per_class, streams.generator("real", label))
        params = augment.sample(streams.generator("augment"))
        images = synthetic.pixels[synthetic().y == label]
        real_features = net.features(augment.apply(batch.x, params)).detach()
        features = net.features(augment.apply(images, params))
        loss = loss + (real_features.mean(0) - features.mean(0)).square().sum()
    return loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", default="digits", help="the dataset: digits, or a folder or Hub id")
    parser.add_argument("--name", default=None, help="name of the result; the dataset's by default")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--per_class", type=int, default=10)
    parser.add_argument("--real_per_class", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each, in turn")
    parser.add_argument(
        "--steps", type=int, default=40, help="steps in a measurement of ours; a tenth of it for the loop"
    )
    parser.add_argument("--reuse", type=int, nargs="+", default=[1, 20], help="steps that a view is used for")
    args = parser.parse_args()

    real = RealData(path=args.path).setup("cuda" if torch.cuda.is_available() else "cpu")
    network, augment = ConvNet(width=args.width, depth=args.depth), SiameseAugment()
    synthetic = PixelSet(per_class=args.per_class)
    batch = RealSamples().draw(real, args.per_class, Streams(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    kinds = {"plain loop": lambda streams: plain_step(synthetic, real, network, augment, args.real_per_class, streams)}
    for reuse in args.reuse:
        matching = DistributionMatching(
            pool=FreshNetworks(network=network),
            augment=augment,
            real_per_class=args.real_per_class,
            views=1,
            reuse=reuse,
        )
        kinds[f"ours, reuse {reuse}"] = lambda streams, m=matching: m(synthetic, real, streams)["features"]
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for round_ in range(args.rounds + 1):
        for kind, step in kinds.items():
            count = max(1, args.steps // 10) if kind == "plain loop" else args.steps
            start = time.perf_counter()
            for index in range(count):
                synthetic.zero_grad()
                step(Streams(0, step=round_ * args.steps + index)).backward()
                float(synthetic.pixels.grad[0, 0, 0, 0])
            if round_:  # the first round warms up
                times[kind].append((time.perf_counter() - start) / count)
    rows = []
    for kind, seconds in times.items():
        ratios = [slow / fast for slow, fast in zip(times["plain loop"], seconds, strict=True)]
        rows.append(
            {
                "step": kind,
                "steps/s (median)": 1 / statistics.median(seconds),
                "speed-up (median)": statistics.median(ratios),
                "least": min(ratios),
                "most": max(ratios),
            }
        )
        print(rows[-1])
    shape = "x".join(map(str, real.spec.shape))
    title = f"A step of distribution matching: {args.path.rstrip('/').split('/')[-1]} {shape}, width {args.width}"
    save(f"dm_step_{args.name or real.spec.source['path']}", rows, title=title)


if __name__ == "__main__":
    main()
