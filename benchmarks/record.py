"""One JSON a run, and the table in README.md made from all of them."""

from __future__ import annotations

import functools
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from hf_distill.table import Table

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def device() -> str:
    """Name the device that numbers were made on."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"


@functools.cache
def commit() -> str:
    """Return the commit, marked where the code had changes when it was first asked; results do not count as code."""
    code = [".", ":!benchmarks/results", ":!benchmarks/README.md"]
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *code)
    return _git("describe", "--always") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=HERE.parent, text=True).strip()


def save(name: str, rows: list[dict[str, Any]], **about: Any) -> None:
    """Write a run's JSON and refresh the table."""
    RESULTS.mkdir(exist_ok=True)
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    values = {
        "name": name,
        "command": about.pop("command", command),
        "commit": about.pop("commit", None) or commit(),
        "device": device(),
        **about,
        "rows": rows,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n")
    render()


def render() -> None:
    """Write the tables of all runs between the marks of README.md."""
    parts = []
    for path in sorted(RESULTS.glob("*.json")):
        run = json.loads(path.read_text())
        columns = list(dict.fromkeys(key for row in run["rows"] for key in row))
        lines = [f"### {run.get('title', run['name'])}", "", f"`{run['command']}`  "]
        lines.append(f"{run['device']}, commit {run['commit']}" + (f". {run['note']}" if "note" in run else ""))
        cells = [[said(row.get(column)) for column in columns] for row in run["rows"]]
        lines += ["", Table(columns, cells).markdown()]
        picture = path.with_suffix(".png")
        if picture.exists():
            lines += ["", f"![{run.get('title', run['name'])}](results/{picture.name})"]
        parts.append("\n".join(lines))
    readme = HERE / "README.md"
    head = readme.read_text().split("<!-- results -->")[0]
    readme.write_text(head + "<!-- results -->\n\n" + "\n\n".join(parts) + "\n")


def said(value: Any) -> str:
    """Format a value of the table; a pair is a mean and its standard deviation."""
    if value is None:
        return ""
    if isinstance(value, list):
        return f"{value[0]:.4g} ± {value[1]:.2g}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    render()
