"""Planner: how large a quantized set its budget buys, and what keeps it there while it is learned."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from hf_distill.data.base import Spec
from hf_distill.data.batch import Batch
from hf_distill.errors import UserError
from hf_distill.labels.hard import HardLabels
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.grouping import group_count
from hf_distill.quantization.packing import packed_bytes
from hf_distill.quantization.stored import expected_bits
from hf_distill.synthetic.base import Bits, Synthetic, role
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.synthetic.quantized_row import COUNT_BITS

if TYPE_CHECKING:
    from hf_distill.synthetic.quantized import QuantizedSet

# Power of the bits that the weight of the total variation follows: it doubles where they are 9 % too many.
_STEEPNESS = 8


@runtime_checkable
class Sizable(Protocol):
    """A set that can take its size from a budget."""

    def resize(self, size: int) -> None:
        """Take another size, before the set is initialised."""

    def least_size(self, spec: Spec) -> int:
        """Return the smallest size that there is for some data."""

    def shapes(self, spec: Spec, size: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes that the stored variables will have for some data and a size."""


def sizable(synthetic: Synthetic) -> Sizable:
    """Return a set as one that can take its size from a budget.

    Raises:
        UserError: It cannot.
    """
    if not isinstance(synthetic, Sizable):
        raise UserError(f"{type(synthetic).__name__} cannot take its size from a budget")
    return synthetic


def filled(description: Synthetic, draw: Callable[[int], Batch], spec: Spec) -> Synthetic:
    """Return a set, of the size that its budget allows where it has one, with samples.

    Args:
        description: A set that is not initialised; it stays as it is.
        draw: Makes the samples of a set of some size.
        spec: The data's specification.
    """
    synthetic = copy.deepcopy(description)
    planner = synthetic.planner()
    if planner is not None:
        planner.plan(spec)
    batch = draw(synthetic.size)
    if planner is not None and planner.replan(batch, spec):
        batch = draw(synthetic.size)
    synthetic.initialize(batch.x.cpu(), batch.y.cpu(), spec, batch.w.cpu())
    synthetic.start_from(batch.source, batch.given)
    return synthetic


