"""What a user sees of a run while it goes on: bar, log, trackers and previews."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from accelerate import Accelerator

from hf_distill.files import write_atomically
from hf_distill.hub.formats import format_of
from hf_distill.hub.preview import render_preview
from hf_distill.methods.method import Run
from hf_distill.progress import progress_bar
from hf_distill.runs.pace import Pace
from hf_distill.synthetic.base import Synthetic

_LOG = "log.jsonl"


class Reporter:
    """Bar with loss and time left, ``log.jsonl``, Accelerate trackers, previews and callbacks, all on the main rank.

    What is logged goes into the run's notes too, and what steps take, which is printed once it is known.

    Args:
        run: Folder and choices.
        accelerator: Its trackers are used.
        start, steps: The first and the last step, for the bar.
        log_every, preview_every: Steps between entries of the log and between previews; 0 makes none.
        cycle: The objective's (:meth:`hf_distill.objectives.base.Objective.cycle`), for what steps take.
    """

    def __init__(
        self,
        run: Run,
        accelerator: Accelerator,
        *,
        start: int,
        steps: int,
        log_every: int,
        preview_every: int,
        cycle: tuple[int, int] = (1, 0),
    ) -> None:
        self._main = accelerator.is_main_process
        self._accelerator = accelerator
        self._folder: Path | None = run.folder if self._main else None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            trim_log(self._folder / _LOG, start)
            run.notes.history[:] = read_log(self._folder / _LOG) if start else []
        self._history = run.notes.history
        self._trackers = run.trackers
        self._callbacks = run.callbacks if self._main else ()
        self._log_every = log_every
        self._preview_every = preview_every
        self._steps = steps
        self._notes = run.notes
        self._pace = Pace(accelerator.device, *cycle)
        self._shown = run.progress and self._main
        self._bar = progress_bar(steps, "distilling", "step", initial=start, disable=not self._shown)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def step(self, step: int, losses: dict[str, float], synthetic: Synthetic) -> None:
        """Report a finished step (counted from 1)."""
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in losses.items()}, refresh=False)
        self._bar.update()
        if pace := self._pace.step():
            self._notes.pace = pace
            if self._shown:
                self._bar.write(pace, sys.stderr)
        for callback in self._callbacks:
            callback.on_step_end(step, losses, synthetic)
        last = step == self._steps
        if self._log_every and (step % self._log_every == 0 or last):
            if self._trackers:
                self._accelerator.log(losses, step=step)
            self._history.append({"step": step, **losses})
            for callback in self._callbacks:
                callback.on_log(step, losses)
            if self._folder is not None:
                with open(self._folder / _LOG, "a") as file:
                    file.write(json.dumps({"step": step, **losses}) + "\n")
        if self._folder is not None and self._preview_every and (step % self._preview_every == 0 or last):
            self._preview(self._folder / "previews" / f"step-{step:08d}.png", synthetic)

    def saved(self, step: int, folder: Path) -> None:
        """Report the checkpoint of a step."""
        for callback in self._callbacks:
            callback.on_checkpoint(step, folder)

    @staticmethod
    @torch.no_grad()
    def _preview(path: Path, synthetic: Synthetic) -> None:
        batch = synthetic()
        stored = format_of(synthetic.spec.task).store(synthetic.spec, batch.x.cpu())
        if (picture := render_preview(synthetic.spec, stored, batch.y.cpu())) is not None:
            written = io.BytesIO()
            picture.save(written, format="PNG")
            write_atomically(path, written.getvalue())


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the entries of the last run that a log holds; each run begins anew with small steps."""
    entries: list[dict[str, Any]] = []
    for line in reversed(path.read_text().splitlines() if path.is_file() else []):
        entry = json.loads(line)
        if entries and entry["step"] >= entries[-1]["step"]:
            break
        entries.append(entry)
    return entries[::-1]


def trim_log(path: Path, start: int) -> None:
    """Make a log fit to be continued: a line that a crash has cut off goes, and what is about to be logged again.

    Args:
        path: The log.
        start: Steps that are done. With none a new run begins, and the entries of the one before stay.
    """
    if not path.is_file():
        return
    text = path.read_text(errors="replace")
    kept = []
    for line in text.splitlines(keepends=True):
        try:
            step = json.loads(line)["step"]
            whole = line.endswith("\n")
        except (ValueError, TypeError, KeyError):
            continue
        if whole and not (start and step > start):
            kept.append(line)
    if (whole_text := "".join(kept)) != text:
        write_atomically(path, whole_text)
