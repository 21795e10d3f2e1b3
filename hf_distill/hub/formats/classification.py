"""Sets of samples: a row is an input of some kind with its target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.kinds.mixed import MixedKind
from hf_distill.data.png import MODES
from hf_distill.data.spec import DataSpec
from hf_distill.hub import tables
from hf_distill.hub.exact import soft_labels
from hf_distill.hub.formats.base import Format
from hf_distill.hub.formats.class_grid import class_grid
from hf_distill.hub.formats.words import GOALS, WORDS
from hf_distill.hub.kind_checks import sample_tasks
from hf_distill.hub.results import score_text
from hf_distill.hub.script import readable, script_of, test_rows
from hf_distill.hub.spec_checks import SOFT_COLUMNS, WEIGHT_COLUMNS
from hf_distill.markdown import Markdown, cell
from hf_distill.synthetic.base import Bits, Packed

_NAMED = 20  # classes whose counts are written out
_TORCH = """import torch
import torch.nn.functional as F
from datasets import load_dataset
from torch import nn"""


class ClassificationFormat(Format[DataSpec]):
    """See :class:`Format`. Of soft labels the likeliest class is published, and the probabilities beside it.

    These are a column of their own, ``soft_label``, and so are weights, ``weight``, unless all are 1; both have another
    name where the source has a column of that one.
    """

    tasks = sample_tasks()
    template = "card_classification.md.jinja"
    noun = "training samples"
    divides = True

    def read_spec(self, values: dict[str, Any]) -> DataSpec:
        """See :class:`Format`."""
        return DataSpec.from_dict(values)

    def hub_tasks(self, spec: DataSpec) -> list[str]:
        """See :class:`Format`."""
        return spec.form.hub_tasks(spec)

    def shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Format`."""
        return spec.form.stored_shape(spec)

    def values(self, spec: DataSpec) -> int:
        """See :class:`Format`: as networks get them."""
        return math.prod(spec.shape)

    def labels(self, spec: DataSpec, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`Format`."""
        return spec.goal.published(spec, y)

    def counts(self, spec: DataSpec, y: Tensor) -> list[int] | None:
        """See :class:`Format`."""
        return torch.bincount(y, minlength=spec.num_classes).tolist() if spec.target == "classes" else None

    def layout(self, spec: DataSpec, x: Tensor, w: Tensor, packed: Packed) -> dict[str, Any]:
        """See :class:`Format`."""
        soft = spec.target == "classes" and soft_labels(packed) is not None
        wanted = {"weight": (not bool((w == 1).all()), WEIGHT_COLUMNS), "soft": (soft, SOFT_COLUMNS)}
        return {
            key: next(name for name in names if name not in spec.features)
            for key, (use, names) in wanted.items()
            if use
        }

    def features(self, spec: DataSpec, layout: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Format`."""
        number = {"dtype": "float32", "_type": "Value"}
        added = {"weight": number, "soft": {"feature": number, "_type": "List"}}
        return {**spec.features, **{layout[key]: feature for key, feature in added.items() if key in layout}}

    def varies(self, spec: DataSpec) -> bool:
        """See :class:`Format`."""
        return spec.form.varies(spec)

    def published_bits(
        self, spec: DataSpec, rows: int, layout: dict[str, Any] | None = None, stored: np.ndarray | None = None
    ) -> Bits:
        """See :class:`Format`."""
        bits = super().published_bits(spec, rows)
        if stored is not None and self.varies(spec):
            bits = replace(bits, data=spec.form.stored_bits(spec, stored))
        return replace(bits, side=32 * rows) if layout and "weight" in layout else bits

    def rows(self, x: Tensor) -> int:
        """See :class:`Format`."""
        return len(x)

    def row_bits(self, spec: DataSpec) -> Bits:
        """See :class:`Format`."""
        return Bits(data=spec.form.sample_bits(spec), labels=spec.bits_per_label)

    def store(self, spec: DataSpec, x: Tensor) -> np.ndarray:
        """See :class:`Format`: uint8 images ``(M, C, H, W)`` or vectors ``(M, D)`` of the source's type."""
        return spec.form.store(spec, x)

    def load(self, spec: DataSpec, stored: np.ndarray, layout: dict[str, Any]) -> Tensor:
        """See :class:`Format`."""
        return spec.form.load(spec, stored)

    def to_dataset(
        self,
        spec: DataSpec,
        stored: np.ndarray,
        y: Tensor,
        w: Tensor,
        layout: dict[str, Any],
        labels: pa.Table | None = None,
    ) -> Dataset:
        """See :class:`Format`."""
        return tables.to_dataset(spec, stored, y, {layout["weight"]: w} if "weight" in layout else {}, labels)

    def from_table(self, table: pa.Table, spec: DataSpec, layout: dict[str, Any]) -> tuple[np.ndarray, Tensor, Tensor]:
        """See :class:`Format`."""
        stored, y = tables.from_table(table, spec)
        if "weight" not in layout:
            return stored, y, torch.ones(len(y))
        return stored, y, tables.read_weights(table, layout["weight"])

    def code_features(self, spec: DataSpec) -> dict[str, Any]:
        """See :class:`Format`."""
        return {"label": ClassLabel(names=list(spec.classes))} if spec.target == "classes" else {}

    def preview(self, spec: DataSpec, stored: np.ndarray, y: Tensor) -> PILImage.Image:
        """See :class:`Format`."""
        return class_grid(spec, stored, y)

    def value_kind(self, spec: DataSpec) -> str:
        """See :class:`Format`."""
        return WORDS[spec.kind].values or f"{spec.bits_per_value}-bit {spec.form.values}"

    def file(self, spec: DataSpec) -> str:
        """See :class:`Format`."""
        return WORDS[spec.kind].file

    def card_variables(self, spec: DataSpec, record: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Format`."""
        labels = record["codes"]["meta"].get("labels", {})
        script = script_of(spec, record)
        augment = script.augment
        lines, said = test_rows(spec) if readable(spec) else ([], "")
        return {
            "script": script,
            "script_score": _score(script.row),
            "augment": augment,
            "hole": [int(side * augment.get("cutout", 0) + 0.5) for side in spec.shape[-2:]],
            "shift": [int(side * augment.get("crop", augment.get("shift", 0)) + 0.5) for side in spec.shape[-2:]],
            "test_lines": lines,
            "test_said": said,
            "torch_imports": _TORCH,
            "resized": _resized(spec, record),
            "goal": GOALS[spec.target],
            "per_class": _per_class(spec, record),
            "unequal": _unequal(spec, record),
            "mean": [round(value, 6) for value in spec.mean],
            "std": [round(value, 6) for value in spec.std],
            "mode": MODES.get(len(spec.mean)),
            "words": WORDS[spec.kind],
            "parts": _parts(spec, record),
            "width": int(np.prod(spec.shape)),
            "weight": (record.get("layout") or {}).get("weight"),
            "soft": "top" in labels or "dense" in labels,
            "soft_column": (record.get("layout") or {}).get("soft"),
            "transform_text": _transform_text(spec.transform["init_args"]) if spec.transform else "",
        }


def _per_class(spec: DataSpec, record: dict[str, Any]) -> str:
    """Return how many samples a class has, ``2 a class, ``, as far as the record tells."""
    counts = record.get("counts")
    if counts:
        same = min(counts) == max(counts)
        return f"{min(counts)} a class, " if same else f"{min(counts)} to {max(counts)} a class, "
    count = record["rows"] / spec.num_groups
    return f"{count:.0f} a class, " if count == int(count) else f"{count:.1f} a class on average, "


def _unequal(spec: DataSpec, record: dict[str, Any]) -> Markdown:
    """Return how many samples each class has, where that is not the same."""
    counts = record.get("counts") or []
    if len(set(counts)) < 2:
        return Markdown()
    pairs = list(zip(spec.classes, counts, strict=True))
    said = [f"{cell(name)} {count:,}" for name, count in pairs[:_NAMED]]
    return Markdown(", ".join(said) + (", ..." if len(pairs) > _NAMED else ""))


def _score(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else score_text(row, "distilled")


def _resized(spec: DataSpec, record: dict[str, Any]) -> str:
    """Return what the script does to pictures that were brought to one size."""
    data = record["config"].get("data")
    options = data.get("init_args") if isinstance(data, dict) else None
    if len(spec.shape) < 3 or not isinstance(options, dict) or options.get("image_size") is None:
        return ""
    return f".resize(({spec.shape[-1]}, {spec.shape[-2]}), 2)"  # 2 is bilinear


def _parts(spec: DataSpec, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the card's script needs to know of every part of inputs of several kinds."""
    found, start = [], 0
    for part in MixedKind.parts(spec) if spec.kind == MixedKind.name else ():
        stop = start + len(part.mean)
        own = {name: getattr(part, name) for name in ("kind", "input_column", "shape")}
        mode, resized = MODES.get(len(part.mean)), _resized(part, record)
        found.append({**own, "start": start, "stop": stop, "mode": mode, "resized": resized})
        start = stop
    return found


def _transform_text(options: dict[str, Any]) -> str:
    """Say in words what was done to the source's vectors, in its order."""
    kept = "all entries" if options["entries"] is None else f"entries {', '.join(map(str, options['entries']))}"
    steps = [kept if options["stride"] == 1 else f"every {options['stride']}. of {kept}"]
    if options["decibel"]:
        steps.append("10 log10")
    if options["reference"] != "none":
        steps.append(f"minus the row's {options['reference']}")
    if options["scale"] != 1:
        steps.append(f"divided by {options['scale']:g}")
    return ", ".join(steps)
