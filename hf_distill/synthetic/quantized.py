"""QuantizedSet: any synthetic set, quantized while it is learned."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.quantization import Budget, Quantizer, UniformQuantizer
from hf_distill.quantization.grouping import from_rows, group_count, to_rows
from hf_distill.quantization.packing import pack_codes, packed_bytes
from hf_distill.synthetic.base import Bits, Packed, Synthetic
from hf_distill.synthetic.decoder import decoder_source
from hf_distill.synthetic.pixel import PixelSet

#: Samples of a class; labels take no more where samples are ordered by class and equally many.
_COUNT_BITS = 16


class QuantizedSet(Synthetic):
    """Stands between the stored variables of another set and what they decode to: ``decode(quantize(codes))``.

    The objective sees quantized values only, and its gradient goes through the rounding to the variables and to the
    quantizer's ranges or levels. Every stored tensor has a quantizer of its own.

    Source: Dinh et al., From Fewer Samples to Fewer Bits (QuADD, 2026), where the codes are pixels.

    Args:
        synthetic: The set that is quantized.
        quantizer: How.
        labels: How learned labels, the variable ``labels``, are quantized; null for the same way.
        budget: Decides the size of the set from the precision: the samples of each class, or the time steps.
        quantizer_lr: Learning rate of ranges and levels, in units of the method's.
        equal_classes: Every class has as many samples, so that a budget spends 16 bits on the labels; false makes it
            spend ``ceil(log2(classes))`` on each, as data with ``class_balance: natural`` needs it.
        warmup: Share of the steps, below 1, in which values are not rounded; ranges and levels are then fitted to what
            was learned, and the rest of the steps is learned rounded. Ours.
    """

    _warming: Tensor

    def __init__(
        self,
        *,
        synthetic: Synthetic = PixelSet(),  # noqa: B008 - a description, copied before it is filled
        quantizer: Quantizer = UniformQuantizer(),  # noqa: B008
        labels: Quantizer | None = None,
        budget: Budget | None = None,
        quantizer_lr: float = 0.1,
        equal_classes: bool = True,
        warmup: float = 0.0,
    ) -> None:
        super().__init__()
        self.synthetic = synthetic
        self.quantizer = quantizer
        self.labels = labels
        self.budget = budget
        self.quantizer_lr = quantizer_lr
        self.equal_classes = equal_classes
        self.warmup = warmup
        self.quantizers = nn.ModuleDict()
        # Part of the state: a run that goes on between two steps must know whether the fit is still to be made.
        self.register_buffer("_warming", torch.zeros((), dtype=torch.int64))

    @property
    def size(self) -> int:
        """See :class:`Synthetic`; with a budget, known after :meth:`plan`."""
        return self.synthetic.size

    @property
    def spec(self) -> Any:
        """See :class:`Synthetic`."""
        return self.synthetic.spec

    def plan(self, spec: Any) -> None:
        """Take the size that the budget allows.

        Raises:
            UserError: The quantizer's options are wrong, or not even the smallest set fits.
        """
        self.quantizer.check()
        if not 0 <= self.warmup < 1:
            raise UserError(f"synthetic.warmup is {self.warmup}; it is a share of the steps, from 0 to below 1")
        self.synthetic.plan(spec)
        if self.budget is None:
            return
        total = self.budget.bits(_classes(spec))
        least = self.synthetic.least_size(spec)
        if (needed := self.planned_bits(spec, least).total) > total:
            what = f"budget.total_bytes {-(-needed // 8)}"
            if self.budget.bits_per_class is not None:
                what = f"budget.bits_per_class {-(-needed // spec.num_classes)}"
            raise UserError(
                f"{total} bits are too few: with {self.quantizer.bits} bits a value the smallest set takes {needed}; "
                f"give {what}, or fewer bits a value"
            )
        low, high = least, 2 * least
        while self.planned_bits(spec, high).total <= total:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.planned_bits(spec, middle).total <= total else (low, middle)
        self.synthetic.resize(low)

    def planned_bits(self, spec: Any, size: int) -> Bits:
        """Return what :meth:`bits` will be for a size."""
        shapes, classes = self.synthetic.shapes(spec, size), _classes(spec)
        labels = _COUNT_BITS
        if "labels" in shapes:
            slots = shapes["labels"][0] * self.synthetic.label_slots(spec)
            labels = 8 * packed_bytes(slots, spec.bits_per_label) if slots else 0
        elif classes is not None and not self.equal_classes:
            labels = 8 * packed_bytes(next(iter(shapes.values()))[0], spec.bits_per_label)
        return self._count(shapes, classes, labels)

    def _count(self, shapes: dict[str, tuple[int, ...]], classes: int | None, label_bits: int) -> Bits:
        data = side = 0
        labels = 0 if classes is None else label_bits
        for name, shape in shapes.items():
            quantizer = self._described(name)
            size = 8 * packed_bytes(torch.Size(shape).numel(), quantizer.bits)
            data, labels = (data, labels + size) if name == "labels" else (data + size, labels)
            side += quantizer.side_bits(group_count(quantizer.granularity, shape, classes))
        return Bits(data=data, labels=labels, side=side)

    def _described(self, name: str) -> Quantizer:
        return self.labels if name == "labels" and self.labels is not None else self.quantizer

    def initialize(self, x: Tensor, y: Tensor, spec: Any) -> None:
        """See :class:`Synthetic`; ranges and levels are calibrated on the first values.

        Raises:
            UserError: The labels take more than the budget has left for them.
        """
        self.synthetic.initialize(x, y, spec)
        self.calibrate()
        if self.budget is not None and self.bits().total > (total := self.budget.bits(_classes(spec))):
            raise UserError(
                f"the set takes {self.bits().total} bits and the budget is {total}: its classes have different numbers "
                "of samples, so set synthetic.equal_classes=false"
            )

    @torch.no_grad()
    def calibrate(self) -> None:
        """Fit ranges and levels to the present values: post-hoc quantization."""
        self.quantizers = nn.ModuleDict()
        for name, values in self.synthetic.codes().items():
            quantizer = copy.deepcopy(self._described(name))
            quantizer.calibrate(to_rows(values.detach(), quantizer.granularity, _classes(self.spec)))
            self.quantizers[_key(name)] = quantizer

    @torch.no_grad()
    def advance(self, share: float) -> None:
        """See :class:`Synthetic`; after the warm-up, ranges and levels are fitted to the values."""
        if share < self.warmup:
            self._warming.fill_(1)
        elif self._warming:
            self._warming.zero_()
            for _, quantizer, rows in self._each():
                fitted = copy.deepcopy(quantizer)
                fitted.calibrate(rows)
                # The optimiser holds the parameters: they keep their place.
                for own, new in zip(quantizer.parameters(), fitted.parameters(), strict=True):
                    own.copy_(new)

    def _each(self) -> list[tuple[str, Quantizer, Tensor]]:
        """Return name, quantizer and values in rows of every stored variable."""
        each = []
        for name, values in self.synthetic.codes().items():
            quantizer = self.quantizers[_key(name)]
            assert isinstance(quantizer, Quantizer)
            each.append((name, quantizer, to_rows(values, quantizer.granularity, _classes(self.spec))))
        return each

    def codes(self) -> dict[str, Tensor]:
        """Return the quantized variables of the inner set, differentiable; as they are in the warm-up."""
        if self._warming:
            return self.synthetic.codes()
        shapes = {name: tuple(values.shape) for name, values in self.synthetic.codes().items()}
        return {
            name: from_rows(quantizer(rows), quantizer.granularity, shapes[name])
            for name, quantizer, rows in self._each()
        }

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self.synthetic.decode(codes)

    def examples(self, decoded: Batch) -> int:
        """See :class:`Synthetic`."""
        return self.synthetic.examples(decoded)

    def view(self, decoded: Batch, index: Tensor) -> Batch:
        """See :class:`Synthetic`."""
        return self.synthetic.view(decoded, index)

    def penalties(self) -> dict[str, Tensor]:
        """See :class:`Synthetic`; the quantizers' own terms."""
        if self._warming:
            return {}
        terms = {name: quantizer.penalty(rows) for name, quantizer, rows in self._each()}
        return {f"usage_{name}": term for name, term in terms.items() if term is not None}

    @torch.no_grad()
    def project(self) -> None:
        """See :class:`Synthetic`; ranges and levels stay within the values."""
        self.synthetic.project()
        for _, quantizer, rows in self._each():
            quantizer.project(rows.amin(1), rows.amax(1))

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """See :class:`Synthetic`; ranges and levels have a rate of their own."""
        own = [{"params": list(self.quantizers.parameters()), "lr": lr * self.quantizer_lr}]
        return [*self.synthetic.param_groups(lr), *own]

    @torch.no_grad()
    def pack(self) -> Packed:
        """Return one row: for every variable its packed codes and its ranges or levels; and the labels.

        ``NAME`` are the codes of all rows of values one after another, ``NAME_side`` the float16 parameters of each.
        Hard labels that are ordered by class, equally many of each, are ``per_class``; others ``label`` packed codes.
        """
        columns: dict[str, list[Any]] = {}
        variables = {}
        for name, quantizer, rows in self._each():
            codes = quantizer.encode(rows).cpu().numpy()
            columns[name] = [pack_codes(codes, quantizer.bits)]
            columns[f"{name}_side"] = [quantizer.side().cpu().numpy().astype("<f2").tobytes()]
            shape = list(self.synthetic.codes()[name].shape)
            variables[name] = {
                "bits": quantizer.bits,
                "granularity": quantizer.granularity,
                "quantizer": type(quantizer).__name__,
                "shape": shape,
                "side_shape": list(quantizer.side_shape(len(rows))),
                **quantizer.describe(),
            }
        meta: dict[str, Any] = {"kind": "QuantizedSet", "of": type(self.synthetic).__name__, "variables": variables}
        if (labels := self._labels()) is not None:
            name, value, meta["labels"] = labels
            columns[name] = [value]
        meta |= {"normalized": True, "claimed_bits": self.bits().total}
        if meta["of"] == "HarmonicSet":
            meta |= {"length": self.size, "wrap": self.synthetic.wrap}
        elif meta["of"] == "CoarsePixelSet":
            meta["enlarged"] = list(self.spec.shape)
        return Packed(columns, {**meta, "decoder": decoder_source(meta)})

    def _labels(self) -> tuple[str, int | bytes, dict[str, Any]] | None:
        """Return column, value and description of hard labels, or of the classes that soft ones name, if it has any."""
        classes = _classes(self.spec)
        if classes is None:
            return None
        if "labels" in self.synthetic.codes():
            if (chosen := self.synthetic.chosen_classes()) is None:
                return None
            width = self.spec.bits_per_label
            about = {"classes": classes, "bits": width, "count": chosen.numel(), "top": chosen.shape[1]}
            return "label", pack_codes(chosen.cpu().numpy(), width), about
        y = self.synthetic.decode(self.synthetic.codes()).y.cpu()
        ordered = torch.arange(classes).repeat_interleave(len(y) // classes)
        if torch.equal(y, ordered) and len(y) // classes < 2**_COUNT_BITS:
            return "per_class", len(y) // classes, {"classes": classes}
        width = self.spec.bits_per_label
        return "label", pack_codes(y.numpy(), width), {"classes": classes, "bits": width, "count": len(y)}

    @torch.no_grad()
    def bits(self) -> Bits:
        """Return the packed codes, the labels and 16 bits for each range end or level."""
        labels = self._labels()
        size = 0 if labels is None else _COUNT_BITS if isinstance(labels[1], int) else 8 * len(labels[1])
        shapes = {name: tuple(values.shape) for name, values in self.synthetic.codes().items()}
        return self._count(shapes, _classes(self.spec), size)


def _classes(spec: Any) -> int | None:
    return spec.num_classes if isinstance(spec, DataSpec) else None


def _key(name: str) -> str:
    # A ModuleDict refuses the names of its own methods, "values" for one.
    return f"of_{name}"
