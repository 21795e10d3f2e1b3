"""2x2 average pooling by pairs against PyTorch's kernel: a layer, and a ConvNet that holds it."""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from dm_step import stock
from record import save
from torch import nn

from hf_distill import ConvNet
from hf_distill.allocator import keep_freed_memory
from hf_distill.networks.layers import AvgPoolPairs


def seconds(module: nn.Module, x: torch.Tensor) -> float:
    """Return the time of a forward and a backward pass to the input."""
    x = x.clone().requires_grad_()
    start = time.perf_counter()
    module(x).sum().backward()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    keep_freed_memory()
    net = ConvNet(width=32).build((1, 28, 28), 10, 0).requires_grad_(False)
    plain = stock(ConvNet(width=32).build((1, 28, 28), 10, 0).requires_grad_(False))
    cases = {
        "pooling, 100 x 32 x 32 x 32": (AvgPoolPairs(32), nn.AvgPool2d(2), torch.randn(100, 32, 32, 32)),
        "ConvNet-3 of width 32, 100 images of 28 pixels": (net, plain, torch.randn(100, 1, 28, 28)),
    }
    rows = []
    for name, (ours, kernel, x) in cases.items():
        ratios = [seconds(kernel, x) / seconds(ours, x) for _ in range(args.rounds + 1)][1:]
        rows.append({"forward and backward": name, "speed-up (median)": statistics.median(ratios)})
        rows[-1] |= {"least": min(ratios), "most": max(ratios)}
        print(rows[-1])
    save("pooling", rows, title="2x2 average pooling by pairs against the kernel")


if __name__ == "__main__":
    main()
