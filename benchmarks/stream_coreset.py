"""Merge-and-reduce over a stream beside one pass of MiniBatchKMeans: time, memory and the error of k-means costs.

    python benchmarks/stream_coreset.py --rows 10_000_000

Features are made block by block, a mixture of Gaussians of unequal sizes with a few rows far out, so that no more than
a block is in memory; both passes are timed without the making. Memory is the process's peak after each part.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
import torch
from record import save
from sklearn.cluster import MiniBatchKMeans

from hf_distill.selection import MergeReduce

BLOCK = 2**15


def blocks(rows: int, width: int) -> Iterator[torch.Tensor]:
    """Yield the features of all rows, always the same ones."""
    centres = 4 * torch.randn(50, width, generator=torch.Generator().manual_seed(1))
    odds = 1 / torch.arange(1, 51).float()
    for place, first in enumerate(range(0, rows, BLOCK)):
        generator = torch.Generator().manual_seed(100 + place)
        count = min(BLOCK, rows - first)
        member = torch.multinomial(odds, count, replacement=True, generator=generator)
        x = centres[member] + torch.randn(count, width, generator=generator)
        x[torch.rand(count, generator=generator) < 1e-4] *= 10
        yield x


def peak() -> float:
    """Return the process's peak memory in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run both passes and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--centres", type=int, default=50)
    args = parser.parse_args()
    found = []
    for rows in sorted({max(args.rows // 10, BLOCK), args.rows}):
        stream, ours, theirs = MergeReduce(size=args.size, centres=args.centres, block=BLOCK), 0.0, 0.0
        clusters = MiniBatchKMeans(args.centres, batch_size=1024, random_state=0)
        for x in blocks(rows, args.width):
            started = time.perf_counter()
            stream.add(x)
            ours += time.perf_counter() - started
        started = time.perf_counter()
        coreset = stream.result()
        ours += time.perf_counter() - started
        memory = peak()
        for x in blocks(rows, args.width):
            started = time.perf_counter()
            for part in np.array_split(x.numpy(), max(1, len(x) // 1024)):
                clusters.partial_fit(part)
            theirs += time.perf_counter() - started
        queries = [torch.from_numpy(clusters.cluster_centers_).float()]
        queries += [
            x[torch.randperm(len(x))[: args.centres]] for x, _ in zip(blocks(rows, args.width), range(4), strict=False)
        ]
        full = torch.zeros(len(queries), dtype=torch.float64)
        for x in blocks(rows, args.width):
            full += torch.stack([torch.cdist(x, q).square().amin(1).double().sum() for q in queries])
        own = torch.stack(
            [torch.cdist(coreset.features, q).square().amin(1) @ coreset.weight for q in queries]
        ).double()
        error = ((own - full) / full).abs()
        found.append({"rows": rows, "width": args.width, "size": args.size, "seconds": round(ours, 2),
                      "minibatch_seconds": round(theirs, 2), "ratio": round(ours / theirs, 2),
                      "rows_held": stream.held(), "peak_mib": round(memory, 1),
                      "kmeans_error": round(float(error.max()), 4)})  # fmt: skip
        print(found[-1], flush=True)
    save(f"stream_coreset_{args.rows}", found)


if __name__ == "__main__":
    main()
