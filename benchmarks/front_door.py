"""What a stranger meets: the wheel in a fresh environment, the first commands, a push, and the set read elsewhere.

``python benchmarks/front_door.py --hub_server=hub_server.py --before=COMMIT``, from any folder: nothing of the clone
is used but the wheel that is built of it, and ``constraints.txt``. The Hub is a work-alike on the loopback device, a
script that is started as ``python hub_server.py --port PORT --root FOLDER``; the client is the real one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import commit, save

ROOT = Path(__file__).parents[1]
WRONG = ["distill", "--config", "dm_digits", "--method.synthetic.per_clas=3"]
SEEDS = 3


class Stranger:
    """A machine that has nothing: a folder of its own, a home of its own, and the commands that were given there."""

    def __init__(self, folder: Path, hub: str) -> None:
        self.folder = folder
        home = {"HF_HOME": str(folder / "home"), "HF_ENDPOINT": hub, "HF_TOKEN": "hf_stranger", "NO_PROXY": "127.0.0.1"}
        quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": ""}
        self.environment = {**os.environ, **home, **quiet}
        self.rows: list[dict[str, Any]] = []

    def run(self, words: list[str | Path], said: str | None = None, code: int = 0, **environment: str) -> str:
        """Run a command, note how long it took where it is to be told, and return what it printed."""
        started = time.perf_counter()
        done = subprocess.run(
            list(map(str, words)),
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode != code:
            raise SystemExit(f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
        if said is not None:
            self.note(said, seconds)
        return done.stdout + done.stderr

    def note(self, said: str, seconds: float | None = None, value: str = "") -> None:
        """Add a line of the table."""
        row = {"what": said, "seconds": None if seconds is None else round(seconds, 2), "value": value or None}
        self.rows.append(row)
        print(row, flush=True)

    def environment_of(self, name: str, packages: list[str], said: str) -> Path:
        """Make a fresh virtual environment with some packages and return the folder of its programs."""
        self.run([sys.executable, "-m", "venv", name])
        programs = self.folder / name / "bin"
        self.run([programs / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", *packages], said)
        return programs


def median(stranger: Stranger, words: list[str | Path], code: int = 0, **environment: str) -> float:
    """Return the median time of five runs, after one that fills the caches."""
    times = []
    for _ in range(6):
        started = time.perf_counter()
        stranger.run(words, code=code, **environment)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def export(revision: str, folder: Path) -> Path:
    """Write the files of a commit into a folder."""
    folder.mkdir()
    data = subprocess.check_output(["git", "archive", revision], cwd=ROOT)
    subprocess.run(["tar", "-x", "-C", folder], input=data, check=True)
    return folder


def latencies(stranger: Stranger, programs: Path, before: str | None) -> None:
    """Note how long it takes until something is said."""
    python = programs / "python"
    stranger.note("import hf_distill", median(stranger, [python, "-c", "import hf_distill"]))
    stranger.note("python -c pass, for comparison", median(stranger, [python, "-c", "pass"]))
    stranger.note("import torch, for comparison", median(stranger, [python, "-c", "import torch"]))
    for words, code in ((["distill", "--help"], 0), (WRONG, 2), (["distill", "nowhere.csv"], 2)):
        now = median(stranger, [programs / "hf-distill", *words], code)
        value = ""
        if before is not None and words[-1] != "nowhere.csv":
            old = median(stranger, [python, "-m", "hf_distill", *words], code, PYTHONPATH=before)
            value = f"{old:.2f} s before, {old / now:.1f} times as long"
        stranger.note(f"hf-distill {' '.join(words)}", now, value)


def scripts(stranger: Stranger, python: Path, folder: Path, repo: str) -> None:
    """Run the script of the published card and note what it scores beside the number of the table."""
    card = (folder / "README.md").read_text()
    script = re.findall(r"```python\n(.*?)```", card, re.S)[1].replace('"path/to/this/folder"', json.dumps(repo))
    found, started = [], time.perf_counter()
    for seed in range(SEEDS):
        (stranger.folder / "script.py").write_text(
            f"import random, torch\nrandom.seed({seed}); torch.manual_seed({seed})\n{script}"
        )
        found.append(float(re.findall(r"accuracy ([\d.]+)", stranger.run([python, "script.py"]))[-1]))
    row = json.loads((folder / "evaluation.json").read_text())["rows"][0]
    mean, spread = statistics.fmean(found), statistics.stdev(found)
    said = f"{100 * mean:.1f} ± {100 * spread:.1f} %; the card says {100 * row['mean']:.1f} ± {100 * row['std']:.1f} %"
    stranger.note(f"the card's script, {SEEDS} seeds", time.perf_counter() - started, said)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hub_server", type=Path, required=True)
    parser.add_argument("--before", default=None, help="a commit whose answers are timed too")
    options = parser.parse_args()
    commit()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="stranger_") as temporary:
        folder = Path(temporary)
        server = subprocess.Popen(
            [sys.executable, options.hub_server.resolve(), "--port", str(port), "--root", folder / "hub"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            stranger = Stranger(folder, f"http://127.0.0.1:{port}")
            visit(stranger, None if options.before is None else str(export(options.before, folder / "before")))
        finally:
            server.terminate()
            server.wait()
    save(
        "front_door",
        stranger.rows,
        title="From nothing to a published set",
        note=f"load of the machine {os.getloadavg()[1]:.1f}; downloads of pip are cached",
    )


def visit(stranger: Stranger, before: str | None) -> None:
    """Do what README says, in its order."""
    source = export("HEAD", stranger.folder / "source")
    stranger.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "wheel", source], "build the wheel"
    )
    (wheel,) = (stranger.folder / "wheel").glob("*.whl")
    stranger.note("size of the wheel", value=f"{wheel.stat().st_size / 1000:.0f} kB")
    programs = stranger.environment_of(
        "own", [f"hf-distill[digits] @ file://{wheel}"], "pip install hf-distill[digits]"
    )
    latencies(stranger, programs, before)
    command = programs / "hf-distill"
    said = stranger.run(
        [command, "distill", "digits", "--size", "1%", "--evaluate=quick", "--progress=false"],
        "hf-distill distill digits --size 1% --evaluate=quick",
    )
    print(said)
    (folder,) = (stranger.folder / "outputs").glob("digits_*[0-9]")
    name = f"outputs/{folder.name}"
    print(stranger.run([command, "evaluate", name, "--progress=false"], f"hf-distill evaluate {name}"))
    stranger.run([command, "push", name, "--repo_id=stranger/digits-small"], "hf-distill push")
    stranger.run(
        [command, "evaluate", "stranger/digits-small", "--quick=true", "--progress=false"], "evaluate of the Hub's"
    )
    other = stranger.environment_of("other", ["datasets", "pillow"], "pip install datasets, elsewhere")
    read = "from datasets import load_dataset; print(load_dataset('stranger/digits-small', split='train')[0])"
    fresh = {"HF_HOME": str(stranger.folder / "elsewhere")}
    print(stranger.run([other / "python", "-c", read], "load_dataset there, without hf_distill", **fresh))
    scripts(stranger, programs / "python", folder, "stranger/digits-small")


if __name__ == "__main__":
    main()
