"""BitSweep: one budget, several precisions, and the baselines under the same budget."""

from __future__ import annotations

import copy
import hashlib
import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.record import to_json
from hf_distill.quantization import Budget, LearnedLevels, Quantizer, UniformQuantizer
from hf_distill.seeding import Streams
from hf_distill.selection import RealSamples, SubSeries
from hf_distill.sweep.images import encoded_images, patchwise, patchwise_bits
from hf_distill.sweep.picture import draw, sweet_spot
from hf_distill.synthetic import PixelSet, QuantizedSet, Synthetic
from hf_distill.training import OptimizedDistillation, Run, Undistilled

BASELINES = ("float32", "posthoc", "patchwise", "random", "png", "jpeg")
_PATCH_BITS = 2
_JPEG_QUALITY = 50
# More learned levels take more bits than they save.
_MOST_LEARNED = 4


class BitSweep:
    """Spends a budget on few bits and many samples, or many bits and few samples.

    Every row is a set of its own, measured by the evaluator with the same recipe, and a file ``rows/NAME.json``; a row
    that is there is not made again. Rows: ``in the loop`` at each precision; and of the baselines ``float32`` (as many
    samples as fit with 32 bits a value), ``posthoc`` (the set that the method learns without quantization, then
    quantized), ``patchwise`` (the same by patches, 2 bits), ``random`` (real samples quantized, a draw a seed), ``png``
    and ``jpeg`` (real images, as many as fit encoded, a draw a seed).

    Args:
        method: A distillation of a :class:`QuantizedSet`.
        data: The data.
        evaluator: How all rows are measured; its own baselines are left out.
        budget: What each row may take.
        bits: Precisions, in bits a value. Learned levels give way to uniform ones above 4 bits, and where they take
            the bits of samples.
        baselines: Some of ``BASELINES``.
        seed: The seed of all randomness.
        sets: Distillations of each row, with seeds that follow from the first. One set is measured by all of the
            evaluator's networks; of several each by one network, so that the spread is that of both.
    """

    def __init__(
        self,
        method: OptimizedDistillation,
        data: Data,
        evaluator: Evaluator,
        budget: Budget,
        bits: list[int],
        baselines: list[str],
        seed: int = 0,
        sets: int = 1,
    ) -> None:
        if not isinstance(method, OptimizedDistillation) or not isinstance(method.synthetic, QuantizedSet):
            raise UserError("a sweep needs OptimizedDistillation of a QuantizedSet: take configs/quadd_digits.yaml")
        for name in baselines:
            if name not in BASELINES:
                raise UserError(f"baseline {name!r} is unknown; choose some of {', '.join(BASELINES)}")
        if sets < 1:
            raise UserError(f"sets is {sets}; it must be 1 or more")
        if not bits:
            raise UserError("bits is empty: name one precision or more, [8,4,3,2,1]")
        self.method, self.data, self.budget = method, data, budget
        self.evaluator = evaluator.alone()
        self.bits, self.baselines, self.seed, self.sets = bits, baselines, seed, sets

    def run(self, folder: Path, report: Callable[[dict[str, Any]], object] = print) -> list[dict[str, Any]]:
        """Make all rows that ``folder`` lacks, then ``sweep.json`` and ``sweep.png``; return the rows.

        Raises:
            UserError: The folder holds another sweep, or not even the smallest set fits at some precision.
        """
        self.data.setup()
        for bits in self.bits:
            self._set(bits).plan(self.data.spec)  # refuses before the work
        self._claim(folder)
        rows = []
        for name, make in self._jobs(folder):
            path = folder / "rows" / f"{name}.json"
            if not path.is_file():
                row = {"name": name, **make()}
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_suffix(".partial")
                unfinished.write_text(to_json(row))
                unfinished.replace(path)
            rows.append(json.loads(path.read_text()))
            report(rows[-1])
        (folder / "sweep.json").write_text(
            to_json({"config": self.config(), "sweet_spot": sweet_spot(rows), "rows": rows})
        )
        draw(rows).save(folder / "sweep.png", optimize=True)
        return rows

    def config(self) -> dict[str, Any]:
        """Return what decides the rows."""
        return {
            "method": self.method.config(),
            "data": self.data.config(),
            "evaluator": self.evaluator.config(),
            "budget": self.budget.config(),
            "seed": self.seed,
            "sets": self.sets,
        }

    def _claim(self, folder: Path) -> None:
        """Refuse a folder that holds rows of another sweep; precisions and baselines may be added to one."""
        digest = hashlib.sha256(json.dumps(self.config(), sort_keys=True).encode()).hexdigest()
        mark = folder / "rows" / "config.sha256"
        if mark.is_file() and mark.read_text() != digest:
            raise UserError(f"{folder} holds a sweep with another configuration: name another --output_dir")
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(digest)

    def _jobs(self, folder: Path) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
        jobs: list[tuple[str, Callable[[], dict[str, Any]]]] = []
        for bits in self.bits:
            jobs.append((f"loop_{bits}", partial(self._loop, bits, folder)))
            if "posthoc" in self.baselines:
                jobs.append((f"posthoc_{bits}", partial(self._posthoc, bits, folder)))
            if "random" in self.baselines:
                jobs.append((f"random_{bits}", partial(self._random, bits)))
        if "float32" in self.baselines:
            jobs.append(("float32", partial(self._float, folder)))
        images = isinstance(self.data, RealData) and self.data.spec.is_image
        if "patchwise" in self.baselines and images:
            jobs.append((f"patchwise_{_PATCH_BITS}", partial(self._patchwise, folder)))
        jobs += [
            (codec, partial(self._encoded, codec)) for codec in ("png", "jpeg") if codec in self.baselines and images
        ]
        return jobs

    def _set(self, bits: int) -> QuantizedSet:
        described = self.method.synthetic
        assert isinstance(described, QuantizedSet)
        synthetic = copy.deepcopy(described)
        synthetic.quantizer, synthetic.budget = at_precision(described.quantizer, bits), self.budget
        if isinstance(synthetic.quantizer, LearnedLevels):
            uniform = copy.deepcopy(synthetic)
            uniform.quantizer = UniformQuantizer(bits=bits, granularity=synthetic.quantizer.granularity)
            uniform.plan(self.data.spec)  # refuses where not even these fit: their ranges are fewer than the levels
            if synthetic.planned_bits(self.data.spec, uniform.size).total > self.budget.bits(self._classes()):
                return uniform
        return synthetic

    def _classes(self) -> int | None:
        return self.data.spec.num_classes if isinstance(self.data, RealData) else None

    def _distilled(self, synthetic: Synthetic, folder: Path, name: str) -> list[Synthetic]:
        method = copy.copy(self.method)
        method.synthetic = synthetic
        return [
            method.fit(self.data, Run(folder=folder / "runs" / f"{name}_{seed}", seed=seed, resume=True))
            for seed in range(self.seed, self.seed + self.sets)
        ]

    def _loop(self, bits: int, folder: Path) -> dict[str, Any]:
        sets = self._distilled(self._set(bits), folder, f"loop_{bits}")
        return self._row("in the loop", bits, sets, sets[0].bits().total)

    def _unquantized(self, size: int, folder: Path) -> list[Synthetic]:
        """Return the sets that the method learns at full precision, made once for each size."""
        described = self.method.synthetic
        assert isinstance(described, QuantizedSet)
        inner = copy.deepcopy(described.synthetic)
        inner.resize(size)
        return self._distilled(inner, folder, f"float_{size}")

    def _posthoc(self, bits: int, folder: Path) -> dict[str, Any]:
        described = self._set(bits)
        described.quantizer = UniformQuantizer(bits=bits, granularity=described.quantizer.granularity)
        described.plan(self.data.spec)  # its ranges may take more bits than those of the loop's quantizer
        sets: list[Synthetic] = []
        for inner in self._unquantized(described.size, folder):
            synthetic = copy.deepcopy(described)
            synthetic.synthetic = inner
            synthetic.calibrate()
            sets.append(synthetic)
        return self._row("post-hoc", bits, sets, sets[0].bits().total)

    def _random(self, bits: int) -> dict[str, Any]:
        method = Undistilled(
            synthetic=self._set(bits), initial=RealSamples() if isinstance(self.data, RealData) else SubSeries()
        )
        sets = [method.fit(self.data, Run(seed=k)) for k in range(self.evaluator.seeds)]
        return self._row("random, quantized", bits, sets, sets[0].bits().total)

    def _float(self, folder: Path) -> dict[str, Any]:
        spec, inner, classes = self.data.spec, self._set(self.bits[0]).synthetic, self._classes()
        total = self.budget.bits(classes)
        per_size = [32 * sum(torch.Size(s).numel() for s in inner.shapes(spec, k).values()) for k in (1, 2)]
        labels = classes * spec.bits_per_label if classes else 0
        size = (total - (2 * per_size[0] - per_size[1])) // (per_size[1] - per_size[0] + labels)
        if size < inner.least_size(spec):
            return {"kind": "float32", "bits_per_value": 32, "samples": 0, "bits": 0, "mean": None, "std": None}
        sets = self._unquantized(int(size), folder)
        return self._row("float32", 32, sets, sets[0].bits().total)

    def _patchwise(self, folder: Path) -> dict[str, Any]:
        spec = self.data.spec
        labels = spec.num_classes * spec.bits_per_label
        total, groups, size = self.budget.bits(spec.num_classes), 16, 0
        (shape,) = self._set(self.bits[0]).synthetic.shapes(spec, 1).values()

        def needed(per_class: int) -> int:
            own = patchwise_bits(shape[1:], per_class * spec.num_classes, _PATCH_BITS, 5, groups)
            return own + per_class * labels

        while needed(size + 1) <= total:
            size += 1
        if not size:
            return {"kind": "patch-wise", "bits_per_value": 2, "samples": 0, "bits": 0, "mean": None, "std": None}
        sets = self._unquantized(size, folder)
        for done in sets:
            (values,) = done.codes().values()
            done.initialize(patchwise(values.detach(), _PATCH_BITS, groups=groups), done().y, spec)
        return self._row("patch-wise", _PATCH_BITS, sets, needed(size))

    def _encoded(self, codec: Any) -> dict[str, Any]:
        assert isinstance(self.data, RealData)
        total = self.budget.bits(self.data.spec.num_classes)
        draws = [
            encoded_images(self.data, total, codec, _JPEG_QUALITY, Streams(k)) for k in range(self.evaluator.seeds)
        ]
        if not all(len(y) for _, y, _ in draws):
            return {"kind": codec, "bits_per_value": None, "samples": 0, "bits": 0, "mean": None, "std": None}
        return self._row(codec, None, [self._filled(x, y) for x, y, _ in draws], max(used for _, _, used in draws))

    def _filled(self, x: Tensor, y: Tensor) -> Synthetic:
        synthetic = PixelSet(per_class=1)
        synthetic.initialize(x, y, self.data.spec)
        return synthetic

    def _row(self, kind: str, bits: int | None, sets: list[Synthetic], total: int) -> dict[str, Any]:
        """Measure: one set with all seeds, or a set for each seed."""
        evaluator = self.evaluator
        values: dict[str, list[float]] = {}
        spread: dict[str, float | None] = {}
        for place, synthetic in enumerate(sets):
            if len(sets) > 1:
                evaluator = self.evaluator.alone()
                evaluator.seeds, evaluator.seed = 1, self.evaluator.seed + place
            result = evaluator.evaluate(DistilledDataset.from_synthetic(synthetic), self.data, progress=False)
            for row in result.rows:
                values.setdefault(row["network"], []).append(row["mean"])
                spread[row["network"]] = row["std"]
            metric = result.rows[0]["metric"]
        networks = {
            name: [statistics.fmean(own), statistics.stdev(own) if len(own) > 1 else spread[name]]
            for name, own in values.items()
        }
        first = next(iter(networks.values()))
        return {
            "kind": kind,
            "bits_per_value": bits,
            "samples": len(DistilledDataset.from_synthetic(sets[0])),
            "bits": total,
            "metric": metric,
            "mean": first[0],
            "std": first[1],
            "networks": networks,
        }


def at_precision(quantizer: Quantizer, bits: int) -> Quantizer:
    """Return a quantizer like this one at another precision; above 4 bits learned levels give way to uniform ones."""
    if isinstance(quantizer, LearnedLevels) and bits > _MOST_LEARNED:
        return UniformQuantizer(bits=bits, granularity=quantizer.granularity)
    other = copy.deepcopy(quantizer)
    other.bits = bits
    return other
