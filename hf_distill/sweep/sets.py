"""BudgetSets: the sets that one budget buys, distilled at some precision or made by a baseline."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import torch
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.data.real import RealData
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.real import RealSamples
from hf_distill.initialization.subseries import SubSeries
from hf_distill.methods.method import Run
from hf_distill.methods.optimized import OptimizedDistillation
from hf_distill.methods.undistilled import Undistilled
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.budget import Budget
from hf_distill.quantization.grid import UniformQuantizer
from hf_distill.quantization.learned import LearnedLevels
from hf_distill.seeding import Streams
from hf_distill.sweep.images import encoded_images, patchwise, patchwise_bits
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.synthetic.planner import sizable
from hf_distill.synthetic.quantized import QuantizedSet

PATCH_BITS = 2
_PATCH, _GROUPS = 5, 16
_JPEG_QUALITY = 50
# More learned levels take more bits than they save.
_MOST_LEARNED = 4


@dataclass(frozen=True)
class Bought:
    """What a budget bought.

    Attributes:
        kind: The row's name.
        bits_per_value: Of what is stored; None for encoded images.
        sets: One for each seed; none where the budget is too small.
        bits: What each of them takes.
    """

    kind: str
    bits_per_value: int | None
    sets: list[Synthetic]
    bits: int


class BudgetSets:
    """Makes the sets of a sweep; distillations go on from what an interrupted one left in ``folder``.

    Args:
        method: A distillation of a :class:`QuantizedSet`.
        data: The data, set up.
        budget: What each set may take.
        folder: Where the runs of the distillations are.
        seeds: Their seeds.
        draws: Random draws of the baselines that are not distilled.
    """

    def __init__(
        self, method: OptimizedDistillation, data: Data, budget: Budget, folder: Path, seeds: range, draws: int
    ) -> None:
        assert isinstance(method.synthetic, QuantizedSet)
        self.method, self.described, self.data, self.budget = method, method.synthetic, data, budget
        self.folder, self.seeds, self.draws = folder, seeds, draws
        self._classes = data.spec.num_groups
        self._total = budget.bits(self._classes)

    def quantized(self, bits: int) -> QuantizedSet:
        """Return the method's set at a precision, within the budget.

        Raises:
            UserError: Not even the smallest set fits.
        """
        synthetic = copy.deepcopy(self.described)
        synthetic.quantizer, synthetic.budget = at_precision(self.described.quantizer, bits), self.budget
        if isinstance(synthetic.quantizer, LearnedLevels):
            uniform = copy.deepcopy(synthetic)
            uniform.quantizer = UniformQuantizer(bits=bits, granularity=synthetic.quantizer.granularity)
            uniform.planner().plan(
                self.data.spec
            )  # refuses where not even these fit: their ranges are fewer than the levels
            if synthetic.planner().bits(self.data.spec, uniform.size).total > self._total:
                return uniform
        synthetic.planner().plan(self.data.spec)
        return synthetic

    def _unsteered(self, bits: int) -> QuantizedSet:
        """Return the method's set for values that are not learned in few bits."""
        synthetic = self.quantized(bits)
        synthetic.shrink = None
        synthetic.planner().plan(self.data.spec)
        return synthetic

    def _distilled(self, synthetic: Synthetic, name: str) -> list[Synthetic]:
        method = copy.copy(self.method)
        method.synthetic = synthetic
        return [
            method.fit(self.data, Run(folder=self.folder / f"{name}_{seed}", seed=seed, resume=True))
            for seed in self.seeds
        ]

    def in_the_loop(self, bits: int) -> Bought:
        """Distill quantized."""
        sets = self._distilled(self.quantized(bits), f"loop_{bits}")
        return Bought("in the loop", bits, sets, sets[0].bits().total)

    def _unquantized(self, size: int) -> list[Synthetic]:
        """Return the sets that the method learns at full precision, made once for each size."""
        inner = copy.deepcopy(self.described.synthetic)
        sizable(inner).resize(size)
        return self._distilled(inner, f"float_{size}")

    def post_hoc(self, bits: int) -> Bought:
        """Distill at full precision, then quantize uniformly, with the range of least squared error."""
        described = self._unsteered(bits)
        described.quantizer = UniformQuantizer(bits=bits, granularity=described.quantizer.granularity)
        spec = self.data.spec
        described.planner().plan(spec)  # its ranges may take more bits than those of the loop's quantizer
        if described.coding == "entropy":
            first = self.method.initial.draw(self.data, described.size, Streams(self.seeds[0]))
            described.planner().replan(first, spec)
        sets: list[Synthetic] = []
        for inner in self._unquantized(described.size):
            synthetic = copy.deepcopy(described)
            synthetic.synthetic = inner
            synthetic.calibrate()
            synthetic.advance(1.0)
            sets.append(synthetic)
        return Bought("post-hoc", bits, sets, sets[0].bits().total)

    def start(self, bits: int) -> Bought:
        """Quantize what the method starts from, with nothing learned; its seeds are the method's."""
        return self._undistilled("start, quantized", bits, self.method.initial, self.seeds)

    def random(self, bits: int) -> Bought:
        """Quantize random real samples, a draw a set."""
        initial = SubSeries() if self._classes is None else RealSamples()
        return self._undistilled("random, quantized", bits, initial, range(self.draws))

    def _undistilled(self, kind: str, bits: int, initial: InitialSamples, seeds: range) -> Bought:
        method = Undistilled(synthetic=self._unsteered(bits), initial=initial)
        sets = [method.fit(self.data, Run(seed=seed)) for seed in seeds]
        return Bought(kind, bits, sets, sets[0].bits().total)

    def full_precision(self) -> Bought:
        """Distill as many samples as fit with 32 bits a value."""
        spec, inner, classes = self.data.spec, self.described.synthetic, self._classes
        per_size = [32 * sum(torch.Size(s).numel() for s in sizable(inner).shapes(spec, k).values()) for k in (1, 2)]
        labels = classes * spec.bits_per_label if classes else 0
        size = (self._total - (2 * per_size[0] - per_size[1])) // (per_size[1] - per_size[0] + labels)
        if size < sizable(inner).least_size(spec):
            return Bought("float32", 32, [], 0)
        sets = self._unquantized(int(size))
        return Bought("float32", 32, sets, sets[0].bits().total)

    def patch_wise(self) -> Bought:
        """Distill at full precision, then quantize by patches; see :func:`patchwise`."""
        spec, size = self.data.spec, 0
        labels = spec.num_groups * spec.bits_per_label
        shape = sizable(self.described.synthetic).shapes(spec, 1)["pixels"]

        def needed(per_class: int) -> int:
            own = patchwise_bits(shape[1:], per_class * spec.num_groups, PATCH_BITS, _PATCH, _GROUPS)
            return own + per_class * labels

        while needed(size + 1) <= self._total:
            size += 1
        if not size:
            return Bought("patch-wise", PATCH_BITS, [], 0)
        sets = self._unquantized(size)
        for done in sets:
            values, own = done.codes()["pixels"], done()
            x = patchwise(values.detach(), PATCH_BITS, patch=_PATCH, groups=_GROUPS)
            done.initialize(x, own.y.detach(), spec, own.w.detach())
        return Bought("patch-wise", PATCH_BITS, sets, needed(size))

    def encoded(self, codec: Literal["png", "jpeg"]) -> Bought:
        """Take random real images, as many as fit encoded, a draw a set."""
        real = cast(RealData, self.data)  # its inputs are images
        draws = [encoded_images(real, self._total, codec, _JPEG_QUALITY, Streams(k)) for k in range(self.draws)]
        if not all(len(y) for _, y, _ in draws):
            return Bought(codec, None, [], 0)
        return Bought(codec, None, [self._filled(x, y) for x, y, _ in draws], max(used for _, _, used in draws))

    def _filled(self, x: Tensor, y: Tensor) -> Synthetic:
        synthetic = PixelSet(per_class=1)
        synthetic.initialize(x, y, self.data.spec)
        return synthetic


def at_precision(quantizer: Quantizer, bits: int) -> Quantizer:
    """Return a quantizer like this one at another precision; above 4 bits learned levels give way to uniform ones."""
    if isinstance(quantizer, LearnedLevels) and bits > _MOST_LEARNED:
        return UniformQuantizer(bits=bits, granularity=quantizer.granularity)
    other = copy.deepcopy(quantizer)
    other.bits = bits
    return other
