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
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.errors import UserError
from hf_distill.labels.hard import HardLabels
from hf_distill.methods.method import Run
from hf_distill.methods.start import save_start
from hf_distill.ranks import Ranks
from hf_distill.runs.alone import Alone
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

    The start is that of the whole set. Ranks share the chunks: each is made by one of them, with a seed of its own. It
    is written when it is finished, and a run that goes on begins with the chunk that is not. What is optimised takes
    the memory of one chunk, whatever the set's size.

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
    folder = None if run.folder is None else run.folder / CHUNKS
    mine = json.dumps(method.run_config(real, run), sort_keys=True)
    accelerator = Accelerator()
    if folder is not None and accelerator.is_main_process:  # the other ranks would take its mark for another run's
        _begin(folder, mine, run)
    accelerator.wait_for_everyone()
    start = method.start(real, run.seed)
    if run.folder is not None and accelerator.is_main_process:
        save_start(start, run.folder, run.config or method.run_config(real, run), run.seed)
    begun = start()
    count = -(-whole.size // (method.chunk or whole.size))
    chunk_of = _divided(begun.y, count)
    ranks = Ranks.together()
    run = replace(run, progress=run.progress and ranks.is_first, callbacks=run.callbacks if ranks.is_first else ())

    def chunk(number: int) -> dict[str, Any]:
        done = None if folder is None else folder / f"{number:06d}.pt"
        if done is not None and done.is_file():
            return read_state(done, "the chunk", "delete it, and it is made again")
        part = _made(method, begun.take((chunk_of == number).nonzero()[:, 0]), number, real, run)
        if done is not None:
            write_state(done, part)
        return part

    x = begun.x.detach()
    for number, part in enumerate(ranks.shared(chunk, count)):
        x[chunk_of == number] = part["x"]  # where its start was: the set is held once
    return start


def _divided(y: Tensor, count: int) -> Tensor:
    """Return the chunk of each sample, such that each has as many of every class, or one less."""
    chunk = torch.empty_like(y)
    for label in y.unique():
        own = (y == label).nonzero()[:, 0]
        chunk[own] = torch.arange(len(own)) * count // len(own)
    return chunk


def _made(method: OptimizedDistillation, begun: Batch, number: int, real: Data, run: Run) -> dict[str, Any]:
    """Return the samples of a chunk, which this process makes alone."""
    own = copy.copy(method)
    own.chunk, own.synthetic = None, copy.deepcopy(method.synthetic)
    own.synthetic.resize(method.chunk)  # type: ignore[operator]
    folder = None if run.folder is None else run.folder / CHUNKS / f"{number:06d}"
    options = replace(run, folder=folder, seed=Streams(run.seed).seed_for("chunk", number), resume=True, trackers=())
    part = copy.deepcopy(own.synthetic)
    part.initialize(begun.x.detach(), begun.y, real.spec)
    decoded = own.optimized(part, real, options, Alone())()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return {"x": decoded.x.detach().cpu()}


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
