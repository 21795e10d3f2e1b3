"""BitSweep: one budget, several precisions, and the baselines under the same budget."""

from __future__ import annotations

import hashlib
import io
import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from accelerate import Accelerator

from hf_distill.data.base import Data
from hf_distill.errors import DivergenceError, UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.files import locked, user_path, write_atomically
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.record import to_json
from hf_distill.hub.storage import refuse_foreign
from hf_distill.methods.optimized import OptimizedDistillation
from hf_distill.quantization.budget import Budget
from hf_distill.sweep.baselines import BASELINES
from hf_distill.sweep.card import PICTURE, write_sweep_card
from hf_distill.sweep.picture import draw, sweet_spot
from hf_distill.sweep.sets import PATCH_BITS, Bought, BudgetSets
from hf_distill.synthetic.quantized import QuantizedSet

#: What every sweep's folder holds from its start on, and what may lie beside it.
MARK = "rows/config.sha256"
_OWN = ("rows", "runs", ".lock")


class BitSweep:
    """Spends a budget on few bits and many samples, or many bits and few samples.

    Every row is a set of its own, measured by the evaluator with the same recipe, and a file ``rows/NAME.json``; a row
    that is there is not made again. Rows: ``in the loop`` at each precision; and of the baselines ``start`` (what the
    method starts from, quantized), ``float32`` (as many samples as fit with 32 bits a value), ``posthoc`` (the set that
    the method learns without quantization, then quantized), ``patchwise`` (the same by patches, 2 bits), ``random``
    (real samples quantized, a draw a seed), ``png`` and ``jpeg`` (real images, as many as fit encoded, a draw a seed).

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

    Examples:
        >>> from hf_distill import BitSweep, Budget, load_config
        >>> parts, budget = load_config("quadd_digits"), Budget(bits_per_class=520)
        >>> sweep = BitSweep(parts.method, parts.data, parts.evaluator, budget, bits=[1, 2, 4], baselines=["float32"])
        >>> sweep.bits  # sweep.run(Path("outputs/sweep")) makes a set each, the table and the picture
        [1, 2, 4]
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

    def run(
        self, folder: Path, report: Callable[[dict[str, Any]], object] = print, *, command: str = ""
    ) -> list[dict[str, Any]]:
        """Make all rows that ``folder`` lacks, then ``sweep.json``, ``sweep.png`` and the card; return the rows.

        Args:
            folder: Where they are.
            report: Is given each row once it is there.
            command: The command line that asked for it, for the card.

        Raises:
            UserError: The folder holds another sweep or something else, another process works in it, or not even the
                smallest set fits at some precision.
            DivergenceError: A set or a network has diverged; the rows before it are kept.
        """
        folder = user_path(folder)
        refuse_foreign(folder, marker=MARK, allowed=_OWN, what="sweep")
        with locked(folder):
            rows = self._run(folder, report)
            write_sweep_card(folder, rows, self.data, self.budget, self.config(), command)
            return rows

    def _run(self, folder: Path, report: Callable[[dict[str, Any]], object]) -> list[dict[str, Any]]:
        # Distillations run there, and samples have to be where their networks are.
        self.data.setup(Accelerator().device)
        seeds = range(self.seed, self.seed + self.sets)
        sets = BudgetSets(self.method, self.data, self.budget, folder / "runs", seeds, self.evaluator.seeds)
        for bits in self.bits:
            sets.quantized(bits)  # refuses before the work
        self._claim(folder)
        rows = []
        for name, make in self._jobs(sets):
            path = folder / "rows" / f"{name}.json"
            if not path.is_file():
                try:
                    row = {"name": name, **self._row(make())}
                except DivergenceError as error:
                    raise DivergenceError(f"row {name}: {error}") from error
                write_atomically(path, to_json(row))
            try:
                rows.append(json.loads(path.read_text()))
            except ValueError as error:
                raise UserError(f"cannot read the row {path}: delete it, and it is made again") from error
            report(rows[-1])
        whole = {"config": self.config(), "sweet_spot": sweet_spot(rows), "rows": rows}
        write_atomically(folder / "sweep.json", to_json(whole))
        if (picture := draw(rows)) is not None:
            written = io.BytesIO()
            picture.save(written, format="PNG", optimize=True)
            write_atomically(folder / PICTURE, written.getvalue())
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
        mark = folder / MARK
        # Older versions wrote it in place: a crash left a part of it.
        if mark.is_file() and not digest.startswith(mark.read_text(errors="replace")):
            raise UserError(f"{folder} holds a sweep with another configuration: name another --output_dir")
        write_atomically(mark, digest)

    def _jobs(self, sets: BudgetSets) -> list[tuple[str, Callable[[], Bought]]]:
        jobs: list[tuple[str, Callable[[], Bought]]] = []
        for bits in self.bits:
            jobs.append((f"loop_{bits}", partial(sets.in_the_loop, bits)))
            if "start" in self.baselines:
                jobs.append((f"start_{bits}", partial(sets.start, bits)))
            if "posthoc" in self.baselines:
                jobs.append((f"posthoc_{bits}", partial(sets.post_hoc, bits)))
            if "random" in self.baselines:
                jobs.append((f"random_{bits}", partial(sets.random, bits)))
        if "float32" in self.baselines:
            jobs.append(("float32", sets.full_precision))
        if self.data.spec.kind == "image":
            if "patchwise" in self.baselines:
                jobs.append((f"patchwise_{PATCH_BITS}", sets.patch_wise))
            codecs: tuple[Literal["png", "jpeg"], ...] = ("png", "jpeg")
            jobs += [(codec, partial(sets.encoded, codec)) for codec in codecs if codec in self.baselines]
        return jobs

    def _row(self, bought: Bought) -> dict[str, Any]:
        """Measure: one set with all seeds, or a set for each seed."""
        about = {"kind": bought.kind, "bits_per_value": bought.bits_per_value, "samples": 0, "bits": bought.bits}
        if not bought.sets:
            return {**about, "mean": None, "std": None}
        evaluator = self.evaluator
        values: dict[str, list[float]] = {}
        spread: dict[str, float | None] = {}
        for place, synthetic in enumerate(bought.sets):
            if len(bought.sets) > 1:
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
            **about,
            "samples": len(DistilledDataset.from_synthetic(bought.sets[0])),
            "metric": metric,
            "mean": first[0],
            "std": first[1],
            "networks": networks,
        }
