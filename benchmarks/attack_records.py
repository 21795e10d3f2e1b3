"""Every value of a record is tampered with in every way: what show, the card and loading make of it.

Sets of all kinds are written, and at every path of their ``distillation.json`` the key is deleted or its value replaced
by every one of a list; further files are no JSON at all. Wanted is a result or one line. ``--code`` measures another
checkout: the figures before a change.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

from tests.hub.tampering import FILES, VALUES, paths, tampered  # noqa: E402

SLOW = 5.0  # seconds after which an answer counts as too slow


def outcome(call: Callable[[], Any], clock: list[float]) -> tuple[str, str]:
    """Run a call and say how it ended."""
    from hf_distill.errors import DistillError

    start = time.perf_counter()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            call()
        end, said = "works", ""
    except DistillError as error:
        said = str(error)
        end = "one line" if "\n" not in said and said.isprintable() and len(said) < 1000 else "unclean message"
    except BaseException as error:
        end, said = "traceback", f"{type(error).__name__}: {error}"[:150]
    clock[0] = max(clock[0], time.perf_counter() - start)
    return ("too slow", said) if time.perf_counter() - start > SLOW else (end, said)


def main() -> None:
    """Attack, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--code", type=Path, default=HERE, help="the checkout that is attacked")
    parser.add_argument("--sample", type=int, default=0, help="cases of each set; 0 takes all")
    parser.add_argument("--save", default="", help="name of the results' file; nothing is written without one")
    options = parser.parse_args()
    sys.path.insert(0, str(options.code))
    import hf_distill
    from hf_distill.cli.show import run as show
    from hf_distill.hub import DistilledDataset, render_card
    from tests.hub.kinds import KINDS

    assert Path(hf_distill.__file__).is_relative_to(options.code.resolve())
    folder = Path(tempfile.mkdtemp()) / "set"
    counts: dict[str, Counter[str]] = {"show": Counter(), "card": Counter(), "load": Counter()}
    clocks = {name: [0.0] for name in counts}
    details = []
    for kind, make in KINDS.items():
        make().save_pretrained(folder)
        record = folder / "distillation.json"
        good = json.loads(record.read_text())
        cases = [(path, name) for path in paths(good) for name in ["delete", *VALUES]]
        if options.sample:
            cases = random.Random(0).sample(cases, min(options.sample, len(cases)))
        texts = [(str(path), name, tampered(copy.deepcopy(good), path, name)) for path, name in cases]
        for place, name, text in [*texts, *(("file", name, change(record)) for name, change in FILES.items())]:
            record.write_bytes(text)
            calls: dict[str, Callable[[], Any]] = {
                "show": lambda: show([str(folder)]),
                "load": lambda: DistilledDataset.from_pretrained(folder).codes(),
            }
            if place != "file":
                calls["card"] = lambda text=text: render_card(json.loads(text))
            for what, call in calls.items():
                end, said = outcome(call, clocks[what])
                counts[what][end] += 1
                if end not in ("works", "one line"):
                    details.append(f"{what} | {kind} | {place} | {name} | {end} | {said!r}")
        record.write_text(json.dumps(good))
        print(kind, len(texts), {what: dict(found) for what, found in counts.items()}, flush=True)
    rows = []
    for what, found in counts.items():
        ends = {end: found[end] for end in ("works", "one line", "traceback", "too slow", "unclean message")}
        rows.append({"reader": what, "cases": found.total(), **ends, "slowest (s)": clocks[what][0]})
    print(*details, *rows, sep="\n")
    if options.save:
        import record as results

        commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=options.code, text=True)
        title = "Records that were tampered with" + ("" if options.code == HERE else ", before")
        results.save(options.save, rows, title=title, commit=commit.strip())


if __name__ == "__main__":
    main()
