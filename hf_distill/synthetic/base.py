"""Synthetic: the set that is learned. What is stored is separate from how it is read."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, overload

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from hf_distill.data.base import SpecT
from hf_distill.data.batch import Batch
from hf_distill.errors import DistillError, UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.parts import Part

if TYPE_CHECKING:
    from hf_distill.synthetic.planner import Planner


@dataclass(frozen=True)
class Bits:
    """The exact size of a stored set in bits.

    Attributes:
        data: The stored variables.
        labels: Hard or soft labels.
        side: Everything else that a reader needs: weights of samples, scales, levels.
    """

    data: int
    labels: int
    side: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.data + self.labels + self.side


class Rows(Sequence[bytes]):
    """The rows of an array as bytes, each made when it is asked for: a list of all would hold a large set once more.

    Args:
        values: The array, of which rows are what it holds by then; or a column of bytes.
    """

    def __init__(self, values: np.ndarray | pa.ChunkedArray) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [_as_bytes(row) for row in self.values[index]]
        return _as_bytes(self.values[index])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


def _as_bytes(row: np.ndarray | pa.Scalar) -> bytes:
    return row.as_py() if isinstance(row, pa.Scalar) else row.tobytes()


@dataclass(frozen=True)
class Packed:
    """The exact stored variables as table rows, for the artifact's ``codes`` configuration.

    Attributes:
        columns: Column name to a list of one value a row: ``bytes`` or numbers; or to :class:`Rows`.
        meta: What :mod:`hf_distill.decode` needs to know beside them, JSON.
    """

    columns: dict[str, Any]
    meta: dict[str, Any] = field(default_factory=dict)


class Synthetic(nn.Module, Part, Generic[SpecT]):
    """A small set of samples with its own parameterisation.

    Subclasses hold their stored variables as parameters, made in :meth:`initialize`. ``decode`` is pure: it reads
    nothing but its argument and the constants fixed by ``initialize``, so that a quantizer can stand between
    ``codes`` and ``decode``.

    What is decoded depends on the task: the samples themselves, or a time series, whose training examples are its
    windows. :meth:`examples` and :meth:`view` hide the difference from the objectives.

    Examples:
        >>> from hf_distill import PixelSet, RealData, RealSamples, Undistilled
        >>> from hf_distill.seeding import Streams
        >>> real, synthetic = RealData().setup(), PixelSet(per_class=1)
        >>> start = RealSamples().draw(real, 1, Streams(0))
        >>> synthetic.initialize(start.x, start.y, real.spec)
        >>> codes = synthetic.codes()
        >>> list(codes), synthetic.decode(codes).x.shape, synthetic.bits().total
        (['pixels'], torch.Size([10, 1, 8, 8]), 20520)
    """

    __repr__ = Part.__repr__  # by its options, not by its modules

    def __init__(self) -> None:
        super().__init__()
        self._spec: SpecT | None = None

    @property
    @abstractmethod
    def size(self) -> int:
        """How much real data it starts from: samples of each class, or time steps."""

    @property
    def spec(self) -> SpecT:
        """The specification that :meth:`initialize` was given."""
        if self._spec is None:
            raise DistillError(f"{type(self).__name__} has no samples yet: call initialize(x, y, spec) first")
        return self._spec

    @property
    def label_part(self) -> Labels | None:
        """What holds the labels; None for a series."""
        return None

    @property
    def weight_part(self) -> Weights | None:
        """What holds the samples' weights; None where all count alike."""
        return None

    @abstractmethod
    def initialize(self, x: Tensor, y: Tensor, spec: SpecT, w: Tensor | None = None) -> None:
        """Start from real data.

        Args:
            x: Normalised inputs ``(M, *shape)``, or a normalised series ``(M, N)``.
            y: Class indices ``(M,)`` or class probabilities ``(M, classes)``, or the numbers of the time steps.
            spec: The data's specification.
            w: Weights ``(M,)`` of samples, for sets that store them; 1 where there are none.
        """

    @abstractmethod
    def codes(self) -> dict[str, Tensor]:
        """Return the stored variables, differentiable."""

    @abstractmethod
    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """Return everything that the stored variables stand for, in the networks' units."""

    def stored(self, x: Tensor) -> np.ndarray | None:
        """Return what is published, where it is more than inputs tell: chosen samples as the source holds them.

        Args:
            x: What the set decodes to. What is learned by now, or rounded, is no longer the source's.
        """
        return None

    def stored_labels(self, y: Tensor) -> pa.Table | None:
        """Return the published label columns, where they are more than targets tell: the source's of chosen samples.

        Args:
            y: The targets that the set decodes to.
        """
        return None

    def start_from(self, source: np.ndarray | None, given: pa.Table | None = None) -> None:
        """Keep what is published of the samples that the set was started from, where these stay as they are.

        Args:
            source: What is published of the inputs, a row a sample, where inputs do not tell all of it.
            given: The label columns, where targets do not.
        """

    def exact_names(self, spec: SpecT) -> tuple[str, ...]:
        """Return the names of the stored variables of some data that are whole numbers, which no quantizer touches."""
        return ()

    def exact_row(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return columns of :meth:`exact_names` in the row of a quantized set, and what a reader must know of them."""
        return {}, {}

    def known_bits(self) -> int:
        """Return the bits of what a reader of the codes needs beside them: a tokenizer."""
        return 0

    def relabel(self, labels: Labels) -> None:
        """Put other labels in the place of the set's, those that a teacher has given to the finished samples.

        Args:
            labels: Those of all training examples; see :meth:`Labels.taught`.

        Raises:
            UserError: Such a set has no labels, or could not keep to its budget.
        """
        raise UserError(f"{type(self).__name__} has no labels that a teacher could give")

    def own_labels(self) -> contextlib.AbstractContextManager[None]:
        """Within this, labels are those that config ``default`` is made of: the samples' own, before a teacher's."""
        return contextlib.nullcontext()

    @abstractmethod
    def pack(self) -> Packed:
        """Return the exact stored variables as the rows that are written."""

    def reading(self) -> dict[str, Any]:
        """Return how :mod:`hf_distill.decode` turns the stored variables into inputs, JSON: ``inputs`` and its options.

        It counts for the class that has it and for those below that decode in the same way; see :func:`described`.
        """
        return {"inputs": None}

    @abstractmethod
    def bits(self) -> Bits:
        """Return the exact size of :meth:`pack`, labels and side information included."""

    def planner(self) -> Planner | None:
        """Return what finds the size where a budget decides it, or None."""
        return None

    def advance(self, share: float) -> None:
        """Called before every optimiser step with the share of the steps that are done; and after the last."""

    def penalties(self) -> dict[str, Tensor]:
        """Return terms of the set's own that are added to the loss."""
        return {}

    def project(self) -> None:
        """Move the stored variables back to where they can be stored; called after every optimiser step."""

    def forward(self) -> Batch:
        """Return what the set stands for now, differentiable in the stored variables."""
        return self.decode(self.codes())

    def examples(self, decoded: Batch) -> int:
        """Return how many training examples there are."""
        return len(decoded)

    def view(self, decoded: Batch, index: Tensor) -> Batch:
        """Return some training examples, by their numbers ``(B,)`` below :meth:`examples`."""
        return decoded.take(index)

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups; parts with their own learning rate override this."""
        return [{"params": list(self.parameters()), "lr": lr}]


def all_examples(synthetic: Synthetic, decoded: Batch) -> Batch:
    """Return all training examples of a decoded set."""
    count = synthetic.examples(decoded)
    if count == len(decoded):
        return decoded
    return synthetic.view(decoded, torch.arange(count, device=decoded.x.device))


def role(synthetic: Synthetic, name: str) -> Literal["data", "labels", "weights"]:
    """Return what a stored variable is of."""
    labels, weights = synthetic.label_part, synthetic.weight_part
    if labels is not None and name in labels.codes():
        return "labels"
    return "weights" if weights is not None and name in weights.codes() else "data"


def described(synthetic: Synthetic) -> dict[str, Any]:
    """Return :meth:`Synthetic.reading`, which says ``inputs: null`` of a class that decodes in a way of its own."""
    line = type(synthetic).__mro__
    says, decodes = (next(k for k, cls in enumerate(line) if name in vars(cls)) for name in ("reading", "decode"))
    return synthetic.reading() if says <= decodes else {"inputs": None}
