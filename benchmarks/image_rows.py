"""Several distilled sets of one configuration beside their starts, coresets, random samples and the full data.

Samples of any kind: images, sounds, videos.

`python benchmarks/image_rows.py configs/dm_digits.yaml --sets 5`: distills a set a seed, measures each with its own
draws of every baseline, and writes mean and standard deviation over the sets. A set or a measurement that is there is
not made again. Other options are those of `hf-distill distill` and stand for every set; `--name` with other
`--evaluator` options measures the same sets in another way.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

from record import commit, save
from series_row import build

from hf_distill.cli import distill
from hf_distill.cli.parsing import run_folder
from hf_distill.cli.placing import place
from hf_distill.files import write_atomically
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.methods.start import read_start

# Baselines that are chosen real samples: the best of them is what a set has to beat.
CORESETS = ("kmeans", "kmeans_pixels", "herding", "selected")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--sets", type=int, default=5, help="distillations, with seeds from 0 on")
    parser.add_argument(
        "--only", type=int, metavar="SEED", help="make and measure the set of this seed alone: no table"
    )
    parser.add_argument("--name", help="the result's, if not the configuration's with _sets")
    parser.add_argument("--folder", type=Path, default=Path("outputs/image_rows"), help="where the sets are")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--title", help="of the table")
    parser.add_argument("--note", help="what else is to be said below the title")
    parser.add_argument("--commit", default=None, help="what the sets were made with, where there is no repository")
    args, rest = parser.parse_known_args()
    made_with = args.commit or commit()
    if args.device == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    name = args.name or f"{args.config.stem}_sets"
    options = [f"--config={args.config}", *rest]
    objects = build(options)
    objects.evaluator.device = args.device
    results = []
    for seed in range(args.sets) if args.only is None else [args.only]:
        folder = args.folder / args.config.stem / str(seed)
        path = run_folder(folder) / f"{name}.json"
        if not path.is_file():
            distill.run([*options, f"--seed={seed}", f"--output_dir={folder}", "--resume=true", "--progress=false"])
            artifact = DistilledDataset.from_pretrained(folder)
            place(objects.data, args.device)
            objects.evaluator.seed = seed
            start = read_start(run_folder(folder), artifact.config)
            evaluation = objects.evaluator.evaluate(artifact, objects.data, progress=False, start=start)
            print(evaluation, flush=True)
            write_atomically(path, json.dumps(evaluation.to_dict()))
        if args.only is not None:
            return
        results.append(json.loads(path.read_text()))
        rows = [merged([result["rows"][place] for result in results]) for place in range(len(results[0]["rows"]))]
        runs = [run_folder(args.folder / args.config.stem / str(made)) / "run.json" for made in range(seed + 1)]
        seconds = [json.loads(run.read_text())["seconds"] for run in runs]
        note = f"{len(results)} sets, distilled in {statistics.fmean(seconds):.0f} s each; mean and standard deviation "
        note += "over the sets, each measured by as many networks as the row says"
        note += f". {args.note}" if args.note else ""
        title = args.title or f"{objects.data.path.rsplit('/', 1)[-1]}: {rows[0]['samples']} samples, several sets"
        save(name, rows, title=title, note=note, commit=made_with, protocol=results[0]["protocol"])


def merged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a line of the table from one row a set."""
    first = rows[0]
    error = first["metric"] in ("mse", "mae")
    percent = 1 if error or first["metric"] in ("r2", "mean_average_precision") else 100

    def spread(values: list[float | None]) -> Any:
        known = [percent * value for value in values if value is not None]
        return None if not known else [statistics.fmean(known), statistics.stdev(known)] if len(known) > 1 else known[0]

    names = [name for name in first["baselines"] if all(name in row["baselines"] for row in rows)]
    means = {name: spread([row["baselines"][name]["mean"] for row in rows]) for name in names}
    coresets = [name for name in CORESETS if name in means]
    best = (min if error else max)(coresets, key=lambda name: average(means[name]), default=None)
    line = {"network": first["network"], "metric": first["metric"]}
    line["networks"] = f"{first['seeds']} on each of {len(rows)} sets"
    line["distilled"] = spread([row["mean"] for row in rows])
    line["start"] = means.get("start")
    line["best coreset"] = None if best is None else means[best]
    line["which"] = best
    line["random, equal bits"] = means.get("random")
    full = spread([row["full_mean"] for row in rows])
    line["full"] = full
    line["full, steps"] = first.get("full_steps")
    line |= {name.replace("_", " "): value for name, value in means.items() if name not in ("start", "random")}
    line |= {"samples": first["samples"], "bits": first["bits"], "codes bits": first["config_bits"]["codes"]}
    return {key: value for key, value in line.items() if value is not None}


def average(value: Any) -> float:
    return value[0] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
