"""PixelSet: the stored variables are the samples themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch, hardened
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.hard import HardLabels
from hf_distill.labels.weights import Weights
from hf_distill.large import mapped
from hf_distill.options import PositiveInt
from hf_distill.synthetic.base import Bits, Packed, Rows, Synthetic, described


class PixelSet(Synthetic[DataSpec]):
    """One free parameter per pixel; samples are ordered by class.

    Args:
        per_class: Samples of each class (IPC).
        clip: Keep the pixels in the range that an 8-bit image can hold after every step. Published images are clipped
            in any case; clipping early lets the other pixels make up for it.
        labels: What is stored of the labels; null for ``HardLabels``.
        weights: What is stored of the samples' weights; null for none, which all count alike.

    Examples:
        >>> from hf_distill import PixelSet, RealData, RealSamples, Undistilled
        >>> distilled = Undistilled(synthetic=PixelSet(per_class=2), initial=RealSamples()).distill(RealData())
        >>> distilled.codes()["codes"].shape
        torch.Size([20, 1, 8, 8])
    """

    def __init__(
        self,
        *,
        per_class: PositiveInt = 10,
        clip: bool = True,
        labels: Labels | None = None,
        weights: Weights | None = None,
    ) -> None:
        super().__init__()
        self.per_class = per_class
        self.clip = clip
        self.labels = HardLabels() if labels is None else labels
        self.weights = weights
        self._chosen: tuple[Tensor, np.ndarray] | None = None
        self._given: tuple[Tensor, pa.Table] | None = None
        self._own: Labels | None = None

    @property
    def size(self) -> int:
        """Samples of each class."""
        return self.per_class

    @property
    def label_part(self) -> Labels:
        """See :class:`Synthetic`."""
        return self.labels

    @property
    def weight_part(self) -> Weights | None:
        """See :class:`Synthetic`."""
        return self.weights

    def resize(self, size: int) -> None:
        """Take another number of samples of each class."""
        self.per_class = size

    def least_size(self, spec: DataSpec) -> int:
        """Return 1: a sample of each class."""
        return 1

    def shapes(self, spec: DataSpec, size: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes that :meth:`codes` will have for so many samples of each class."""
        samples = spec.num_groups * size
        weights = {} if self.weights is None else {self.weights.NAME: (samples,)}
        return {
            "pixels": (samples, *self.stored_shape(spec)),
            **self.labels.suited(spec).shapes(spec, samples),
            **weights,
        }

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """Return the shape of the stored pixels of a sample."""
        return spec.shape

    def initialize(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None = None) -> None:
        """See :class:`Synthetic`.

        Raises:
            UserError: The samples are no quantities.
        """
        if not spec.form.continuous:
            raise UserError(
                f"{type(self).__name__} holds quantities, not {spec.form.plural}: choose TokenSet for texts, "
                "MixedSet for columns of several kinds"
            )
        self._spec = spec
        self.pixels = nn.Parameter(mapped(lambda part: part.to(torch.float32, copy=True), x.detach()))
        self._label(x, y, spec, w)

    def _label(self, x: Tensor, y: Tensor, spec: DataSpec, w: Tensor | None) -> None:
        """Start labels and weights of samples ``x``, and bring all to where it can be stored."""
        self.labels = self.labels.suited(spec)
        self.labels.initialize(y, spec)
        if self.weights is not None:
            self.weights.initialize(x.new_ones(len(x)) if w is None else w)
        self.project()

    @torch.no_grad()
    def start_from(self, source: np.ndarray | None, given: pa.Table | None = None) -> None:
        """See :class:`Synthetic`."""
        if source is not None or given is not None:
            begun = self.decode(self.codes())
            self._chosen = None if source is None else (begun.x.detach().cpu().clone(), source)
            self._given = None if given is None else (begun.y.detach().cpu().clone(), given)

    def stored(self, x: Tensor) -> np.ndarray | None:
        """See :class:`Synthetic`: the source's rows, as long as they are what the set decodes to."""
        if self._chosen is None or not torch.equal(self._chosen[0], x.detach().cpu()):
            return None
        return self._chosen[1]

    def stored_labels(self, y: Tensor) -> pa.Table | None:
        """See :class:`Synthetic`: the source's, as long as they are what the set decodes to."""
        if self._given is None or not torch.equal(self._given[0], y.detach().cpu()):
            return None
        return self._given[1]

    def keep(self, index: Tensor) -> None:
        """Leave out all samples but some, by their numbers."""
        self.pixels = nn.Parameter(self.pixels.detach()[index])
        self._keep_parts(index)

    def _keep_parts(self, index: Tensor) -> None:
        for part in self._parts():
            part.keep(index)
        if self._chosen is not None:
            self._chosen = self._chosen[0][index.cpu()], self._chosen[1][index.cpu().numpy()]
        if self._given is not None:
            self._given = self._given[0][index.cpu()], self._given[1].take(index.cpu().numpy())

    def _parts(self) -> list[Labels | Weights]:
        return [self.labels] if self.weights is None else [self.labels, self.weights]

    def relabel(self, labels: Labels) -> None:
        """See :class:`Synthetic`."""
        own = HardLabels()
        own.initialize(hardened(self.labels.decode(self.labels.codes())), self.spec)
        self._own, self.labels = own, labels

    @contextlib.contextmanager
    def own_labels(self) -> Iterator[None]:
        """See :class:`Synthetic`: those of many views would take more than the samples."""
        taught = self.labels
        self.labels = taught if self._own is None else self._own
        yield
        self.labels = taught

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"pixels": (M, *shape)}``, and what is learned of labels and weights."""
        codes: dict[str, Tensor] = {"pixels": self.pixels}
        for part in self._parts():
            codes |= part.codes()
        return codes

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        return self.labelled(codes["pixels"], codes)

    def labelled(self, x: Tensor, codes: dict[str, Tensor]) -> Batch:
        """Return inputs with the labels and weights that are stored for them."""
        return Batch.of(x, self.labels.decode(codes), None if self.weights is None else self.weights.decode(codes))

    def examples(self, decoded: Batch) -> int:
        """See :class:`Synthetic`: samples, or all views of all of them."""
        return len(decoded) * self.labels.views

    def view(self, decoded: Batch, index: Tensor) -> Batch:
        """See :class:`Synthetic`."""
        return self.labels.view(decoded, index)

    @torch.no_grad()
    def project(self) -> None:
        """Clip to what an 8-bit image can hold."""
        limits = self.spec.limits(self.pixels) if self.clip else None
        if limits is not None:
            torch.minimum(self.pixels, limits[1], out=self.pixels)
            torch.maximum(self.pixels, limits[0], out=self.pixels)
        for part in self._parts():
            part.project()

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """See :class:`Synthetic`; labels and weights have rates of their own."""
        groups = [{"params": [self.pixels], "lr": lr}]
        groups += [{"params": list(part.parameters()), "lr": lr * part.lr} for part in self._parts()]
        return [group for group in groups if group["params"]]

    def pack(self) -> Packed:
        """Return the float32 pixels and what else is stored, one row a sample.

        Shares and logits of labels are the column ``labels``, and the classes that they belong to ``chosen``; hard
        labels are ``label``.
        """
        return self._packed(self.pixels.detach().cpu().numpy().astype("<f4", copy=False), {"normalized": True})

    def _packed(self, values: Any, about: dict[str, Any]) -> Packed:
        """Pack values ``(M, *shape)``, numpy of the type that is written, with labels and weights."""
        return self._with_parts({"codes": values}, about)

    def _with_parts(self, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> Packed:
        """Pack arrays, a row a sample, with labels and weights; what is said of ``codes`` is said of all of the set."""
        for part in self._parts():
            arrays |= {name: own.detach().cpu().numpy().astype("<f4") for name, own in part.codes().items()}
        meta: dict[str, Any] = {"kind": type(self).__name__, **described(self)}
        numbers, soft = self.labels.classes(), bool(self.labels.codes())
        columns: dict[str, Any] = {}
        if soft:
            meta["labels"] = {"classes": self.spec.num_outputs, **self.labels.describe()}
            if numbers is not None:
                arrays["chosen"] = numbers.cpu().numpy().astype("<i4")
        elif numbers is not None:
            columns = {"label": numbers.tolist()}
        if self.weights is not None:
            meta["weights"] = True
        layouts = {name: {"dtype": own.dtype.str, "shape": list(own.shape[1:])} for name, own in arrays.items()}
        meta |= layouts.get("codes", {}) | about
        if len(arrays) > ("codes" in arrays):
            meta["columns"] = layouts
        return Packed({**{name: Rows(own) for name, own in arrays.items()}, **columns}, meta)

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "as stored"}

    def bits(self) -> Bits:
        """Return 32 bits a number and ``ceil(log2(classes))`` a class number; weights count as side information."""
        return self._bits(32)

    def _bits(self, per_value: int) -> Bits:
        return replace(self._bits_of_parts(), data=self.pixels.numel() * per_value)

    def _bits_of_parts(self) -> Bits:
        weights = 0 if self.weights is None else 32 * self.weights.values().numel()
        return Bits(data=0, labels=self.labels.bits(self.spec), side=weights)
