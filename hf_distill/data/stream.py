"""A stream that feeds class-balanced batches without random access."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from datasets import IterableDataset
from torch import Tensor

from hf_distill.data.kinds.base import Decoder
from hf_distill.data.local import reading
from hf_distill.errors import UserError

_READ_ROWS = 64


class ClassStream:
    """Reads forward through a stream and hands out samples by class.

    Rows of classes that are not asked for wait in a buffer, at most ``buffer`` of each class; the oldest is dropped
    first. At the end the stream starts again. The state is the position and the buffers, so that a resumed run goes on
    with the next row.

    Args:
        dataset: The stream, with undecoded images.
        path: Where it comes from, for errors.
        label: The label column.
        decoder: Turns rows into tensors.
        classes: Label value to class index.
        counts: Rows of each class in the whole stream.
        buffer: Samples kept of each class.
    """

    def __init__(
        self,
        dataset: IterableDataset,
        path: str,
        label: str,
        decoder: Decoder,
        classes: dict[Any, int],
        counts: list[int],
        buffer: int,
    ) -> None:
        self._dataset = dataset
        self._path = path
        self._label = label
        self._decoder = decoder
        self._classes = classes
        self._counts = counts
        self._buffer = buffer
        self._waiting: list[list[Tensor]] = [[] for _ in range(max(classes.values()) + 1)]
        self._position = 0
        self._rows = self._read(0)

    def take(self, label: int, count: int) -> Tensor:
        """Return the next ``count`` samples of a class as stored values ``(count, *shape)``; a smaller class repeats.

        Raises:
            UserError: The whole stream has no sample of the class.
        """
        if not self._counts[label]:
            raise UserError(f"the stream has no sample of class {label}")
        whole = min(count, self._counts[label])
        while len(self._waiting[label]) < whole:
            self._fill(max(whole, self._buffer))
        taken, self._waiting[label] = self._waiting[label][:whole], self._waiting[label][whole:]
        return torch.stack([taken[place % whole] for place in range(count)])

    def _fill(self, limit: int) -> None:
        """Read some rows into the buffers; at the end, begin again."""
        with reading(self._path):
            rows = next(self._rows, None)
        if rows is None:
            if self._position == 0:
                raise UserError("the stream is empty")
            self._position, self._rows = 0, self._read(0)
            return
        labels = rows[self._label]
        decoded = self._decoder(rows, range(self._position, self._position + len(labels)))
        for place, (value, label) in enumerate(zip(decoded, labels, strict=True)):
            if label not in self._classes:
                raise UserError(
                    f"row {self._position + place} of the stream has label {label!r} in column {self._label!r}, "
                    "which it had not when it was read first: does it give the same rows again?"
                )
            waiting = self._waiting[self._classes[label]]
            waiting.append(value.clone())  # a view would keep all rows that were read with it
            if len(waiting) > limit:
                waiting.pop(0)
        self._position += len(labels)

    def _read(self, position: int) -> Iterator[dict[str, list[Any]]]:
        stream = self._dataset.skip(position) if position else self._dataset
        return iter(stream.iter(batch_size=_READ_ROWS))

    def state_dict(self) -> dict[str, Any]:
        """Return position and buffers."""
        waiting = [torch.stack(rows) if rows else None for rows in self._waiting]
        return {"position": self._position, "waiting": waiting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        self._position = state["position"]
        self._waiting = [list(rows) if rows is not None else [] for rows in state["waiting"]]
        self._rows = self._read(self._position)
