"""Ends every command that writes at each of its file operations, and looks at what is left and whether it goes on.

python benchmarks/attack_crashes.py --commits d772be6 HEAD
python benchmarks/attack_crashes.py --scenario sweep --points 3

Without commits the code on the path is attacked, and any failure is exit code 1.

The process is ended by ``os._exit`` right after its k-th operation on a file of its own: opening for writing, renaming,
exchanging, removing, linking, making a folder, flushing. Bytes that were not yet flushed to the file are lost with it.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KILLED = 77
QUIET = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
GREY = ["--data.path=grey", "--progress=false"]
NETWORK = '{"class_path": "ConvNet", "init_args": {"width": 4, "depth": 1}}'
EVALUATOR = ["--evaluator.seeds=1", "--evaluator.recipe.epochs=1", "--evaluator.baselines=[random]"]
EVALUATOR += [f"--evaluator.networks=[{NETWORK}]"]
DISTILL = [
    *("distill", "--method=OptimizedDistillation", "--method.synthetic=PixelSet", "--method.synthetic.per_class=1"),
    *("--method.objective=DistributionMatching", "--method.objective.real_per_class=4"),
    *("--method.objective.pool=FreshNetworks", "--method.objective.pool.network=ConvNet"),
    *("--method.objective.pool.network.width=4", "--method.objective.pool.network.depth=1"),
    *("--method.steps=2", "--method.checkpoint_every=1", "--method.preview_every=1", "--method.log_every=1"),
    *("--output_dir=out/set", *GREY, *EVALUATOR),
]
GENERATOR = [
    *("train-generator", "--output_dir=out/gen", "--generator.channels=[8]", "--generator.attention=false"),
    *("--generator.steps=2", "--generator.batch_size=2", "--generator.checkpoint_every=1", *GREY),
]
GUIDED = [
    *("distill", "--output_dir=out/set", "--data.path=colours", "--progress=false", "--method=GuidedDiffusion"),
    *("--method.pipeline=dit", "--method.per_class=2", "--method.batch_size=1", "--method.steps=2"),
    *('--method.class_names={"b": "bee"}', "--method.guidance.neighbours=3", *EVALUATOR),
]
EVALUATE = ["evaluate", "out/set", "--progress=false"]
SWEEP = [
    *("sweep", "--output_dir=out/sweep", "--bits=[2]", "--baselines=[random]", "--budget.bits_per_class=300"),
    *("--method=OptimizedDistillation", "--method.synthetic=QuantizedSet", *DISTILL[4:11], *DISTILL[12:13]),
    *("--method.preview_every=0", "--data.path=grey", *EVALUATOR),
]


@dataclass
class Scenario:
    """A command on a folder that holds an older result.

    Attributes:
        before: Commands that make the older result, and what the command needs.
        command: The command.
        again: What is added to run it again.
        result: Reads what it makes as text; raises where that is not whole.
        mine: Files of the user's, by their paths.
    """

    before: list[list[str]]
    command: list[str]
    again: list[str]
    result: Callable[[], str]
    mine: list[str] = field(default_factory=list)


def the_set() -> str:
    """Return the published values, the evaluation and the card of a set that reads as whole."""
    from hf_distill.hub import DistilledDataset

    read = DistilledDataset.from_pretrained("out/set")
    evaluation = Path("out/set/evaluation.json")
    shown = json.loads(evaluation.read_text())["rows"] if evaluation.exists() else None
    assert shown == (read.evaluation or {}).get("rows"), "the record and evaluation.json differ"
    return json.dumps([hashlib.sha256(read.stored.tobytes()).hexdigest(), shown])


def the_generator() -> str:
    from hf_distill.diffusion import ClassConditionalPipeline

    pipe = ClassConditionalPipeline.from_pretrained("out/gen")
    values = b"".join(p.detach().numpy().tobytes() for p in pipe.unet.parameters())
    return hashlib.sha256(values).hexdigest()


def the_sweep() -> str:
    for path in Path("out/sweep/rows").glob("*.json"):
        json.loads(path.read_text())
    whole = Path("out/sweep/sweep.json")
    return json.dumps(json.loads(whole.read_text())["rows"]) if whole.exists() else "none"


SCENARIOS = {
    "train-generator": Scenario(
        [[*GENERATOR, "--seed=1"]],
        [*GENERATOR, "--overwrite=true"],
        ["--resume=true"],
        the_generator,
        ["out/gen.partial/thesis.txt", "out/gen/notes.txt"],
    ),
    "distill, optimized": Scenario(
        [[*DISTILL, "--seed=1"]],
        [*DISTILL, "--overwrite=true"],
        ["--resume=true"],
        the_set,
        ["out/set/notes.txt", "out/set.partial/thesis.txt"],
    ),
    "distill, guided": Scenario(
        [[*GUIDED, "--seed=1"]], [*GUIDED, "--overwrite=true"], ["--resume=true"], the_set, ["out/set/notes.txt"]
    ),
    "evaluate": Scenario([DISTILL, [*EVALUATE, "--evaluator.seed=1"]], EVALUATE, [], the_set, ["out/set/notes.txt"]),
    "sweep": Scenario([], SWEEP, [], the_sweep, ["out/sweep/rows/notes.txt"]),
}


def prepare() -> None:
    """Save images of two classes, grey and coloured, and a tiny latent pipeline for the coloured ones."""
    import numpy as np
    from datasets import ClassLabel, Dataset, Features, Image
    from PIL import Image as PILImage

    from tests.diffusion.pipelines import tiny_dit

    tiny_dit().save_pretrained("dit")
    features = Features({"image": Image(), "label": ClassLabel(names=["a", "b"])})
    for name, shape in (("grey", (8, 8)), ("colours", (8, 8, 3))):
        Path(name).mkdir()
        for seed, split in enumerate(("train", "test")):
            values = np.random.default_rng(seed).integers(1, 255, (16, *shape), dtype=np.uint8)
            columns = {"image": [PILImage.fromarray(value) for value in values], "label": [0, 1] * 8}
            Dataset.from_dict(columns, features=features).to_parquet(f"{name}/{split}-00000-of-00001.parquet")


def end_after(point: int, root: str) -> Callable[[], int]:
    """Patch the file operations of this process so that it ends after so many of them below a folder.

    Returns:
        What tells how many there have been.
    """
    import hf_distill.hub.storage as storage

    done = 0

    def ours(path: Any, handle: int | None = None) -> bool:
        try:
            if handle is not None and not os.path.isabs(os.fsdecode(path)):
                path = os.path.join(os.readlink(f"/proc/self/fd/{handle}"), os.fsdecode(path))
            if isinstance(path, int):
                path = os.readlink(f"/proc/self/fd/{path}")
            return os.path.abspath(os.fsdecode(path)).startswith(root)
        except (OSError, TypeError):
            return False

    def counted(function: Callable[..., Any], writes: Callable[..., bool] = lambda *a, **k: True) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal done
            result = function(*args, **options)
            if writes(*args, **options) and ours(args[0], options.get("dir_fd")):
                done += 1
                if done == point:
                    os._exit(KILLED)
            return result

        return wrapped

    # What the standard library calls, by name.
    for name in ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "link", "symlink", "fsync", "truncate"):
        setattr(os, name, counted(getattr(os, name)))
    os.open = counted(os.open, lambda path, flags, *a, **k: bool(flags & (os.O_WRONLY | os.O_RDWR)))
    io.open = counted(io.open, lambda path, mode="r", *a, **k: set(mode) & set("wax+"))  # pathlib's
    __builtins__.open = io.open
    storage._exchange = counted(storage._exchange)
    return lambda: done


def in_child(root: Path, argv: list[str], point: int = 0) -> int:
    """Run a command in a forked process, in a folder, and return its exit code."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.chdir(root)
            log = os.open(root.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if argv == ["prepare"]:
                prepare()
                os._exit(0)
            from hf_distill.cli.main import run

            count = end_after(point, str(root)) if point else lambda: 0
            code = run(argv)
            (root.parent / "count").write_text(str(count()))
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read(root: Path, result: Callable[[], str]) -> str | None:
    """Return what a result is, read in a process of its own, or None where it is not whole."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        text = ""
        try:
            os.chdir(root)
            text = result()
        finally:
            os.write(into, text.encode())
            os._exit(0)
    os.close(into)
    with os.fdopen(out) as file:
        text = file.read()
    os.waitpid(child, 0)
    return text or None


def attack(name: str, points: int = 0) -> dict[str, Any]:
    """End a scenario's command at each operation, or at so many of them, and count what went wrong."""
    scenario, failures = SCENARIOS[name], []
    row = {"command": name, "points": 0, "not whole": 0, "user's files gone": 0, "not resumed": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as temporary:
        base, root = Path(temporary).resolve() / "base", Path(temporary).resolve() / "root"
        base.mkdir()
        for argv in [["prepare"], *scenario.before]:
            assert in_child(base, argv) == 0, (base.parent / "log").read_text()[-2000:]
        for mine in scenario.mine:
            (base / mine).parent.mkdir(parents=True, exist_ok=True)
            (base / mine).write_text("years of work")
        shutil.copytree(base, root)
        old = read(root, scenario.result) if scenario.before else "none"
        assert in_child(root, scenario.command) == 0, (base.parent / "log").read_text()[-2000:]
        new = read(root, scenario.result)
        assert old and new and old != new
        last, chosen, point = None, [], 0
        if points:
            shutil.rmtree(root)
            shutil.copytree(base, root)
            in_child(root, scenario.command, -1)
            last = int((base.parent / "count").read_text())
            chosen = sorted({1 + round(i * (last - 1) / max(points - 1, 1)) for i in range(points)})
        while True:
            point = chosen.pop(0) if chosen else point + 1 if not points else 0
            if point == 0:
                break
            shutil.rmtree(root)
            shutil.copytree(base, root)
            if in_child(root, scenario.command, point) != KILLED:
                break
            row["points"] += 1
            wrong = [] if read(root, scenario.result) in (old, new) else ["not whole"]
            again = in_child(root, [*scenario.command, *scenario.again])
            said = (base.parent / "log").read_text().strip().splitlines()[-1:]
            if again or read(root, scenario.result) != new:
                wrong.append("not resumed")
            # After the second run: what the first has moved aside may come back.
            if not all((root / mine).is_file() for mine in scenario.mine):
                wrong.append("user's files gone")
            for kind in wrong:
                row[kind] += 1
            if wrong:
                row["failed"] += 1
                failures.append(f"{name}, point {point}: {', '.join(wrong)}; exit {again} {said}")
                print(failures[-1], file=sys.stderr, flush=True)
    return {"row": row, "failures": failures}


def attack_here(names: list[str], points: int) -> list[dict[str, Any]]:
    """Attack the code on the path; everything is imported before the first fork."""
    os.environ.update(QUIET)
    sys.path.append(str(Path(__file__).resolve().parent.parent))  # for the tests' tiny pipelines
    import PIL.Image
    import torch

    import tests.diffusion.pipelines  # noqa: F401

    PIL.Image.init()
    torch.set_num_threads(1)
    return [attack(name, points) for name in names]


def attack_commit(commit: str, names: list[str], points: int) -> list[dict[str, Any]]:
    """Attack the code of a commit, in a work tree of its own."""
    top = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary) / "tree"
        subprocess.run(["git", "worktree", "add", "-q", "--detach", tree, commit], cwd=top, check=True)
        try:
            command = [sys.executable, Path(__file__).resolve(), "--json", f"--points={points}"]
            command += [f"--scenario={name}" for name in names]
            environment = {**os.environ, **QUIET, "PYTHONPATH": str(tree), "HF_HOME": str(Path(temporary) / "home")}
            done = subprocess.run(
                command, cwd=temporary, env=environment, stdout=subprocess.PIPE, text=True, check=False
            )
            return json.loads(done.stdout.splitlines()[-1])
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=top, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="default: all")
    parser.add_argument("--points", type=int, default=0, help="of a command, evenly; default: all")
    parser.add_argument("--commits", nargs="*", default=[], help="compare these, and keep the counts")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    args = parser.parse_args()
    names = args.scenario or list(SCENARIOS)
    if not args.commits:
        results = attack_here(names, args.points)
        for result in results:
            print(result["row"], file=sys.stderr)
        if args.json:
            print(json.dumps(results))
        sys.exit(any(result["failures"] for result in results))
    from record import save

    rows = []
    for commit in args.commits:
        short = subprocess.check_output(["git", "rev-parse", "--short", commit], text=True).strip()
        rows += [{"commit": short, **result["row"]} for result in attack_commit(commit, names, args.points)]
    save("attack_crashes", rows, title="Commands ended at each of their file operations")


if __name__ == "__main__":
    main()
