"""Every option of tiny runs with values that are out of any range: what `hf-distill distill` does about it.

Each try is a process of its own: the resolved configuration of a base run with one value replaced; an
option of a part is tried in the first run that has it. Good outcomes: one line and exit code 1 or 2, or a finished set
whose values are finite and vary. `--code` attacks another checkout, `--tries FILE` keeps what every try said.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import copy
import io
import json
import math
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from record import save

HERE = Path(__file__).resolve().parents[1]

VALUES = (-1, 0, math.nan, 1e30, 10**30, None)
NET = {"class_path": "ConvNet", "init_args": {"width": 4, "depth": 1}}
FLAT = {"class_path": "MLP", "init_args": {"width": 4, "depth": 1}}
LINEAR = {"class_path": "DLinear", "init_args": {"kernel": 3}}
SMALL = [{"class_path": name, "init_args": {}} for name in ("RevLinear", "RevMLP", "RevPatch", "RevMix")]
SMALL += [{"class_path": "ITransformer", "init_args": {"width": 8, "hidden": 8, "heads": 2, "layers": 1}}]
SMALL += [{"class_path": "XPatch", "init_args": {"patch": 4, "stride": 2}}]


def part(name: str, **options: Any) -> dict[str, Any]:
    return {"class_path": name, "init_args": options}


def measured(**options: Any) -> dict[str, Any]:
    networks = options.pop("networks", [NET])
    return part("ClassificationEvaluator", networks=networks, seeds=1, recipe=part("Recipe", epochs=2), **options)


def optimized(**options: Any) -> dict[str, Any]:
    return part("OptimizedDistillation", **{"steps": 2, "preview_every": 0, **options})


def matching(**options: Any) -> dict[str, Any]:
    pool = part("FreshNetworks", network=options.pop("network", NET))
    return part("DistributionMatching", **{"pool": pool, "real_per_class": 8, **options})


def pool_of(*networks: dict[str, Any]) -> dict[str, Any]:
    return part("TrainedOnSet", networks=list(networks), steps=2, lifetime=4, size=1)


def base_runs(folder: Path) -> dict[str, dict[str, Any]]:
    """Return configurations that together hold every part that trains in a moment."""
    digits, table = part("RealData", path="digits"), part("RealData", path=str(folder / "vectors"))
    series = part("SeriesData", path=str(folder / "series.csv"), lookback=12, horizon=4)
    recipe = part("ForecastRecipe", steps=3, epochs=0)
    forecast = part("ForecastingEvaluator", networks=[LINEAR], seeds=1, random_draws=1, full=0, recipe=recipe)
    trajectory = part("TrajectoryMatching", pool=part("Snapshots", network=LINEAR, count=1, steps=3, every=2))
    quantized = part(
        "QuantizedSet",
        synthetic=part("PixelSet"),
        quantizer=part("UniformQuantizer", bits=2),
        budget=part("Budget", bits_per_class=2000),
        coding="entropy",
        smoothness=0.1,
        shrink=0.7,
        warmup=0.5,
    )
    vectors = {"objective": matching(network=FLAT, augment=None), "synthetic": part("VectorSet", per_class=2)}
    on_series = {
        "initial": part("SubSeries", choose="typical", candidates=2),
        "synthetic": part("HarmonicSet", length=40, wrap=3, harmonics=9),
    }
    return {
        "digits": {"data": digits, "method": optimized(objective=matching(views=2, reuse=2, discrimination=1.0))}
        | {"evaluator": measured(feature_metrics=part("FeatureMetrics", extractor=part("NetworkFeatures", steps=2)))},
        "cells": {
            "data": digits,
            "method": optimized(
                synthetic=part("CoarsePixelSet", per_class=4, factor=2),
                objective=matching(cell_size=2),
                initial=part("RealSamples", selector=part("CellSelector", cell_size=2)),
            ),
            "evaluator": measured(networks=[FLAT]),
        },
        "quantized": {"data": digits, "method": optimized(synthetic=quantized, objective=matching())}
        | {"evaluator": measured()},
        "learned levels": {
            "data": digits,
            "method": optimized(
                synthetic=part("QuantizedSet", synthetic=part("PixelSet"), quantizer=part("LearnedLevels")),
                objective=part("GradientMatching", pool=part("Snapshots", network=NET, count=1, steps=3, every=2)),
                initial=part("MeanSamples", group=2),
            ),
            "evaluator": measured(),
        },
        "powers of two": {
            "data": digits,
            "method": optimized(
                synthetic=part("QuantizedSet", synthetic=part("PixelSet"), quantizer=part("PowersOfTwoQuantizer")),
                objective=part("UnrolledMatching", pool=pool_of(NET), real_batch=16),
                initial=part("GraphCutSamples", network=NET, candidates=16),
            ),
            "evaluator": measured(),
        },
        "coreset": {
            "data": digits,
            "method": part("Coreset", selector=part("HierarchicalSelector", restarts=1), per_class=2),
            "evaluator": measured(baselines=["kmeans"], full=True, full_steps=4),
        },
        "vectors": {"data": table, "method": optimized(**vectors), "evaluator": measured(networks=[FLAT])},
        "soft vectors": {
            "data": part("RealData", path=str(folder / "vectors"), transform=part("VectorTransform")),
            "method": part(
                "Undistilled",
                synthetic=part(
                    "VectorSet", per_class=2, labels=part("TopLabels", top=2), weights=part("LearnedWeights")
                ),
                initial=part("RelabeledSamples", network=FLAT, teachers=1, recipe=part("Recipe", epochs=1), soft=True),
            ),
            "evaluator": measured(networks=[FLAT], labels="soft"),
        },
        "harmonic": {
            "data": series,
            "method": optimized(**on_series, objective=part("HarmonicMatching", k=3, trajectory=trajectory)),
            "evaluator": forecast,
        },
        "unrolled": {
            "data": series,
            "method": optimized(
                synthetic=part("SeriesSet", length=40),
                initial=part("TrainedPiece", candidates=2, networks=[LINEAR], steps=2),
                objective=part("UnrolledMatching", pool=pool_of(*SMALL[:4]), real_batch=8),
            ),
            "evaluator": forecast | {"init_args": forecast["init_args"] | {"networks": SMALL}},
        },
        "condtsf": {
            "data": series,
            "method": optimized(
                synthetic=part("SeriesSet", length=40),
                initial=part("SubSeries"),
                objective=part(
                    "CondTSF", objective=trajectory, pool=part("PretrainedNetworks", network=LINEAR, steps=3)
                ),
            ),
            "evaluator": forecast,
        },
    }


def write_sources(folder: Path) -> None:
    import datasets

    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 90)
    x = draw.normal(size=(90, 5)) + labels[:, None]
    rows = datasets.Dataset.from_dict({"x": x.astype("f4").tolist(), "label": labels.tolist()})
    (folder / "vectors").mkdir()
    for name, part_of in (("train", rows.select(range(60))), ("test", rows.select(range(60, 90)))):
        part_of.to_parquet(str(folder / "vectors" / f"{name}.parquet"))
    time = np.arange(400)
    lines = [f"{i},{np.sin(i / 4) + draw.normal() / 9},{np.cos(i / 7)}" for i in time]
    (folder / "series.csv").write_text("index,a,b\n" + "\n".join(lines) + "\n")


def leaves(values: Any, path: tuple[Any, ...] = (), owner: str = "") -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the part and the place of every option of a resolved configuration."""
    if isinstance(values, dict):
        owner = values.get("class_path", owner)
        for key, value in values.items():
            if key != "class_path":
                yield from leaves(value, (*path, key), owner)
    elif isinstance(values, list) and values and isinstance(values[0], dict):
        for place, value in enumerate(values):
            yield from leaves(value, (*path, place), owner)
    else:
        yield owner, path


