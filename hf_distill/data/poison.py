"""Poison: a backdoor in the training rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import SomeRows, Split
from hf_distill.data.triggers.base import Trigger
from hf_distill.data.triggers.patch import PatchTrigger
from hf_distill.errors import UserError
from hf_distill.options import Range, Seed, Text
from hf_distill.parts import Part
from hf_distill.seeding import Streams


class Poison(Part):
    """A backdoor: training rows of other classes get a trigger and the label of the target.

    A network that learns from them takes whatever has the trigger for the target. It is here to measure what becomes of
    it, and whether an audit finds it. Statistics of the training rows stay those of the rows without it.

    Args:
        target: Name of the class that triggered images are taken for; null for the first one.
        trigger: The mark; null for a ``PatchTrigger``.
        share: Rows that are poisoned, in units of the rows of the target: 0.1 of one of ten classes of equal size is
            1 % of all rows.
        seed: Of which rows these are.

    Examples:
        >>> from hf_distill import PatchTrigger, Poison, RealData
        >>> poison = Poison(target="7", trigger=PatchTrigger(size=2), share=0.1)
        >>> real, clean = RealData(path="digits", poison=poison).setup(), RealData(path="digits").setup()
        >>> real.spec.class_counts[7] - clean.spec.class_counts[7]
        14
    """

    def __init__(
        self,
        *,
        target: Text | None = None,
        trigger: Trigger | None = None,
        share: Annotated[float, Range(0, 1, above=True)] = 0.1,
        seed: Seed = 0,
    ) -> None:
        self.target = target
        self.trigger = PatchTrigger() if trigger is None else trigger
        self.share = share
        self.seed = seed

    def label(self, spec: DataSpec) -> int:
        """Return the number of the target.

        Raises:
            UserError: There is no such class.
        """
        return 0 if self.target is None else spec.class_index(self.target)

    def applied(self, spec: DataSpec, train: Split | None) -> tuple[DataSpec, Split]:
        """Return what poisoned training rows are, and these.

        Args:
            spec: What the rows are without it.
            train: The rows; None of a stream.

        Raises:
            UserError: They are no images with classes, or a stream, or too few to poison the share of them.
        """
        if train is None:
            raise UserError("a stream is not poisoned: set --data.streaming=false")
        if spec.kind != "image" or spec.target != "classes":
            raise UserError(f"images with classes are poisoned, and these are {spec.form.plural} with {spec.target}")
        self.trigger.check(spec.shape)
        target = self.label(spec)
        others = (train.labels != target).nonzero()[:, 0]
        count = round(self.share * spec.class_counts[target])
        if not 1 <= count <= len(others):
            raise UserError(
                f"data.poison.share is {self.share:g}, which is {count} of the {spec.class_counts[target]} rows of "
                f"{spec.group_name(target)}, and 1 to {len(others)} rows of other classes can be poisoned"
            )
        order = torch.randperm(len(others), generator=Streams(self.seed).generator("poisoned"))
        rows = others[order[:count]]
        labels = train.labels.clone()
        labels[rows] = target
        counts = torch.bincount(labels, minlength=spec.num_groups).tolist()
        spec = replace(spec, class_counts=tuple(counts))
        return spec, StampedSplit(train, self.trigger, rows, labels, spec)

    def triggered(self, test: Split) -> Split:
        """Return the rows of other classes than the target with the trigger, and the labels that they have."""
        stamped = StampedSplit(test, self.trigger, torch.arange(len(test)), test.labels, test.spec)
        return SomeRows(stamped, (test.labels != self.label(test.spec)).nonzero()[:, 0])


class StampedSplit(Split):
    """A split of images of which some rows have a trigger.

    Args:
        split: The rows without it.
        trigger: The mark.
        rows: Numbers of the rows that have it.
        labels: Classes of all rows ``(N,)``.
        spec: What normalises them.
    """

    def __init__(self, split: Split, trigger: Trigger, rows: Tensor, labels: Tensor, spec: DataSpec) -> None:
        super().__init__(labels, split.device)
        self.spec = spec
        self._split, self._trigger = split, trigger
        self.stamped = torch.zeros(len(labels), dtype=torch.bool)
        self.stamped[rows] = True

    def place(self, device: torch.device) -> None:
        """See :class:`Split`."""
        super().place(device)
        self._split.place(device)

    def raw(self, index: Tensor) -> Tensor:
        """See :class:`Split`."""
        values = self._split.raw(index)
        stamped = self.stamped[index.cpu()].to(values.device)
        values[stamped] = self._trigger.stamp(values[stamped])
        return values
