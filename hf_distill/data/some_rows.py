"""The same data with fewer training rows."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.splits import SomeRows


def with_rows(real: RealData, rows: Tensor) -> RealData:
    """Return data whose training rows are some of others', by their numbers; its statistics stay those of all."""
    split = SomeRows(real.train, rows)
    counts = torch.bincount(split.labels, minlength=real.spec.num_groups).tolist()
    some = copy.copy(real)
    some._spec, some._train = replace(real.spec, num_rows=len(rows), class_counts=tuple(counts)), split
    return some