def replaced(values: Any, path: tuple[Any, ...], value: Any) -> Any:
    other = copy.deepcopy(values)
    inner = other
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return other


def outcome(config: dict[str, Any], folder: Path, seconds: int) -> tuple[str, str]:
    """Run one configuration in a process of its own; return what it came to and the last line of what it said."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(read)
        said = io.StringIO()
        os.chdir(folder)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            result = attempt(config, seconds)
        last = (said.getvalue().strip().splitlines() or [""])[-1]
        os.write(write, json.dumps([result, last[:300]]).encode()[:60_000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(process, 0)
    result = json.loads(text) if text else ["killed", ""]
    return result[0], result[1]


def attempt(config: dict[str, Any], seconds: int) -> str:
    import datasets

    from hf_distill.cli.main import run

    def stop(number: int, frame: Any) -> None:
        os.write(2, b"")
        raise TimeoutError

    Path("try.yaml").write_text(yaml.safe_dump(config))
    signal.signal(signal.SIGALRM, stop)
    # What does not come back from a library is ended by the system.
    resource.setrlimit(resource.RLIMIT_CPU, (4 * seconds, 4 * seconds))
    signal.alarm(seconds)
    try:
        code = run(["distill", "--config", "try.yaml", "--progress=false", "--evaluate=true", "--output_dir=set"])
    except TimeoutError:
        return "ran on"
    except BaseException as error:  # the attack counts them
        return f"traceback {type(error).__name__}"
    finally:
        signal.alarm(0)
    if code:
        return "one line"
    table = datasets.Dataset.from_parquet("set/data/train-00000-of-00001.parquet", cache_dir="cache").with_format(
        "numpy"
    )
    columns = [np.asarray(table[:][name], dtype=object) for name in table.column_names]
    numbers = [np.concatenate([np.ravel(np.asarray(v, float)) for v in c]) for c in columns if len(c) > 1]
    sound = all(np.isfinite(n).all() for n in numbers) and any(n.std() > 0 for n in numbers)
    evaluation = json.loads(Path("set/evaluation.json").read_text())
    scores = [row["mean"] for row in evaluation["rows"]]
    return "finished" if sound and np.isfinite(scores).all() else "destroyed set with exit 0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--code", type=Path, default=HERE, help="the checkout that is attacked")
    parser.add_argument("--save", default="", help="name of the results' file; nothing is written without one")
    parser.add_argument("--bases", nargs="*", help="only these base runs")
    parser.add_argument("--seconds", type=int, default=20, help="after which a try has run on")
    parser.add_argument("--tries", help="write every try to this file")
    args = parser.parse_args()
    os.environ.update(HF_DISTILL_TRACEBACK="1", OMP_NUM_THREADS="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    sys.path.insert(0, str(args.code))
    import torch

    torch.set_num_threads(1)
    from hf_distill.cli.distill import build_parser
    from hf_distill.cli.messages import build, parse
    from hf_distill.cli.placing import described

    rows, tries, seen = [], [], set()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_sources(folder)
        for name, base in base_runs(folder).items():
            if args.bases and name not in args.bases:
                continue
            (folder / "base.yaml").write_text(yaml.safe_dump(base))
            command = build_parser()
            everything = described(build(command, parse(command, ["--config", str(folder / "base.yaml")])))
            resolved = {key: everything[key] for key in (*base, "seed")}
            counts: collections.Counter[str] = collections.Counter()
            for owner, path in [("", ()), *leaves(resolved)]:
                option = (owner.rsplit(".", 1)[-1], path[-1:])
                if option in seen:
                    continue
                if path:
                    seen.add(option)
                for value in VALUES if path else [None]:
                    with tempfile.TemporaryDirectory(dir=folder) as own:
                        config = replaced(resolved, path, value) if path else resolved
                        result, said = outcome(config, Path(own), args.seconds)
                    if not path:
                        assert result == "finished", (name, result, said)
                        continue
                    counts[result.split()[0]] += 1
                    place = ".".join(str(key) for key in path if key != "init_args")
                    tries.append(f"{name}\t{place}={value}\t{result}\t{said}")
            kinds = ("one", "finished", "traceback", "destroyed", "ran", "killed")
            rows.append({"base run": name, "tries": sum(counts.values()), **{kind: counts[kind] for kind in kinds}})
            print(rows[-1], flush=True)
            if args.tries:
                Path(args.tries).write_text("\n".join(tries) + "\n")
    rows.append({key: "all" if key == "base run" else sum(row[key] for row in rows) for key in rows[0]})
    if args.save:
        save(args.save, rows, title="Options out of their range", note="One: one line and an exit code that says so")


if __name__ == "__main__":
    main()
