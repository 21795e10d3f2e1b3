"""QuantizedSet: any synthetic set, quantized while it is learned."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import ArtifactError, UserError
from hf_distill.quantization import Budget, Quantizer, UniformQuantizer
from hf_distill.quantization.base import SIDE_BITS
from hf_distill.quantization.grouping import from_rows, group_count, to_rows
from hf_distill.quantization.packing import pack_codes, packed_bytes, unpack_codes
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
    """

    def __init__(
        self,
        *,
        synthetic: Synthetic = PixelSet(),  # noqa: B008 - a description, copied before it is filled
        quantizer: Quantizer = UniformQuantizer(),  # noqa: B008
        labels: Quantizer | None = None,
        budget: Budget | None = None,
        quantizer_lr: float = 0.1,
        equal_classes: bool = True,
    ) -> None:
        super().__init__()
        self.synthetic = synthetic
        self.quantizer = quantizer
        self.labels = labels
        self.budget = budget
        self.quantizer_lr = quantizer_lr
        self.equal_classes = equal_classes
        self.quantizers = nn.ModuleDict()

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
        if classes is not None and not self.equal_classes:
            labels = 8 * packed_bytes(next(iter(shapes.values()))[0], spec.bits_per_label)
        return self._count(shapes, classes, labels)

    def _count(self, shapes: dict[str, tuple[int, ...]], classes: int | None, label_bits: int) -> Bits:
        data = side = 0
        labels = 0 if classes is None or "labels" in shapes else label_bits
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

    def _each(self) -> list[tuple[str, Quantizer, Tensor]]:
        """Return name, quantizer and values in rows of every stored variable."""
        each = []
        for name, values in self.synthetic.codes().items():
            quantizer = self.quantizers[_key(name)]
            assert isinstance(quantizer, Quantizer)
            each.append((name, quantizer, to_rows(values, quantizer.granularity, _classes(self.spec))))
        return each

    def codes(self) -> dict[str, Tensor]:
        """Return the quantized variables of the inner set, differentiable."""
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
            meta["length"] = self.size
        return Packed(columns, {**meta, "decoder": decoder_source(meta)})

    def _labels(self) -> tuple[str, int | bytes, dict[str, Any]] | None:
        """Return column, value and description of hard labels, if the set has any."""
        classes = _classes(self.spec)
        if classes is None or "labels" in self.synthetic.codes():
            return None
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


def unpack_quantized(packed: Packed) -> dict[str, np.ndarray]:
    """Return the quantized variables, float32, that :meth:`QuantizedSet.pack` wrote.

    Raises:
        ArtifactError: The codes do not fit their description.
    """
    values = {}
    for name, about in packed.meta["variables"].items():
        shape, bits = tuple(about["shape"]), about["bits"]
        codes = unpack_codes(packed.columns[name][0], bits, int(np.prod(shape)))
        raw = packed.columns[f"{name}_side"][0]
        if len(raw) * 8 != int(np.prod(about["side_shape"])) * SIDE_BITS:
            raise ArtifactError(f"{name}_side has {len(raw)} bytes, which are not its ranges or levels: it is damaged")
        side = np.frombuffer(raw, "<f2").reshape(about["side_shape"]).astype("f4")
        if not np.isfinite(side).all():
            raise ArtifactError(f"{name}_side holds ranges or levels that are not finite: it is damaged")
        if codes.size and codes.max() >= about["levels"]:
            raise ArtifactError(
                f"{name} holds code {codes.max()}, and there are {about['levels']} levels: it is damaged"
            )
        values[name] = _rows_to_values(_decode(about, codes.reshape(len(side), -1), side), about)
    return values


def _decode(about: dict[str, Any], codes: np.ndarray, side: np.ndarray) -> np.ndarray:
    levels = about["levels"]
    if about["family"] == "learned":
        return np.take_along_axis(side, codes, 1)
    if about["family"] == "uniform":
        return (
            side[:, :1] + (side[:, 1:] - side[:, :1]) * (np.arange(levels, dtype="f4") / np.float32(levels - 1))[codes]
        )
    if about["family"] == "symmetric":
        return side * (2 * (np.arange(levels, dtype="f4") / np.float32(levels - 1)) - 1)[codes]
    return side * np.asarray(about["grid"], "f4")[codes]


def _rows_to_values(rows: np.ndarray, about: dict[str, Any]) -> np.ndarray:
    shape = about["shape"]
    if about["granularity"] != "channel":
        return rows.reshape(shape)
    return np.moveaxis(rows.reshape(shape[1], shape[0], *shape[2:]), 0, 1)


def _key(name: str) -> str:
    # A ModuleDict refuses the names of its own methods, "values" for one.
    return f"of_{name}"
