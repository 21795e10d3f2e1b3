"""Every request of a push, a fetch and a source goes wrong in every way: what the user gets.

Each request in turn is answered by each fault of tests/hub_faults.py, from a server of this machine. Wanted is one line
and exit code 1 (or success, where the client can do without the answer), and a repository that is as it was or has all
of the new set. ``--code`` measures another checkout: the figures before a change.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))
os.environ |= {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1", "HF_HUB_DISABLE_EXPERIMENTAL_WARNING": "1"}

from tests import conftest  # noqa: E402 - it sets what the client reads when it is imported
from tests.hub_faults import FAULTS, failing  # noqa: E402

HUB = conftest._HUB
REPO = "owner/tiny"
HANGS = 12.0  # seconds after which a call counts as hanging; with the limits below it is done long before


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """Run a call as the command line would and say how it ended."""
    from hf_distill.errors import DistillError, UserError

    found: list[tuple[str, str]] = []

    def work() -> None:
        try:
            call()
            found.append(("done", ""))
        except DistillError as error:
            code = 2 if isinstance(error, UserError) else 1
            shown = str(error)
            clean = shown.isprintable() and "hf_loopback" not in shown and len(shown) < 600
            found.append((f"one line, exit {code}" if clean else "unclean message", shown))
        except BaseException as error:
            found.append(("traceback", f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(HANGS)
    return found[0] if found else ("hangs", "")


def main() -> None:
    """Attack, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--code", type=Path, default=HERE, help="the checkout that is attacked")
    parser.add_argument("--save", default="", help="name of the results' file; nothing is written without one")
    options = parser.parse_args()
    sys.path.insert(0, str(options.code))
    import datasets
    import huggingface_hub
    from huggingface_hub import constants

    import hf_distill
    from hf_distill.data.sources import open_source
    from hf_distill.hub import DistilledDataset, publish
    from tests.hub.conftest import image_spec, make

    assert Path(hf_distill.__file__).is_relative_to(options.code.resolve())
    if (options.code / "hf_distill" / "connection.py").exists():
        from hf_distill import connection

        connection.SILENCE, publish._BRIEF, publish._DOWNLOAD = 0.5, 4.0, 4.0
    # The pauses between two tries cost a user half a minute and this script hours.
    nap = types.SimpleNamespace(sleep=lambda seconds: threading.Event().wait(min(seconds, 0.01)))
    huggingface_hub.utils._http.time = huggingface_hub.file_download.time = nap
    old, new = make(image_spec()), make(image_spec(), seed=1)

    def start() -> None:
        huggingface_hub.close_session()
        HUB.clear()
        old.push_to_hub(REPO)
        constants.HF_HUB_CACHE = tempfile.mkdtemp(dir=conftest._HOME.name)
        datasets.config.HF_DATASETS_CACHE = Path(constants.HF_HUB_CACHE)
        HUB.asked.clear()

    calls: dict[str, Callable[[], Any]] = {
        "push": lambda: new.push_to_hub(REPO),
        "fetch": lambda: DistilledDataset.from_pretrained(REPO),
        "source": lambda: open_source(path=REPO),
    }
    ends = [publish_files(dataset) for dataset in (old, new)]
    rows, details = [], []
    for name, call in calls.items():
        start()
        call()
        kinds = list(dict.fromkeys(HUB.asked))
        counts: Counter[str] = Counter()
        broken = 0
        for kind in kinds:
            for fault in FAULTS:
                start()
                with failing(HUB, kind, fault):
                    end, said = outcome(call)
                counts[end] += 1
                files = HUB.repos[REPO].files()
                broken += {key: data for key, data in files.items() if key != ".gitattributes"} not in ends
                details.append(f"{name} | {kind} | {fault} | {end} | {said[:200]!r}")
        rows.append({"operation": name, "cases": len(kinds) * len(FAULTS), **counts, "repository broken": broken})
        print(rows[-1], flush=True)
    for row in rows:
        for column in ("traceback", "hangs", "unclean message", "one line, exit 2"):
            row.setdefault(column, 0)
    print("\n".join(details))
    if options.save:
        import record

        commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=options.code, text=True)
        title = "Faults of the Hub, each for every request" + ("" if options.code == HERE else ", before")
        record.save(options.save, rows, title=title, commit=commit.strip())
    sys.stdout.flush()
    os._exit(0)  # threads that hang would keep the process


def publish_files(dataset: Any) -> dict[str, bytes]:
    """Return the files that a set has in its repository."""
    HUB.clear()
    dataset.push_to_hub(REPO)
    return {key: data for key, data in HUB.repos[REPO].files().items() if key != ".gitattributes"}


if __name__ == "__main__":
    main()
