"""Making a set in chunks: so many samples of each class at a time, each chunk a run of its own."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator

from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.labels.hard import HardLabels
from hf_distill.methods.method import Run
from hf_distill.runs.state_file import read_state, write_state
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.generated import GeneratedSet
from hf_distill.synthetic.pixel import PixelSet

if TYPE_CHECKING:
    from hf_distill.methods.optimized import OptimizedDistillation

#: The finished chunks of an unfinished run, and the run of the present one.
CHUNKS = "chunks"
_PLAIN = (PixelSet, GeneratedSet)


def in_chunks(method: OptimizedDistillation, real: Data, run: Run) -> Synthetic:
    """Return a set of which so many samples of each class were optimised at a time.

    Each chunk has a seed of its own, for its start and its steps. It is written when it is finished, and a run that
    goes on begins with the chunk that is not. What is optimised takes the memory of one chunk, whatever the set's size.

    Args:
        method: What optimises, with its ``chunk``.
        real: The data.
        run: The run of all of them.

    Raises:
        UserError: The set cannot be divided, or the folder holds another run.
    """
    whole = method.synthetic
    if type(whole) not in _PLAIN or whole.weight_part is not None or not isinstance(whole.label_part, HardLabels):
        raise UserError("method.chunk divides a PixelSet or a GeneratedSet with hard labels and without weights")
    size = method.chunk or whole.size
    folder = None if run.folder is None else run.folder / CHUNKS
    mine = json.dumps(method.run_config(real, run), sort_keys=True)
    accelerator = Accelerator()
    if folder is not None and accelerator.is_main_process:  # the other ranks would take its mark for another run's
        _begin(folder, mine, run)
    accelerator.wait_for_everyone()
    parts = []
    for start in range(0, whole.size, size):
        done = None if folder is None else folder / f"{start:06d}.pt"
        if done is not None and done.is_file():
            parts.append(read_state(done, "the chunk", "delete it, and it is made again"))
            continue
        part = _made(method, min(size, whole.size - start), start, real, run)
        if done is not None and accelerator.is_main_process:
            write_state(done, part)
        parts.append(part)
    x, y = (torch.cat([part[name] for part in parts]) for name in ("x", "y"))
    order = y.argsort(stable=True)
    synthetic = copy.deepcopy(whole)
    synthetic.initialize(x[order], y[order], real.spec)
    return synthetic


def _made(method: OptimizedDistillation, size: int, start: int, real: Data, run: Run) -> dict[str, Any]:
    """Return the samples of a chunk."""
    own = copy.copy(method)
    own.chunk, own.synthetic = None, copy.deepcopy(method.synthetic)
    own.synthetic.resize(size)  # type: ignore[operator]
    folder = None if run.folder is None else run.folder / CHUNKS / f"{start:06d}"
    options = replace(run, folder=folder, seed=Streams(run.seed).seed_for("chunk", start), resume=True, trackers=())
    synthetic = own.fit(real, options)
    decoded = synthetic()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return {"x": decoded.x.detach().cpu(), "y": decoded.y.cpu()}


def _begin(folder: Path, mine: str, run: Run) -> None:
    """Refuse chunks of another run, or that nobody wants to go on with."""
    mark = folder / "run.json"
    if mark.is_file() and run.overwrite and not run.resume:
        shutil.rmtree(folder)
    if mark.is_file():
        if not run.resume:
            raise UserError(
                f"{folder} holds an unfinished run: add --resume=true to go on with it or --overwrite=true to start "
                "over"
            )
        if mark.read_text() != mine:
            raise UserError(
                f"{folder} belongs to a run with another configuration: restore it, or start over with "
                "--overwrite=true or in another --output_dir"
            )
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(mine)
