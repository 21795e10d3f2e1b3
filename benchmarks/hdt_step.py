"""Seconds of a distillation step of a series against its length and against its channels.

All lengths, then all channel numbers, run in turn in one process, several rounds of them: only the ratios within a
run are claims. The series is noise, since values do not change the cost. Columns: the spectrum to series and back
(which every objective pays), harmonic matching without a network, the paper's whole objective, whose networks see
every window, and training on batches of 32 windows and 8 channels at most.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time

import torch
from datasets import Dataset
from record import save

from hf_distill import HarmonicSet
from hf_distill.data import SeriesData
from hf_distill.networks.forecasters import DLinear
from hf_distill.objectives import HarmonicMatching, TrajectoryMatching, UnrolledMatching
from hf_distill.pools import FreshNetworks
from hf_distill.seeding import Streams


def noise(channels: int, rows: int) -> SeriesData:
    """A series of independent values, half of which train."""
    values = torch.randn(channels, rows, generator=torch.Generator().manual_seed(0)).numpy()
    table = Dataset.from_dict({f"c{place}": row for place, row in enumerate(values)})
    return SeriesData.from_dataset(table, splits=[rows // 2, rows // 2 + 192, rows]).setup()


def objectives() -> dict:
    """The columns: from a set, the data and a stream to a scalar."""
    kinds = {
        "harmonics": HarmonicMatching(trajectory=None),
        "harmonics and windows": HarmonicMatching(trajectory=TrajectoryMatching(pool=FreshNetworks(network=DLinear()))),
        "training": UnrolledMatching(),
    }
    columns = {"transform": lambda synthetic, real, streams: synthetic().x.square().mean()}
    for name, objective in kinds.items():
        columns[name] = lambda synthetic, real, streams, o=objective: sum(o(synthetic, real, streams).values())
    return columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[384, 768, 1536, 3072, 6144])
    parser.add_argument("--channels", type=int, nargs="+", default=[7, 21, 207])
    parser.add_argument("--length", type=int, default=384, help="the length at which channels vary")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cases = [(length, args.channels[0]) for length in args.lengths]
    cases += [(args.length, channels) for channels in args.channels if (args.length, channels) not in cases]
    data = {channels: noise(channels, 4 * max(args.lengths)) for channels in args.channels}
    sets, columns = {}, {case: objectives() for case in cases}
    for length, channels in cases:
        synthetic = sets[length, channels] = HarmonicSet(length=length)
        synthetic.initialize(data[channels].train.values[:length], torch.arange(length), data[channels].spec)
    times: dict[tuple, list[float]] = {}
    for round_ in range(args.rounds + 1):
        for case in cases:
            for name, loss in columns[case].items():
                seconds = step_seconds(loss, sets[case], data[case[1]], 50 if name in ("transform", "harmonics") else 2)
                if round_:  # the first round warms up
                    times.setdefault((case, name), []).append(seconds)
    rows = []
    for length, channels in cases:
        row = {"length": length, "channels": channels}
        for name in columns[length, channels]:
            row[f"{name}, ms"] = 1000 * statistics.median(times[(length, channels), name])
        first = (args.lengths[0], args.channels[0])
        ratio = length * math.log2(length) / (first[0] * math.log2(first[0])) * channels / first[1]
        row["M log M x channels"] = ratio
        for name in columns[length, channels]:
            pairs = zip(times[(length, channels), name], times[first, name], strict=True)
            row[f"{name}, times the first"] = statistics.median(own / base for own, base in pairs)
        rows.append(row)
        print(row, flush=True)
    note = "Median of ratios within a round; other jobs shared the cores"
    save("hdt_step", rows, title="A step of harmonic distillation: cost against length and channels", note=note)


def step_seconds(loss, synthetic: HarmonicSet, real: SeriesData, count: int) -> float:
    """Return the seconds of a step, gradient included, over so many."""
    start = time.perf_counter()
    for index in range(count):
        synthetic.zero_grad()
        loss(synthetic, real, Streams(0, step=index)).backward()
    return (time.perf_counter() - start) / count


if __name__ == "__main__":
    main()
