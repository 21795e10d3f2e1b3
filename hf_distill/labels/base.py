"""Labels: the labels of a set's samples, stored apart from how they are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.parts import Part


class Labels(nn.Module, Part):
    """What a set of samples stores of its labels, and what they are read as.

    Two things can be stored: numbers of classes, exactly (:meth:`classes`); and shares or logits (:meth:`codes`), which
    have a gradient where they are learned and which a quantizer may round. :mod:`hf_distill.decode` reads both back by
    what :meth:`describe` says.

    Attributes:
        targets: What they can store.
        views: Labels of a sample, each of another view of it; 1 is one label a sample.
        lr: Learning rate of what is learned, in units of the method's.

    Examples:
        >>> import torch
        >>> from hf_distill import RealData, TopLabels
        >>> labels = TopLabels(top=2)
        >>> labels.initialize(torch.tensor([3, 7]), RealData().setup().spec)
        >>> codes = labels.codes()
        >>> codes["labels"].shape, labels.decode(codes).shape
        (torch.Size([2, 2]), torch.Size([2, 10]))
    """

    __repr__ = Part.__repr__  # by its options, not by its modules

    #: The name of what :meth:`codes` returns.
    NAME: ClassVar[str] = "labels"
    targets: ClassVar[tuple[str, ...]] = ("classes",)
    views: int = 1
    lr: float = 1.0

    def suited(self, spec: DataSpec) -> Labels:
        """Return what stores the targets of some data: these labels, unless they are a default that others replace.

        Raises:
            UserError: The data have targets of another kind.
        """
        if spec.target not in self.targets:
            raise UserError(
                f"synthetic.labels {type(self).__name__} stores {' or '.join(self.targets)}, and what is learned here "
                f"are {spec.target}: leave it out"
            )
        return self

    @abstractmethod
    def initialize(self, y: Tensor, spec: DataSpec) -> None:
        """Start from labels.

        Args:
            y: Class indices ``(M,)`` or class probabilities ``(M, classes)``.
            spec: The data's specification.

        Raises:
            UserError: An option does not fit the data.
        """

    def taught(self, y: Tensor, spec: DataSpec) -> None:
        """Start from labels that a teacher has given to each of the training examples, :meth:`view` of a finished set.

        Args:
            y: Class probabilities ``(M, classes)``, or those of views ``(M, views, classes)``.
            spec: The data's specification.
        """
        self.initialize(y, spec)

    def join(self, others: Sequence[Labels]) -> None:
        """Take in the labels of further samples, of such labels as these."""
        held = [dict((*one.named_parameters(), *one.named_buffers())) for one in (self, *others)]
        for name, own in held[0].items():
            own.data = torch.cat([values[name] for values in held])

    @abstractmethod
    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """Return class indices ``(M,)``, probabilities ``(M, classes)`` or those of views ``(M, views, classes)``.

        Args:
            codes: What :meth:`codes` returns, or the same quantized.
        """

    def codes(self) -> dict[str, Tensor]:
        """Return the stored shares or logits, differentiable where they are learned; nothing for hard labels."""
        return {}

    def classes(self) -> Tensor | None:
        """Return the stored class numbers, ``(M,)`` or ``(M, ..., classes that a label names)``, or None."""
        return None

    def describe(self) -> dict[str, Any]:
        """Return what a reader must know beside the number of classes, JSON."""
        return {}

    def shapes(self, spec: DataSpec, samples: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes that :meth:`codes` will have for so many samples."""
        return {}

    def named(self, spec: DataSpec, samples: int) -> int:
        """Return how many class numbers will be stored for so many samples."""
        return 0

    def view(self, decoded: Batch, index: Tensor) -> Batch:
        """Return some training examples of a decoded set, by their numbers ``(B,)``: the samples themselves."""
        return decoded.take(index)

    @abstractmethod
    def keep(self, index: Tensor) -> None:
        """Leave out all samples but some, by their numbers."""

    def project(self) -> None:
        """Move what is learned back to where it can be read; called after every optimiser step."""

    def bits(self, spec: DataSpec) -> int:
        """Return the size of what is stored, unquantized: 32 bits a number, ``ceil(log2(classes))`` a class number."""
        named = self.classes()
        numbers = sum(values.numel() for values in self.codes().values())
        return 32 * numbers + (0 if named is None else named.numel() * spec.bits_per_label)


def probabilities(y: Tensor, spec: DataSpec) -> Tensor:
    """Return class indices or probabilities as probabilities ``(M, classes)``, float32."""
    return y.float() if y.is_floating_point() else F.one_hot(y, spec.num_outputs).float()


def distribution(shares: Tensor) -> Tensor:
    """Return shares ``(..., k)`` as probabilities: negative ones as zero, divided by their sum."""
    shares = shares.clamp_min(0)
    return shares / shares.sum(-1, keepdim=True).clamp_min(1e-6)


def held(values: Tensor, learned: bool) -> nn.Parameter | nn.Buffer:
    """Return values as what a module holds: learned, or kept."""
    return nn.Parameter(values) if learned else nn.Buffer(values)
