"""Real samples of every class or cell, a few of these at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.objectives.target_cells import TargetCells
from hf_distill.selection.cells import Cells

# Numbers in the real samples that are held at once, unless a single class or forward pass has more.
_HELD = 2**24


def real_chunks(
    real: RealData,
    generator: torch.Generator,
    per_class: int,
    chunk: int,
    cells: Cells | TargetCells | None = None,
    present: Tensor | None = None,
) -> Iterator[Batch]:
    """Draw as many real samples of each class, or of each cell, and yield those of a few of these at a time.

    The labels are places: among the classes that the set has, or the cells.

    Args:
        real: The data.
        generator: The source of randomness.
        per_class: Samples of each class, which its cells share.
        chunk: Samples of a forward pass.
        cells: The cells, where there are any.
        present: The classes that are drawn from; all of them if None.
    """
    if cells is None:
        classes = list(range(real.spec.num_groups)) if present is None else present.tolist()
        count = per_class
    else:
        classes = list(range(len(cells.rows)))
        count = -(-per_class * len(set(cells.classes)) // len(classes))
    step = max(1, max(chunk, _HELD // math.prod(real.spec.shape)) // count)
    for first in range(0, len(classes), step):
        some = classes[first : first + step]
        if cells is None:
            drawn = real.sample(some, count, generator)
        else:
            drawn = real.draw_of([cells.rows[cell] for cell in some], count, generator)
        places = torch.arange(first, first + len(some), device=drawn.x.device)
        yield Batch(drawn.x, places.repeat_interleave(count), drawn.w)
