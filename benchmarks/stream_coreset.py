"""Merge-and-reduce over a stream beside one pass of MiniBatchKMeans: time, memory and the error of k-means costs.

    python benchmarks/stream_coreset.py --rows 10_000_000
    python benchmarks/stream_coreset.py --rows 1_000_000 --width 768 --selector

Features are made block by block, a mixture of Gaussians of unequal sizes with a few rows far out, so that no more than
a block is in memory; both passes are timed without the making. Memory is the process's peak after each part. With
``--selector`` they are written to a file first, and `MergeReduceSelector` chooses from the memory-mapped table, as it
does from features that a dataset's rows were given; memory is then what the process holds itself, without the file's
pages, which the system keeps as long as it likes, and time that of the processor, reading included.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from record import save
from sklearn.cluster import MiniBatchKMeans

from hf_distill.selection import MergeReduce, MergeReduceSelector

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


def own_memory() -> float:
    """Return the process's memory in MiB, without pages of files."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) / 1024


def watched(peaks: list[float], done: threading.Event) -> None:
    """Note the process's memory every 20 ms."""
    while not done.wait(0.02):
        peaks.append(own_memory())


def selected(rows: int, args: argparse.Namespace) -> dict[str, float]:
    """Return what the selector takes to choose from a memory-mapped table, which is removed."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        table = np.lib.format.open_memmap(file.name, "w+", np.float32, (rows, args.width))
        for place, x in enumerate(blocks(rows, args.width)):
            table[place * BLOCK : place * BLOCK + len(x)] = x
        table.flush()
        del table
        peaks, done = [own_memory()], threading.Event()
        watch = threading.Thread(target=watched, args=(peaks, done))
        watch.start()
        started = time.process_time()
        mapped = torch.from_numpy(np.load(file.name, mmap_mode="c"))
        selector = MergeReduceSelector(centres=args.centres).fit(mapped)
        rows_of, weight = selector.select(args.size, torch.Generator().manual_seed(0))
        seconds = time.process_time() - started
        done.set()
        watch.join()
        queries = [mapped[torch.randperm(rows)[: args.centres]] for _ in range(2)]
        errors = relative_costs(mapped.split(BLOCK), mapped[rows_of], weight, queries)
    return {"rows": rows, "width": args.width, "size": args.size, "cpu_seconds": round(seconds, 2),
            "table_mib": round(4 * rows * args.width / 2**20, 1), "before_mib": round(peaks[0], 1),
            "peak_mib": round(max(peaks), 1), "kmeans_error": round(float(errors.max()), 4)}  # fmt: skip


def relative_costs(
    parts: Iterable[torch.Tensor], chosen: torch.Tensor, weight: torch.Tensor, queries: list[torch.Tensor]
) -> torch.Tensor:
    """Return the relative errors of weighted rows for the k-means costs of some centres."""
    full = torch.zeros(len(queries), dtype=torch.float64)
    for x in parts:
        full += torch.stack([torch.cdist(x, q).square().amin(1).double().sum() for q in queries])
    own = torch.stack([torch.cdist(chosen, q).square().amin(1) @ weight for q in queries]).double()
    return ((own - full) / full).abs()


def main() -> None:
    """Run both passes and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--centres", type=int, default=50)
    parser.add_argument("--selector", action="store_true", help="choose from a memory-mapped table")
    args = parser.parse_args()
    found, sizes = [], sorted({max(args.rows // 10, BLOCK), args.rows})
    if args.selector:
        save(f"stream_coreset_{args.rows}_{args.width}", [selected(rows, args) for rows in sizes])
        return
    for rows in sizes:
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
        error = relative_costs(blocks(rows, args.width), coreset.features, coreset.weight, queries)
        found.append({"rows": rows, "width": args.width, "size": args.size, "seconds": round(ours, 2),
                      "minibatch_seconds": round(theirs, 2), "ratio": round(ours / theirs, 2),
                      "rows_held": stream.held(), "peak_mib": round(memory, 1),
                      "kmeans_error": round(float(error.max()), 4)})  # fmt: skip
        print(found[-1], flush=True)
    save(f"stream_coreset_{args.rows}", found)


if __name__ == "__main__":
    main()
