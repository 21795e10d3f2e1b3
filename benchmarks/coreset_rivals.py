"""Our selectors beside those of coreax and dd-coresets: errors, time and memory at the same rows and sizes.

    pip install coreax dd-coresets
    python benchmarks/coreset_rivals.py --rows 5_000

The rows are those of stream_coreset.py: 64 features, fifty groups of unequal sizes, a few rows far out. Errors are
those of the k-means costs of 32 lists of ten centres, the largest, and the maximum mean discrepancy to all rows under
the Gaussian kernel that coreax's herding is given. Every choice is made in a process of its own, whose peak memory
holds its libraries too; seconds are those of the choice alone, with what is compiled for it. What is still at work
after ``--limit`` seconds is stopped.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from record import save
from stream_coreset import blocks

from hf_distill import (
    FacilityLocationSelector,
    HerdingSelector,
    KMeansSelector,
    KMeansSensitivitySelector,
    MergeReduceSelector,
    RandomSelector,
    Selector,
)
from hf_distill.selection.certificate import centre_queries

Choice = tuple[np.ndarray, np.ndarray]
OURS: dict[str, Selector] = {
    "random": RandomSelector(),
    "sensitivity": KMeansSensitivitySelector(),
    "merge-reduce": MergeReduceSelector(),
    "herding": HerdingSelector(),
    "k-means": KMeansSelector(),
    "facility location": FacilityLocationSelector(),
}


def ours(name: str) -> Callable[[torch.Tensor, int], Choice]:
    """Return the choice of one of our selectors: points and weights."""

    def choose(x: torch.Tensor, size: int) -> Choice:
        rows, w = OURS[name].fit(x).select(size, torch.Generator().manual_seed(0))
        return x[rows].numpy(), w.numpy()

    return choose


def density_diversity(x: torch.Tensor, size: int, sample: int | None = None) -> Choice:
    """Choose by dd-coresets, from all rows or from a sample of them."""
    from dd_coresets import fit_ddc_coreset

    points, w, _ = fit_ddc_coreset(x.numpy(), size, n0=sample, random_state=0)
    return np.asarray(points), np.asarray(w) * len(x)


def sampled_diversity(x: torch.Tensor, size: int) -> Choice:
    """Choose by dd-coresets from 20,000 rows at most, its own way for many rows."""
    return density_diversity(x, size, min(len(x), 20_000))


def kernel_herding(x: torch.Tensor, size: int, leaf: int | None = None) -> Choice:
    """Choose by coreax's kernel herding, of all rows or block by block."""
    from coreax import Data, SquaredExponentialKernel
    from coreax.solvers import KernelHerding, MapReduce

    # In blocks: it would hold all pairs of rows.
    solver = KernelHerding(size, kernel=SquaredExponentialKernel(length_scale=width(x)), block_size=1000)
    if leaf is not None:
        solver = MapReduce(solver, leaf_size=leaf)
    chosen, _ = solver.reduce(Data(x.numpy()))
    points = np.asarray(chosen.points.data)
    return points, np.full(len(points), len(x) / len(points))


def herding_in_blocks(x: torch.Tensor, size: int) -> Choice:
    """Choose by coreax's kernel herding, block by block."""
    return kernel_herding(x, size, 4 * size)


def pivoted_cholesky(x: torch.Tensor, size: int) -> Choice:
    """Choose by coreax's randomly pivoted Cholesky."""
    import jax
    from coreax import Data, SquaredExponentialKernel
    from coreax.solvers import RPCholesky

    kernel = SquaredExponentialKernel(length_scale=width(x))
    chosen, _ = RPCholesky(size, random_key=jax.random.key(0), kernel=kernel).reduce(Data(x.numpy()))
    points = np.asarray(chosen.points.data)
    return points, np.full(len(points), len(x) / len(points))


CHOICES = {f"hf_distill {name}": ours(name) for name in OURS} | {
    "coreax KernelHerding": kernel_herding,
    "coreax MapReduce": herding_in_blocks,
    "coreax RPCholesky": pivoted_cholesky,
    "dd-coresets": density_diversity,
    "dd-coresets, 20,000 sampled": sampled_diversity,
}


def rows_of(count: int) -> torch.Tensor:
    """Return the features of so many rows."""
    return torch.cat(list(blocks(count, 64)))


def width(x: torch.Tensor) -> float:
    """Return the kernel's width: the median distance of some rows."""
    return float(torch.pdist(x[:1000]).median())


def kernel_mean(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, scale: float) -> torch.Tensor:
    """Return the weighted mean of the Gaussian kernel between each row of x and all of y, weights of sum 1."""
    kernel = lambda part: (torch.cdist(part, y).square() / (-2 * scale**2)).exp().double() @ w  # noqa: E731
    return torch.cat([kernel(part) for part in x.split(1000)])


@functools.cache
def own_mean(x: torch.Tensor) -> float:
    """Return the mean kernel of all pairs of rows."""
    return float(kernel_mean(x, x, torch.ones(len(x)).double() / len(x), width(x)).mean())


def errors(x: torch.Tensor, points: torch.Tensor, w: torch.Tensor) -> tuple[float, float]:
    """Return the largest error of 32 k-means costs, and the maximum mean discrepancy."""
    queries = centre_queries(x, 10)
    full = torch.stack([queries(part).double().sum(0) for part in x.split(4096)]).sum(0)
    own = w.double() @ queries(points).double()
    share, all_alike, scale = w.double() / w.double().sum(), torch.ones(len(x)).double() / len(x), width(x)
    squared = own_mean(x) + share @ (
        kernel_mean(points, points, share, scale) - 2 * kernel_mean(points, x, all_alike, scale)
    )
    return float(((own - full) / full).abs().max()), float(squared.clamp_min(0).sqrt())


def choose(name: str, count: int, size: int, path: Path) -> None:
    """Make one choice, and write it with its time and memory."""
    x = rows_of(count)
    started = time.perf_counter()
    points, w = CHOICES[name](x, size)
    seconds = time.perf_counter() - started
    np.savez(path, points=points, w=w, about=[seconds, peak()])


def peak() -> float:
    """Return this process's peak memory in MiB; getrusage would tell that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Make every choice in a process of its own, measure and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000])
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--one", nargs=2, help="a choice and a file: made in this process")
    args = parser.parse_args()
    if args.one:
        choose(args.one[0], args.rows[0], args.size, Path(args.one[1]))
        return
    found = []
    for count in args.rows:
        x = rows_of(count)
        for name in CHOICES:
            row = {"rows": count, "size": args.size, "selector": name}
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder) / "chosen.npz")
                command = [
                    sys.executable,
                    __file__,
                    "--rows",
                    str(count),
                    "--size",
                    str(args.size),
                    "--one",
                    name,
                    path,
                ]
                try:
                    subprocess.run(command, check=True, timeout=args.limit, env=os.environ, capture_output=True)
                except subprocess.TimeoutExpired:
                    row["stopped"] = f"after {args.limit} s"
                except subprocess.CalledProcessError as error:
                    row["stopped"] = error.stderr.decode().strip().splitlines()[-1][:100] or f"code {error.returncode}"
                else:
                    made = np.load(path)
                    cost, discrepancy = errors(x, *(torch.from_numpy(made[key]).float() for key in ("points", "w")))
                    row |= {"k-means error": round(cost, 4), "mmd": round(discrepancy, 5)}
                    row |= {"seconds": round(float(made["about"][0]), 2), "peak_mib": round(float(made["about"][1]))}
            found.append(row)
            print(row, flush=True)
    save(f"coreset_rivals_{max(args.rows)}", found)


if __name__ == "__main__":
    main()
