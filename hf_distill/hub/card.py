"""The dataset card: a pure function of the record, so that equal records give equal cards."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
import numpy as np
from datasets import DatasetInfo, Features
from datasets.info import DatasetInfosDict
from datasets.splits import SplitDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

from hf_distill.data.spec import DataSpec
from hf_distill.hub.record import PREVIEW, TABLES
from hf_distill.hub.tables import MODES

_TAGS = ["dataset-distillation", "dataset-condensation", "hf_distill"]
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.\-]*")
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("hf_distill", "hub"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def _as_python(value: Any) -> str:
    """Write a value as Python source for the snippets."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


_ENVIRONMENT.filters["py"] = _as_python


def render_card(record: dict[str, Any], repo_id: str | None = None) -> str:
    """Render the card of an artifact.

    Args:
        record: The content of ``distillation.json``.
        repo_id: The Hub dataset that the snippets name; None makes them name the folder.

    Returns:
        The YAML head and the Markdown body.
    """
    spec = DataSpec.from_dict(record["spec"])
    body = _ENVIRONMENT.get_template("card.md.jinja").render(
        spec=spec,
        record=record,
        title=_title(spec),
        source_name=_source_name(spec),
        on_hub=_is_hub_source(spec.source),
        place=repo_id or "path/to/this/folder",
        is_local=repo_id is None,
        preview=PREVIEW,
        per_class=_per_class(record["rows"], spec),
        mean=[round(value, 6) for value in spec.mean],
        std=[round(value, 6) for value in spec.std],
        mode=MODES[spec.shape[0]] if spec.is_image else None,
        width=int(np.prod(spec.shape)),
        versions=", ".join(f"{name} {version}" for name, version in record["versions"].items()),
        results=_results(record["evaluation"]),
        sizes=_sizes(spec, record),
        layouts=_layouts(record["codes"]),
        as_json=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        cell=_cell,
    )
    return f"---\n{card_data(record).to_yaml()}\n---\n\n{body}"


def card_data(record: dict[str, Any]) -> DatasetCardData:
    """Return the card's YAML head: what the Hub searches and how ``load_dataset`` finds the files."""
    spec = DataSpec.from_dict(record["spec"])
    about: dict[str, Any] = {"pretty_name": _title(spec), **_license(spec.source.get("license"))}
    if _is_hub_source(spec.source):
        about["source_datasets"] = [spec.source["path"]]
    size = next((name for limit, name in _SIZES if record["rows"] < limit), "n>1M")
    data = DatasetCardData(task_categories=[spec.task], size_categories=[size], tags=list(_TAGS), **about)
    features = {"default": spec.features, "codes": record["codes"]["features"]}
    infos = DatasetInfosDict({name: _info(record["files"][TABLES[name]], features[name]) for name in TABLES})
    infos.to_dataset_card_data(data)
    paths = {name: f"{TABLES[name].split('/')[0]}/train-*" for name in TABLES}
    configs: dict[str, dict[str, Any]] = {
        name: {"data_files": [{"split": "train", "path": path}]} for name, path in paths.items()
    }
    configs["default"]["default"] = True
    MetadataConfigs(configs).to_dataset_card_data(data)
    return data


def _info(entry: dict[str, Any], features: dict[str, Any]) -> DatasetInfo:
    split = {"name": "train", "num_examples": entry["rows"], "num_bytes": entry["arrow_bytes"]}
    return DatasetInfo(
        features=Features.from_dict(features),
        splits=SplitDict.from_split_dict([split]),
        download_size=entry["bytes"],
        dataset_size=entry["arrow_bytes"],
    )


def _license(name: str | list[str] | None) -> dict[str, Any]:
    """Carry the source's licence; the Hub takes free text only as the name of an ``other`` one."""
    names = [name] if isinstance(name, str) else list(name or ())
    if not names:
        return {}
    if all(_IDENTIFIER.fullmatch(each) for each in names):
        return {"license": names[0] if len(names) == 1 else names}
    return {"license": "other", "license_name": " ".join(", ".join(names).split())[:100]}


def _is_hub_source(source: dict[str, Any]) -> bool:
    """Whether the source is a Hub dataset: those alone have a revision."""
    return bool(source.get("revision")) and bool(re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source.get("path") or ""))


def _source_name(spec: DataSpec) -> str:
    path = (spec.source.get("path") or "").rstrip("/")
    return path if _is_hub_source(spec.source) else path.rsplit("/", 1)[-1] or "an in-memory dataset"


