"""QuantizedSet: any synthetic set, quantized while it is learned."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from hf_distill.data.base import Spec
from hf_distill.data.batch import Batch
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.weights import Weights
from hf_distill.options import NonNegativeFloat, PositiveFloat, ShareBelowOne
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.budget import Budget
from hf_distill.quantization.grid import UniformQuantizer
from hf_distill.quantization.grouping import from_rows, to_rows
from hf_distill.synthetic.base import Bits, Packed, Synthetic, role
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.synthetic.planner import Planner
from hf_distill.synthetic.quantized_row import QuantizedRow, quantized_row
from hf_distill.synthetic.smoothness import total_variation

# Values of a row that ranges and levels are fitted to in every step of a warm-up whose bits are steered.
_STEERED = 1 << 12


class QuantizedSet(Synthetic[Spec]):
    """Stands between the stored variables of another set and what they decode to: ``decode(quantize(codes))``.

    The objective sees quantized values only, and its gradient goes through the rounding to the variables and to the
    quantizer's ranges or levels. Every stored tensor has a quantizer of its own.

    Source: Dinh et al., From Fewer Samples to Fewer Bits (QuADD, 2026), where the codes are pixels.

    Args:
        synthetic: The set that is quantized; null for a ``PixelSet``.
        quantizer: How; null for a ``UniformQuantizer``.
        labels: How the shares and logits of labels are quantized; null for the same way. Hard labels are stored as they
            are.
        weights: How the samples' weights are; null for 8 bits of one range.
        budget: Decides the size of the set from the precision: the samples of each class, or the time steps.
        quantizer_lr: Learning rate of ranges and levels, in units of the method's.
        equal_classes: Every class has as many samples, so that a budget spends 16 bits on the labels; false makes it
            spend ``ceil(log2(classes))`` on each, as data with ``class_balance: natural`` needs it.
        warmup: Share of the steps, below 1, in which values are not rounded; ranges and levels are then fitted to what
            was learned, and the rest of the steps is learned rounded. Ours.
        coding: ``packed`` stores every code with as many bits; ``entropy`` codes them under a model of their neighbours
            (:mod:`hf_distill.quantization.coding`), and a budget then buys as many samples as the codes of the first
            ones let expect. What is too much in the end is left out, evenly over the samples of each class. Ours.
        smoothness: Weight of the values' total variation, which is added to the loss: what is learned is noisier than
            real samples, and noise costs coded bits. Ours.
        shrink: With entropy coding and a budget, the bits that a learned value may take, in those of the first samples'
            values. The budget buys samples of that size, and ``smoothness`` is multiplied by a power of what the codes
            take of the budget, so that they come to fit it. Null keeps the weight. Ours.

    Examples:
        >>> from hf_distill import PixelSet, QuantizedSet, RealData, RealSamples, Undistilled, UniformQuantizer
        >>> synthetic = QuantizedSet(synthetic=PixelSet(per_class=1), quantizer=UniformQuantizer(bits=2))
        >>> distilled = Undistilled(synthetic=synthetic, initial=RealSamples()).distill(RealData())
        >>> distilled.bits["codes"].data, 10 * 64 * 2
        (1280, 1280)
    """

    citation = """@misc{dinh2026quadd,
  title = {From Fewer Samples to Fewer Bits},
  author = {Dinh, My H. and Sant, Aditya and Malhotra, Akshay and Patani, Keya and Hamidi-Rad, Shahab},
  year = {2026},
  note = {arXiv:2603.02411}
}"""

    _warming: Tensor

    def __init__(
        self,
        *,
        synthetic: Synthetic | None = None,
        quantizer: Quantizer | None = None,
        labels: Quantizer | None = None,
        weights: Quantizer | None = None,
        budget: Budget | None = None,
        quantizer_lr: PositiveFloat = 0.1,
        equal_classes: bool = True,
        warmup: ShareBelowOne = 0.0,
        coding: Literal["packed", "entropy"] = "packed",
        smoothness: NonNegativeFloat = 0.0,
        shrink: PositiveFloat | None = None,
    ) -> None:
        super().__init__()
        self.synthetic: Synthetic = PixelSet() if synthetic is None else synthetic
        self.quantizer = UniformQuantizer() if quantizer is None else quantizer
        self.labels = labels
        self.weights = weights
        self.budget = budget
        self.quantizer_lr = quantizer_lr
        self.equal_classes = equal_classes
        self.warmup = warmup
        self.coding = coding
        self.smoothness = smoothness
        self.shrink = shrink
        self._planner = Planner(self)
        self.quantizers = nn.ModuleDict()
        # Part of the state: a run that goes on between two steps must know whether the fit is still to be made.
        self.register_buffer("_warming", torch.zeros((), dtype=torch.int64))

    @property
    def size(self) -> int:
        """See :class:`Synthetic`; with a budget, known once it is planned."""
        return self.synthetic.size

    @property
    def spec(self) -> Spec:
        """See :class:`Synthetic`."""
        return self.synthetic.spec

    @property
    def label_part(self) -> Labels | None:
        """See :class:`Synthetic`."""
        return self.synthetic.label_part

    @property
    def weight_part(self) -> Weights | None:
        """See :class:`Synthetic`."""
        return self.synthetic.weight_part

    def planner(self) -> Planner:
        """See :class:`Synthetic`."""
        return self._planner

    def described(self, name: str) -> Quantizer:
        """Return how a stored variable is to be quantized."""
        labels, weights = self.synthetic.label_part, self.synthetic.weight_part
        if labels is not None and name == labels.NAME:
            return self.labels if self.labels is not None else self.quantizer
        if weights is not None and name == weights.NAME:
            return self.weights if self.weights is not None else UniformQuantizer(bits=8)
        return self.quantizer

    def initialize(self, x: Tensor, y: Tensor, spec: Spec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`; ranges and levels are calibrated on the first values.

        Raises:
            UserError: The labels take more than the budget has left for them.
        """
        self.synthetic.initialize(x, y, spec, w)
        self.calibrate()
        self._planner.check()

    @torch.no_grad()
    def calibrate(self) -> None:
        """Fit ranges and levels to the present values: post-hoc quantization."""
        self.quantizers = nn.ModuleDict()
        for name, values in self._rounded().items():
            self._calibrate(name, values)

    def _calibrate(self, name: str, values: Tensor) -> None:
        quantizer = copy.deepcopy(self.described(name))
        quantizer.calibrate(to_rows(values.detach(), quantizer.granularity, self.spec.num_groups))
        self.quantizers[_key(name)] = quantizer

    def relabel(self, labels: Labels) -> None:
        """See :class:`Synthetic`; the labels are quantized, and what is learned stays as it is."""
        if self.budget is not None:
            raise UserError("a budget does not know labels that a teacher gives in the end: leave synthetic.budget out")
        self.synthetic.relabel(labels)
        for name, values in labels.codes().items():
            self._calibrate(name, values)

    @torch.no_grad()
    def advance(self, share: float) -> None:
        """See :class:`Synthetic`; after the warm-up, ranges and levels are fitted to the values. With ``shrink`` the
        weight of the total variation follows their coded bits.

        Raises:
            UserError: In the end, not even one sample of each class fits the budget.
        """
        steered = self.shrink is not None and share < 1
        if share < self.warmup:
            self._warming.fill_(1)
            if steered:
                self._fit(_STEERED)
        elif self._warming:
            self._warming.zero_()
            self._fit()
        if steered:
            self._planner.steer()
        elif share >= 1 and self.coding == "entropy" and self.budget is not None:
            self._planner.thin()

    def _fit(self, most: int | None = None) -> None:
        """Fit ranges and levels to the values, or to so many of each row."""
        for _, quantizer, rows in self.each():
            fitted = copy.deepcopy(quantizer)
            fitted.calibrate(rows[:, :: 1 if most is None else max(rows.shape[1] // most, 1)])
            # The optimiser holds the parameters: they keep their place.
            for own, new in zip(quantizer.parameters(), fitted.parameters(), strict=True):
                own.copy_(new)

    def each(self) -> list[tuple[str, Quantizer, Tensor]]:
        """Return name, quantizer and values in rows of every stored variable."""
        each = []
        for name, values in self._rounded().items():
            quantizer = self.quantizers[_key(name)]
            assert isinstance(quantizer, Quantizer)
            each.append((name, quantizer, to_rows(values, quantizer.granularity, self.spec.num_groups)))
        return each

    def _rounded(self) -> dict[str, Tensor]:
        """Return the inner set's variables that are quantized."""
        found = self.synthetic.codes()
        return {name: values for name, values in found.items() if name not in self.synthetic.exact_names(self.spec)}

    def stored(self, x: Tensor) -> np.ndarray | None:
        """See :class:`Synthetic`."""
        return self.synthetic.stored(x)

    def stored_labels(self, y: Tensor) -> pa.Table | None:
        """See :class:`Synthetic`."""
        return self.synthetic.stored_labels(y)

    def start_from(self, source: np.ndarray | None, given: pa.Table | None = None) -> None:
        """See :class:`Synthetic`."""
        self.synthetic.start_from(source, given)

    def own_labels(self) -> AbstractContextManager[None]:
        """See :class:`Synthetic`."""
        return self.synthetic.own_labels()

    def codes(self) -> dict[str, Tensor]:
        """Return the quantized variables of the inner set, differentiable; as they are in the warm-up."""
        if self._warming:
            return self.synthetic.codes()
        codes = self.synthetic.codes()
        shapes = {name: tuple(values.shape) for name, values in codes.items()}
        return {name: codes[name] for name in self.synthetic.exact_names(self.spec)} | {
            name: from_rows(quantizer(rows), quantizer.granularity, shapes[name])
            for name, quantizer, rows in self.each()
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
        """See :class:`Synthetic`; the quantizers' own terms, and the total variation."""
        terms = {}
        if not self._warming:
            usage = {name: quantizer.penalty(rows) for name, quantizer, rows in self.each()}
            terms = {f"usage_{name}": term for name, term in usage.items() if term is not None}
        if self.smoothness:
            values = {name: own for name, own in self.synthetic.codes().items() if role(self.synthetic, name) == "data"}
            terms |= {
                f"smoothness_{name}": self._planner.smoothness * total_variation(own) for name, own in values.items()
            }
        return terms

    @torch.no_grad()
    def project(self) -> None:
        """See :class:`Synthetic`; ranges and levels stay within the values."""
        self.synthetic.project()
        for _, quantizer, rows in self.each():
            quantizer.project(rows.amin(1), rows.amax(1))

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """See :class:`Synthetic`; ranges and levels have a rate of their own."""
        own = [{"params": list(self.quantizers.parameters()), "lr": lr * self.quantizer_lr}]
        return [*self.synthetic.param_groups(lr), *own]

    def pack(self) -> Packed:
        """Return one row; see :class:`hf_distill.synthetic.quantized_row.QuantizedRow`."""
        row = self._row()
        return Packed({name: [value] for name, value in row.columns.items()}, row.meta)

    def bits(self) -> Bits:
        """Return the codes' bytes, the labels and 16 bits for each range end or level."""
        return self._row().bits

    def _row(self) -> QuantizedRow:
        return quantized_row(self.synthetic, self.each(), self.coding == "entropy")


def _key(name: str) -> str:
    # A ModuleDict refuses the names of its own methods, "values" for one.
    return f"of_{name}"