class Planner:
    """Plans and steers one quantized set.

    Attributes:
        smoothness: Weight of the total variation at present.
        share: Of their packed size, what the codes of values are counted with; None before there are any to code.
    """

    def __init__(self, quantized: QuantizedSet) -> None:
        self._set = quantized
        self.smoothness = quantized.smoothness
        self.share: float | None = None

    def plan(self, spec: Spec) -> None:
        """Give the set the size that its budget allows.

        Raises:
            UserError: The set's options are wrong, or not even the smallest set fits.
        """
        own = self._set
        own.quantizer.check()
        if own.shrink is not None and not (own.smoothness and own.budget and own.coding == "entropy"):
            raise UserError("synthetic.shrink needs a budget, coding=entropy and a smoothness above 0")
        if own.budget is None:
            return
        inner = sizable(own.synthetic)
        if own.synthetic.exact_names(spec):
            raise UserError(
                f"synthetic.budget counts values, and {type(own.synthetic).__name__} holds texts: leave it out"
            )
        if own.coding == "entropy" and not isinstance(inner, PixelSet):
            raise UserError(
                f"synthetic.coding entropy spends a budget on samples, of which {type(inner).__name__} has "
                "none: choose packed, or leave out the budget"
            )
        total, least = self._total(spec), inner.least_size(spec)
        needed = self.bits(spec, least).total
        if needed > total and (own.coding == "packed" or self.share is not None):
            what = f"budget.total_bytes {-(-needed // 8)}"
            if own.budget.bits_per_class is not None:
                what = f"budget.bits_per_class {-(-needed // (spec.num_groups or 1))}"
            raise UserError(
                f"{total} bits are too few: with {own.quantizer.bits} bits a value the smallest set takes {needed}; "
                f"give {what}, or fewer bits a value"
            )
        inner.resize(largest_size(lambda size: self.bits(spec, size).total, least, total))

    def replan(self, batch: Batch, spec: Spec) -> bool:
        """Give the set another size for what the codes of its first samples take, with entropy coding.

        Returns:
            Whether samples are to be drawn again.
        """
        own = self._set
        if own.coding == "packed" or own.budget is None:
            return False
        trial = copy.deepcopy(own)
        trial.budget = None
        trial.initialize(batch.x, batch.y, spec, batch.w)
        self.share = (own.shrink or 1.0) * trial.planner().coded_share()
        self.plan(spec)
        return True

    def check(self) -> None:
        """Refuse a filled set that takes more than its budget.

        Raises:
            UserError: The labels take more than the budget has left for them.
        """
        own = self._set
        if own.coding == "packed" and own.budget is not None and own.bits().total > self._total(own.spec):
            raise UserError(
                f"the set takes {own.bits().total} bits and the budget is {self._total(own.spec)}: its classes have "
                "different numbers of samples, so set synthetic.equal_classes=false"
            )

    def bits(self, spec: Any, size: int) -> Bits:
        """Return what the set's bits will be for a size; with entropy coding, about."""
        own, inner = self._set, sizable(self._set.synthetic)
        shapes, classes, part = inner.shapes(spec, size), spec.num_groups, own.label_part
        if part is None and classes is not None:
            part = HardLabels()
        part = part if part is None else part.suited(spec)
        soft = part.shapes(spec, 1) if part is not None else {}
        weights = set() if own.weight_part is None else {own.weight_part.NAME}
        data = side = labels = 0
        for name, shape in shapes.items():
            quantizer = own.described(name)
            packed = 8 * packed_bytes(torch.Size(shape).numel(), quantizer.bits)
            if name in soft:
                labels += packed
            elif name in weights:
                side += packed
            else:
                data += int(packed * (self.share or 1.0))
            side += quantizer.side_bits(group_count(quantizer.granularity, shape, classes))
        if part is not None:
            samples = next(iter(shapes.values()))[0]
            counted = own.equal_classes and not soft
            labels += COUNT_BITS if counted else 8 * packed_bytes(part.named(spec, samples), spec.bits_per_label)
        return Bits(data=data, labels=labels, side=side)

    @torch.no_grad()
    def coded_share(self) -> float:
        """Return about what the values take entropy-coded, of their packed size; labels and weights do not count."""
        inner, coded, packed = self._set.synthetic, 0.0, 0.0
        shapes = {name: tuple(values.shape) for name, values in inner.codes().items()}
        for name, quantizer, rows in self._set.each():
            if role(inner, name) == "data":
                about = {"bits": quantizer.bits, "granularity": quantizer.granularity, "shape": shapes[name]}
                coded += expected_bits(quantizer.encode(rows).cpu().numpy(), about | quantizer.describe())
                packed += rows.numel() * quantizer.bits
        return coded / packed

    def steer(self) -> None:
        """Let the weight of the total variation follow what the codes take of the budget."""
        own = self._set
        self.share = self.coded_share()
        excess = self.bits(own.spec, own.size).total / self._total(own.spec)
        self.smoothness = own.smoothness * excess**_STEEPNESS

    def thin(self) -> None:
        """Leave out samples, evenly over those of a class and one at least, until the set fits its budget.

        Raises:
            UserError: Not even one sample of each class fits.
        """
        own, total = self._set, self._total(self._set.spec)
        inner = own.synthetic
        assert isinstance(inner, PixelSet)
        while (bits := own.bits().total) > total:
            size = min(inner.size - 1, inner.size * total // bits)
            if size < 1:
                raise UserError(f"one sample of each class takes {bits} bits and the budget is {total}: raise it")
            kept = _evenly(inner.spec.goal.group_of(inner().y), size, inner.size)
            inner.keep(kept)
            inner.resize(size)
            for _, quantizer, _ in own.each():
                _keep_rows(quantizer, kept)

    def _total(self, spec: Spec) -> int:
        assert self._set.budget is not None
        return self._set.budget.bits(spec.num_groups)


def largest_size(bits: Callable[[int], int], least: int, total: int) -> int:
    """Return the largest size, ``least`` or more, whose ``bits`` are at most ``total``; they grow with the size.

    ``least`` itself is taken to fit.
    """
    low, high = least, 2 * least
    while bits(high) <= total:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bits(middle) <= total else (low, middle)
    return low


def _evenly(labels: Tensor, size: int, before: int) -> Tensor:
    """Return the numbers of ``size`` of ``before`` samples of each class, or as large a share of them."""
    kept = []
    for label in labels.unique():
        own = (labels == label).nonzero()[:, 0]
        count = max(len(own) * size // before, 1)
        kept.append(own[torch.arange(count, device=own.device) * len(own) // count])
    return torch.cat(kept).sort().values


def _keep_rows(quantizer: Quantizer, kept: Tensor) -> None:
    """Leave out the ranges or levels of samples, where each has its own."""
    if quantizer.granularity == "sample":
        for parameter in quantizer.parameters():
            parameter.data = parameter.data[kept]