def _title(spec: DataSpec) -> str:
    return f"{_source_name(spec).rsplit('/', 1)[-1]}, distilled"


def _per_class(rows: int, spec: DataSpec) -> str:
    count = rows / spec.num_classes
    return f"{count:.0f}" if count == int(count) else f"{count:.1f}"


def _sizes(spec: DataSpec, record: dict[str, Any]) -> list[dict[str, str]]:
    """Return the table of sizes: what the set takes, exactly and on the disk, beside its source."""
    values = int(np.prod(spec.shape))
    source = spec.num_rows * (values * spec.bits_per_value + spec.bits_per_label)
    bits = record["bits"]
    floats = record["rows"] * values * 32 + bits["default"]["labels"]
    kind = f"{spec.bits_per_value}-bit {'pixels' if spec.is_image else 'values'}"
    files = {name: record["files"][path]["bytes"] * 8 for name, path in TABLES.items()}
    rows = [
        (f"source, {spec.num_rows:,} training samples, {kind}", source, None),
        (f"config `default`, {kind}", bits["default"]["total"], bits["default"]),
        (f"config `default` on the disk ({'PNG in ' if spec.is_image else ''}parquet)", files["default"], None),
        ("config `codes`, the exact stored variables", bits["codes"]["total"], bits["codes"]),
        ("config `codes` on the disk (parquet)", files["codes"], None),
        ("the same samples as float32", floats, None),
    ]
    return [
        {
            "what": what,
            "bits": f"{total:,}",
            "bytes": f"{-(-total // 8):,}",
            "parts": f"{parts['data']:,} + {parts['labels']:,} + {parts['side']:,}" if parts else "",
            "ratio": f"{source / total:,.1f}" if source and total else "",
        }
        for what, total, parts in rows
        if total
    ]


def _layouts(codes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the byte columns of config ``codes`` and how their bytes are laid out."""
    names = [name for name, feature in codes["features"].items() if feature.get("dtype") == "binary"]
    layouts = [(name, codes["meta"].get("columns", {}).get(name, codes["meta"])) for name in names]
    return [
        {"name": name, "dtype": layout.get("dtype", "u1"), "shape": tuple(layout.get("shape", (-1,)))}
        for name, layout in layouts
    ]


def _results(evaluation: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return head and rows of the table of numbers; a baseline that no row has gets no column."""
    if not evaluation or not evaluation.get("rows"):
        return None
    rows = evaluation["rows"]
    cells = [_spreads(row) for row in rows]
    names = list(dict.fromkeys(name for spreads in cells for name, (mean, _) in spreads.items() if mean is not None))
    # The full data is the ceiling: it comes last, also where the first row lacks a baseline.
    names.sort(key=lambda name: name == "full data")
    lines = [
        [
            *(_cell(row.get(key)) for key in ("network", "metric", "labels", "seeds")),
            *(_number(row.get("metric", ""), *spreads.get(name, (None, None))) for name in names),
            f"{row['bits']:,}" if row.get("bits") is not None else "",
        ]
        for row, spreads in zip(rows, cells, strict=True)
    ]
    head = ["network", "metric", "labels", "seeds", *map(_cell, names), "bits"]
    return {"head": head, "lines": lines, "protocol": evaluation.get("protocol") or {}}


def _spreads(row: dict[str, Any]) -> dict[str, tuple[float | None, float | None]]:
    """Return mean and standard deviation of the set and of each baseline of an evaluation's row, by column name."""
    baselines = {
        name.replace("_", " "): (value.get("mean"), value.get("std"))
        for name, value in (row.get("baselines") or {}).items()
        if name != "random"
    }
    return {
        "distilled": (row.get("mean"), row.get("std")),
        "random, equal bits": (row.get("random_mean"), row.get("random_std")),
        **baselines,
        "full data": (row.get("full_mean"), row.get("full_std")),
    }


def _number(metric: str, mean: float | None, std: float | None) -> str:
    """Format a result; accuracies and F1 scores as per cent."""
    if mean is None:
        return ""
    percent = "accuracy" in metric or "f1" in metric
    texts = [f"{value * 100:.1f}" if percent else f"{value:.4g}" for value in (mean, std) if value is not None]
    return " ± ".join(texts) + (" %" if percent else "")


def _cell(value: Any) -> str:
    """Make text safe for a cell of a Markdown table."""
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")
