"""A stream that feeds batches with as many samples of every group without random access."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import IterableDataset
from torch import Tensor

from hf_distill.data.kinds.decoder import Decoder
from hf_distill.data.local import reading
from hf_distill.errors import UserError

_READ_ROWS = 64


@dataclass(frozen=True)
class Targets:
    """How the targets of a stream's rows are read.

    Attributes:
        columns: The label columns.
        read: From their values to targets ``(B,)`` or ``(B, outputs)``.
        groups: From targets to groups ``(B,)``: classes, where there are any.
    """

    columns: Sequence[str]
    read: Callable[[Mapping[str, Sequence[Any]]], Tensor]
    groups: Callable[[Tensor], Tensor]


class SampleStream:
    """Reads forward through a stream and hands out samples by their group.

    Rows of groups that are not asked for wait in a buffer, at most ``buffer`` of each; the oldest is dropped first. At
    the end the stream starts again. The state is the position and the buffers, so that a resumed run goes on with the
    next row.

    Args:
        dataset: The stream, with undecoded images.
        path: Where it comes from, for errors.
        targets: How its targets are read.
        decoder: Turns rows into tensors.
        counts: Rows of each group in the whole stream.
        buffer: Samples kept of each group.
    """

    def __init__(
        self, dataset: IterableDataset, path: str, targets: Targets, decoder: Decoder, counts: list[int], buffer: int
    ) -> None:
        self._dataset = dataset
        self._path = path
        self._targets = targets
        self._decoder = decoder
        self._counts = counts
        self._buffer = buffer
        self._waiting: list[list[tuple[Tensor, Tensor]]] = [[] for _ in counts]
        self._position = 0
        self._rows = self._read(0)

    def take(self, group: int, count: int) -> tuple[Tensor, Tensor]:
        """Return the next ``count`` samples of a group as stored values, and targets; a smaller group repeats.

        Raises:
            UserError: The whole stream has no sample of the group.
        """
        if not self._counts[group]:
            raise UserError(f"the stream has no sample of class {group}")
        whole = min(count, self._counts[group])
        while len(self._waiting[group]) < whole:
            self._fill(max(whole, self._buffer))
        taken, self._waiting[group] = self._waiting[group][:whole], self._waiting[group][whole:]
        values, targets = zip(*(taken[place % whole] for place in range(count)), strict=True)
        return torch.stack(values), torch.stack(targets)

    def take_each(self, groups: list[int], count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return :meth:`take` of several groups on a device, one group after the other."""
        values, targets = zip(*(self.take(group, count) for group in groups), strict=True)
        return torch.cat(values).to(device), torch.cat(targets).to(device)

    def _fill(self, limit: int) -> None:
        """Read some rows into the buffers; at the end, begin again."""
        with reading(self._path):
            rows = next(self._rows, None)
        if rows is None:
            if self._position == 0:
                raise UserError("the stream is empty")
            self._position, self._rows = 0, self._read(0)
            return
        try:
            targets = self._targets.read({name: rows[name] for name in self._targets.columns})
        except UserError as error:
            raise UserError(
                f"the stream, {self._position:,} rows on, is not what it was when it was read first, does it give the "
                f"same rows again? {error}"
            ) from error
        decoded = self._decoder(rows, range(self._position, self._position + len(targets)))
        for value, target, group in zip(decoded, targets, self._targets.groups(targets).tolist(), strict=True):
            waiting = self._waiting[group]
            waiting.append((value.clone(), target.clone()))  # a view would keep all rows that were read with it
            if len(waiting) > limit:
                waiting.pop(0)
        self._position += len(targets)

    def _read(self, position: int) -> Iterator[dict[str, list[Any]]]:
        stream = self._dataset.skip(position) if position else self._dataset
        return iter(stream.iter(batch_size=_READ_ROWS))

    def state_dict(self) -> dict[str, Any]:
        """Return position and buffers."""
        waiting = [tuple(map(torch.stack, zip(*rows, strict=True))) if rows else None for rows in self._waiting]
        return {"position": self._position, "waiting": waiting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self._position = state["position"]
        self._waiting = [list(zip(*rows, strict=True)) if rows is not None else [] for rows in state["waiting"]]
        self._rows = self._read(self._position)
