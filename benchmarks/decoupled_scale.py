"""A planted set of 1,000 classes by 100 images of 64 pixels, from end to end: time and peak memory of every command.

`python benchmarks/decoupled_scale.py`: writes the images below outputs/planted, then trains a teacher, cuts a set
(RDED) and recovers sets from cuts, a sample of each class at a time (EDC), each in a process of its own; first the same
of fewer classes, for their memory (`--classes 100` is these alone). Images are a pattern of each class in noise;
nothing here is about accuracy. Steps are few: what is measured is what a step takes. A command that was measured is
not run again: a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage
from record import save

from hf_distill.configurations import configurations
from hf_distill.files import write_atomically

FOLDER = Path("outputs/planted")
SIDE, NETWORK = 64, {"class_path": "ConvNet", "init_args": {"width": 8, "depth": 4, "norm": "batch"}}
STEPS, VIEWS = 3, 2


def planted(classes: int, each: int, seed: int) -> Iterator[dict[str, Any]]:
    patterns = np.random.default_rng(0).normal(128, 50, (classes, 4, 4, 3))
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, 20, (256, SIDE, SIDE, 3))  # drawn once: numbers take longer than images to write
    for label in range(classes):
        pattern = patterns[label].repeat(SIDE // 4, 0).repeat(SIDE // 4, 1)
        for own in generator.integers(0, len(noise), each):
            pixels = (pattern + noise[own]).clip(0, 255).astype("uint8")
            buffer = io.BytesIO()
            PILImage.fromarray(pixels).save(buffer, "JPEG")
            yield {"image": {"bytes": buffer.getvalue(), "path": None}, "label": label}


def make(classes: int, each: int) -> Path:
    """Write the images of so many classes, where they are not there."""
    folder = FOLDER / str(classes)
    features = Features({"image": Image(), "label": ClassLabel(num_classes=classes)})
    for seed, (split, count) in enumerate((("train", each), ("test", 1))):
        path = folder / "data" / f"{split}-00000-of-00001.parquet"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            options = {"classes": classes, "each": count, "seed": seed}
            made = Dataset.from_generator(
                planted, features=features, gen_kwargs=options, cache_dir=str(folder / "cache")
            )
            made.to_parquet(path)
    return folder


def anonymous(process: int) -> float:
    """Return the MiB of a process that are its own alone, without pages of mapped files; 0 once it has ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")), 0.0)


def measured(path: Path, *words: str) -> dict[str, float]:
    """Return seconds and peak memory of a command, which are kept in a file."""
    if not path.is_file():
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "hf_distill", *words, "--overwrite=true", "--progress=false"])
        most, ended = 0.0, 0
        while not ended:
            most = max(most, anonymous(process.pid))
            time.sleep(0.05)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if status:
            raise SystemExit(f"failed: {' '.join(words)}")
        seconds = time.perf_counter() - began
        found = {"seconds": seconds, "own peak MiB": most, "peak MiB": usage.ru_maxrss / 1024}
        write_atomically(path, json.dumps(found))
    return json.loads(path.read_text())


def configuration(name: str, per_class: int, teacher: Path) -> Path:
    """Write a configuration with a trained teacher and few candidates, views and steps."""
    values = yaml.safe_load(configurations()[name].read_text())
    outer = values["method"]["init_args"]
    inner = outer["method"]["init_args"]
    known = {"class_path": "Teacher", "init_args": {"path": str(teacher)}}
    outer["teacher"] = inner["initial"]["init_args"]["teacher"] = known
    inner["initial"]["init_args"] |= {"candidates": 40, "crops": 2, "pieces": 2}
    inner["synthetic"]["init_args"]["per_class"] = per_class
    outer["labels"]["init_args"]["labels"] = {"class_path": "TopLabels", "init_args": {"top": 5, "learned": False}}
    outer["labels"]["init_args"]["views"] = VIEWS
    if "objective" in inner:
        inner["objective"]["init_args"]["teacher"] = known
        inner |= {"steps": STEPS, "chunk": 1}
    path = FOLDER / f"{name}_{per_class}.yaml"
    path.write_text(yaml.safe_dump({"method": values["method"]}))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--each", type=int, default=100)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for classes in args.classes:
        began = time.perf_counter()
        data = [f"--data.path={make(classes, args.each)}", "--data.storage=arrow"]
        print(f"planted in {time.perf_counter() - began:.0f} s", flush=True)
        teacher = FOLDER / f"teacher_{classes}"
        options = [f"--teacher.network={NETWORK['class_path']}", "--teacher.recipe.epochs=1"]
        options += [f"--teacher.network.{name}={value}" for name, value in NETWORK["init_args"].items()]
        options.append(f"--output_dir={teacher}")
        found = measured(FOLDER / f"teacher_{classes}.json", "train-teacher", *data, *options)
        rows.append({"classes": classes, "command": "train a teacher"} | found)
        for name, per_class, said in (
            ("rded_cifar10", 10, "cut"),
            ("edc_cifar10", 2, f"cut and recover, {STEPS} steps"),
            ("edc_cifar10", 10, f"cut and recover, {STEPS} steps"),
        ):
            config, place = configuration(name, per_class, teacher), FOLDER / f"{name}_{classes}_{per_class}"
            options = [f"--config={config}", *data, f"--output_dir={place}"]
            found = measured(place.with_suffix(".json"), "distill", *options)
            rows.append({"classes": classes, "command": said, "images a class": per_class} | found)
            save(
                "decoupled_scale",
                rows,
                title=f"1,000 classes by {args.each} images of {SIDE} pixels, from end to end",
                note=f"Teacher of width 8, one epoch; 40 candidates of a class by 2 crops, four "
                f"pieces an image; chunks of one image a class; {VIEWS} views with five classes each. Peak "
                "memory of the process alone, and with the pages of files that are mapped: the table, and a large set",
            )


if __name__ == "__main__":
    main()
