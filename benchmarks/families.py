"""The families of matching under one protocol: accuracy, time and peak memory, beside coresets and all of the data.

`python benchmarks/families.py digits 1 --sets 2`: distills by the configuration of every method, each in a process of
its own, whose peak memory is then its own, and measures the sets as image_rows.py does. What is there is not made
again; the table is of all that is there, and a method without a set there keeps its lines. `--only DM NCFM --sets 5`
makes more sets of some methods, `--sets 0` the table alone, and `--across` measures by networks of other
architectures. Runs on FashionMNIST are short, for a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_rows import merged
from record import RESULTS, commit, save

from hf_distill.cli.parsing import run_folder

HERE = Path(__file__).parent
FOLDER = Path("outputs/families")
# Sets of several samples a class start from those closest to the centres of as many clusters.
SELECTED = ("=RealSamples", ".selector=CellSelector", ".selector.cell_size=1", ".selector.pick=closest")
# The larger ones at a quarter of their width, for a CPU.
NARROW = {"class_path": "VGG11", "init_args": {"width": 16}}, {"class_path": "ResNet18", "init_args": {"width": 16}}
ACROSS = ("MLP", "AlexNet", *(json.dumps(network) for network in NARROW))
# On FashionMNIST: few experts of few epochs, at the rate of the papers.
EXPERTS = (
    "count=2",
    "recipe.epochs=4",
    "recipe.optimizer.init_args.lr=0.01",
    "recipe.augment.strategy=color_crop_cutout_flip_scale_rotate",
)
TRAJECTORIES = ("pool.epochs=1", "pool.max_start_epoch=2", "synthetic_steps=20", "lr=0.02")


@dataclass(frozen=True)
class Method:
    """A line of the table.

    Args:
        name: As its paper calls it.
        config: Its configuration on digits.
        network: Where its network is an option, or its networks are; none where there is none.
        experts: The parts that ask for stored experts.
        start: Where its initial samples are chosen.
        own_start: It starts from other samples than the first method, so that these are measured too.
        samples: In the bits of one image.
        single: Whether it is for one sample a class, or for more; null for both.
        published: Accuracy on FashionMNIST at 1 and at 10 a class, as published.
        short: Options of its runs on FashionMNIST.
    """

    name: str
    config: str
    network: str | None = "pool.network"
    experts: tuple[str, ...] = ()
    start: str = "method.initial"
    own_start: bool = False
    samples: int = 1
    single: bool | None = None
    published: tuple[float | None, float | None] = (None, None)
    short: tuple[str, ...] = ("--method.steps=300",)


POOL = ("method.objective.pool",)
LOOKS = ("--method.steps=30", "--method.objective.real_batch=64")
FEW = ("--method.steps=100",)
BANK = (*FEW, "--method.objective.pool.count=4", "--method.objective.pool.steps=200")
METHODS = (
    Method("DM", "dm_digits_ipc1"),
    Method("DC", "dc_digits_ipc1", single=True, published=(70.5, 82.3), short=LOOKS),
    Method("DC", "dc_digits", "pool.networks", single=False, published=(70.5, 82.3), short=LOOKS),
    Method("DSA", "dsa_digits_ipc1", single=True, published=(70.6, 84.6), short=LOOKS),
    Method("DSA", "dsa_digits", "pool.networks", single=False, published=(70.6, 84.6), short=LOOKS),
    Method("IDC", "idc_digits", own_start=True, samples=4, published=(81.0, 86.0), short=BANK),
    Method("M3D", "m3d_digits_ipc1", short=FEW),
    Method("DANCE", "dance_digits_ipc1", short=BANK),
    Method("NCFM", "ncfm_digits_ipc1", short=BANK),
    Method("IDM", "idm_digits_ipc1", short=BANK),
    Method("MTT", "mtt_digits_ipc1", network=None, experts=POOL, short=FEW),
    Method("TESLA", "tesla_digits_ipc1", network=None, experts=POOL, short=FEW),
    Method(
        "DATM",
        "datm_digits_ipc1",
        network=None,
        experts=(*POOL, "method.initial"),
        start="method.initial.initial",
        own_start=True,
        short=(*FEW, "--method.objective.pool.first_max_start_epoch=1"),
    ),
    Method("FRePo", "frepo_digits_ipc1", network="pool.networks"),
    Method("FRePo, labels", "frepo_labels_digits_ipc1", network="pool.networks", published=(75.6, 86.2)),
    Method("RaT-BPTT", "rat_digits_ipc1", network="pool.networks", short=FEW),
    Method("KIP", "kip_digits_ipc1", network=None, published=(73.5, 86.8)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["digits", "fashion_mnist"])
    parser.add_argument("per_class", type=int)
    parser.add_argument("--sets", type=int, default=2, help="of a method, with seeds from 0 on")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="all, if not given")
    parser.add_argument("--across", action="store_true", help="measure by networks of other architectures")
    args = parser.parse_args()
    folder = FOLDER / f"{args.data}_{args.per_class}"
    name = "across" if args.across else "measured"
    result = f"families_{args.data}_{args.per_class}{'_across' * args.across}"
    known = RESULTS / f"{result}.json"
    kept = json.loads(known.read_text())["rows"] if known.is_file() else []
    rows: list[dict[str, Any]] = []
    for method in METHODS:
        if method.single not in (None, args.per_class == 1):
            continue
        if args.only is None or method.name in args.only:
            for seed in range(args.sets):
                make(method, seed, args, folder, name)
        own = ("random", "herding", "k-means", "all data", "DM") if method is METHODS[0] else (method.name,)
        rows += lines(method, folder, name, args) or [row for row in kept if row["method"] in own]
    shared = {row["network"]: row.get("start") for row in rows if row["method"] == METHODS[0].name}
    for row in rows:
        if "start" in row and row["start"] is None:
            row["start"] = shared.get(row["network"])
    title = f"{args.data}, {args.per_class} a class: the families under one protocol"
    note = "Sets start from class means at 1 a class, else from the samples closest to cluster centres"
    save(result, rows, title=title, note=note)


def make(method: Method, seed: int, args: argparse.Namespace, folder: Path, name: str) -> None:
    """Distill and measure one set, unless it is there."""
    made = folder / method.config / str(seed)
    options = options_of(method, args)
    cost = run_folder(made) / "cost.json"
    if not cost.is_file():
        config = f"--config=configs/{method.config}.yaml"
        if method.experts:
            run(["-m", "hf_distill", "experts", config, *options, "--resume=true", "--progress=false"])
        words = ["-m", "hf_distill", "distill", config, *options, f"--seed={seed}"]
        seconds, mebibytes = run([*words, f"--output_dir={made}", "--resume=true", "--progress=false"])
        cost.write_text(json.dumps({"seconds": seconds, "mebibytes": mebibytes, "commit": commit()}))
    if not (run_folder(made) / f"{name}.json").is_file():
        words = [str(HERE / "image_rows.py"), f"configs/{method.config}.yaml", *options, f"--folder={folder}"]
        run([*words, f"--only={seed}", f"--name={name}", *measured_by(method, args)])


def options_of(method: Method, args: argparse.Namespace) -> list[str]:
    """Return the options that make a configuration one of these data and this size."""
    count = method.samples * args.per_class
    options = [f"--data.path={args.data}", f"--method.synthetic.per_class={count}"]
    options += [f"--{method.start}{option}" for option in (("=MeanSamples",) if count == 1 else SELECTED)]
    options += [f"--{part}.folder=outputs/experts_{args.data}" for part in method.experts]
    if args.data != "digits":
        network = "{class_path: ConvNet, init_args: {width: 32, depth: 3}}"
        options += [f"--evaluator.networks=[{network}]", *method.short]
        if method.network:
            value = f"[{network}]" if method.network.endswith("networks") else network
            options += [f"--method.objective.{method.network}={value}"]
        for part in method.experts:
            options += [f"--{part}.experts.{option}" for option in (f"network={network}", *EXPERTS)]
        if method.experts:
            options += [f"--method.objective.{option}" for option in TRAJECTORIES]
    return options


def measured_by(method: Method, args: argparse.Namespace) -> list[str]:
    """Return the options of a measurement: baselines once, with the first method."""
    start = "start" if args.across or method.own_start else ""
    alone = ["--evaluator.full=0", f"--evaluator.baselines=[{start}]"]
    if args.across:
        return [*alone, "--evaluator.seeds=2", f"--evaluator.networks=[{', '.join(ACROSS)}]"]
    return [] if method is METHODS[0] else alone


def run(words: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory, in MiB.

    Raises:
        SystemExit: It failed.
    """
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *words], env={**os.environ, "PYTHONPATH": str(HERE.parent)})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(words)}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def lines(method: Method, folder: Path, name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the lines of a method, one a network, and before the first method those of its baselines."""
    runs = sorted((folder / method.config).glob("*.run"))
    results = [json.loads((run / f"{name}.json").read_text()) for run in runs if (run / f"{name}.json").is_file()]
    costs = [json.loads((run / "cost.json").read_text()) for run in runs if (run / "cost.json").is_file()]
    rows = []
    for place in range(len(results[0]["rows"]) if results else 0):
        row = merged([result["rows"][place] for result in results])
        if method is METHODS[0] and not args.across:
            for title, column in (("random", "random, equal bits"), ("herding", "herding"), ("k-means", "kmeans")):
                rows.append({"method": title, "network": row["network"], "accuracy": row[column]})
            rows.append({"method": "all data", "network": row["network"], "accuracy": row["full"]})
        line = {"method": method.name, "network": row["network"], "accuracy": row["distilled"]}
        line["start"] = row.get("start")
        line |= {"sets": len(results), "bits": row["codes bits"]}
        line["commit"] = ", ".join(dict.fromkeys(cost["commit"] for cost in costs))
        line |= {"s": median(costs, "seconds"), "peak MiB": median(costs, "mebibytes")}
        if args.data == "fashion_mnist" and not args.across:
            line["published"] = dict(zip((1, 10), method.published, strict=True)).get(args.per_class)
        rows.append(line)
    return rows


def median(costs: list[dict[str, float]], key: str) -> float:
    return sorted(cost[key] for cost in costs)[len(costs) // 2]


if __name__ == "__main__":
    main()
