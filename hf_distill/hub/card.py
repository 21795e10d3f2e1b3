"""The dataset card: a pure function of the record, so that equal records give equal cards."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from datasets import DatasetInfo, Features
from datasets.info import DatasetInfosDict
from datasets.splits import SplitDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

from hf_distill.data.base import Spec
from hf_distill.decode import reading
from hf_distill.hub.audits import audit_line
from hf_distill.hub.exact import DECODER as OWN_DECODER
from hf_distill.hub.formats import format_of
from hf_distill.hub.lines import as_python, is_hub_source
from hf_distill.hub.making import made_of
from hf_distill.hub.private import publishable_record
from hf_distill.hub.record import (
    CARD,
    DECODER,
    EVALUATION,
    PREVIEW,
    RECORD,
    TABLES,
    checked,
    tables_of,
    to_json,
    without_code,
)
from hf_distill.hub.results import class_table, features_table, recipes_table, results_table, verdict
from hf_distill.hub.tables import TABLE_OVERHEAD
from hf_distill.learners.rate import RATES
from hf_distill.markdown import Markdown, as_json, cell, code, fenced
from hf_distill.table import Table
from hf_distill.text import printable, shorten

_TAGS = ["dataset-distillation", "dataset-condensation", "hf_distill"]
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.\-]*")
#: What renders the templates of cards.
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("hf_distill", "hub"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
ENVIRONMENT.filters |= {"py": as_python, "cell": cell, "code": code, "fenced": fenced}
ENVIRONMENT.globals |= {"cell": cell, "code": code, "as_json": as_json}


def render_card(record: dict[str, Any], repo_id: str | None = None) -> str:
    """Render the card of an artifact.

    Args:
        record: The content of ``distillation.json``.
        repo_id: The Hub dataset that the snippets name; None makes them name the folder.

    Returns:
        The YAML head and the Markdown body.

    Raises:
        ArtifactError: The record is not as this library writes them.

    Examples:
        >>> import json, tempfile
        >>> from hf_distill import Coreset, RealData, render_card
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     record = Coreset(per_class=1).distill(RealData()).save_pretrained(folder) / "distillation.json"
        ...     card = render_card(json.loads(record.read_text()), repo_id="your-name/digits-small")
        >>> "10 real samples" in card, 'load_dataset("your-name/digits-small"' in card
        (True, True)
    """
    # A card is made from a stranger's record too; and a set whose record cannot be read must not be written.
    checked(record)
    format_ = format_of(record["spec"]["task"])
    spec = format_.read_spec(record["spec"])
    evaluation = record.get("evaluation") or {}
    about, others = record.get("about") or {}, record.get("other_evaluations") or []
    body = ENVIRONMENT.get_template(format_.template).render(
        spec=spec,
        record=record,
        title=about.get("title") or _title(spec, record),
        about=about,
        licence=about.get("license") or spec.source.get("license"),
        owner=about.get("author") or spec.source.get("author"),
        source_name=source_name(spec.source),
        on_hub=is_hub_source(spec.source),
        place=repo_id or "path/to/this/folder",
        is_local=repo_id is None,
        preview=PREVIEW if record.get("preview", True) else "",  # older records do not say that it is there
        pictures=record.get("pictures", []),
        versions=", ".join(f"{cell(name)} {cell(version)}" for name, version in record["versions"].items()),
        results=results_table(evaluation["rows"]) if evaluation.get("rows") else None,
        verdicts=[line for line in map(verdict, evaluation.get("rows") or []) if line],
        sketch=bool((evaluation.get("protocol") or {}).get("sketch")),
        others=[(other, results_table(other["rows"])) for other in others if other.get("rows")],
        by_class=class_table(evaluation.get("rows") or []),
        recipes=recipes_table(evaluation.get("rows") or []),
        audit=audit_line(record.get("audit")),
        features=features_table(evaluation["features"]) if evaluation.get("features") else None,
        sizes=_sizes(spec, record),
        summary=_summary(spec, record),
        made=made_of(record),
        took=_took(record["timing"]),
        rates=_rates(record["recipe"]),
        variables=_variables(record["codes"]["meta"]),
        codes_bytes=sum(
            record["files"][path]["bytes"] for name, path in tables_of(record).items() if name != "default"
        ),
        apart="labels" in record,
        table_overhead=TABLE_OVERHEAD * (1 + ("labels" in record)),
        meta=without_code(record["codes"]["meta"]),
        decodes=reading(record["codes"]["meta"]) is not None,
        **format_.card_variables(spec, record),
    )
    return f"---\n{card_data(record).to_yaml()}\n---\n\n{body}"


def card_data(record: dict[str, Any]) -> DatasetCardData:
    """Return the card's YAML head: what the Hub searches and how ``load_dataset`` finds the files."""
    format_ = format_of(record["spec"]["task"])
    spec = format_.read_spec(record["spec"])
    said = record.get("about") or {}
    title, licence = said.get("title") or _title(spec, record), said.get("license") or spec.source.get("license")
    about: dict[str, Any] = {"pretty_name": shorten(printable(title)), **licence_data(licence)}
    if is_hub_source(spec.source):
        about["source_datasets"] = [spec.source["path"]]
    size = next((name for limit, name in _SIZES if record["rows"] < limit), "n>1M")
    tasks = format_.hub_tasks(spec)
    data = DatasetCardData(task_categories=tasks, size_categories=[size], tags=_tags(record), **about)
    default = format_.features(spec, record.get("layout") or {})
    tables = tables_of(record)
    features = {"default": default, **{name: record[name]["features"] for name in tables if name != "default"}}
    infos = DatasetInfosDict({name: _info(record["files"][path], features[name]) for name, path in tables.items()})
    infos.to_dataset_card_data(data)
    paths = {name: f"{path.split('/')[0]}/train-*" for name, path in tables.items()}
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


def licence_data(name: str | list[str] | None) -> dict[str, Any]:
    """Return a licence as the YAML head of a card has it.

    The Hub takes free text only as the name of an ``other`` one.
    """
    names = [name] if isinstance(name, str) else list(name or ())
    if not names:
        return {}
    if all(_IDENTIFIER.fullmatch(each) for each in names):
        return {"license": names[0] if len(names) == 1 else names}
    return {"license": "other", "license_name": " ".join(", ".join(names).split())[:100]}


def source_name(source: Mapping[str, Any]) -> str:
    """Return what a source is called: its Hub id, or the last part of its path."""
    path = (source.get("path") or "").rstrip("/")
    return path if is_hub_source(source) else path.rsplit("/", 1)[-1] or "an in-memory dataset"


def _title(spec: Spec, record: Mapping[str, Any]) -> str:
    name = source_name(spec.source).rsplit("/", 1)[-1]
    kind = format_of(spec.task).noun.removeprefix("training ")
    return f"{name}, {record['rows']:,} real {kind}" if made_of(record).real else f"{name}, distilled"


def _tags(record: dict[str, Any]) -> list[str]:
    real = ["coreset"] if made_of(record).real else []
    further = [shorten(printable(tag), 60) for tag in (record.get("about") or {}).get("tags", [])]
    return list(dict.fromkeys([*_TAGS, *real, *further]))


def _summary(spec: Spec, record: dict[str, Any]) -> str:
    """Return in a sentence how large the set is, in the smaller of its configs, and how many times smaller it makes."""
    source = format_of(spec.task).published_bits(spec, spec.num_rows).total
    # Codes that only name rows hold none of them.
    holding = TABLES if format_of(spec.task).values(spec) else ("default",)
    config = min(holding, key=lambda name: record["bits"][name]["total"])
    bits, file = record["bits"][config]["total"], record["files"][TABLES[config]]["bytes"]
    kind = format_of(spec.task).value_kind(spec) if config == "default" else "codes"
    smaller = (
        f", {source / bits:,.0f} times smaller than the {_kilobytes(source / 8)} of the source"
        if source and bits
        else ""
    )
    return f"{_kilobytes(bits / 8)} of {kind}{smaller}; a file of {_kilobytes(file)}."


def _kilobytes(size: float) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:,.{0 if size >= 100 * unit else 1}f} {name}"
    return f"{size:.0f} bytes"


def _took(timing: dict[str, Any]) -> str:
    """Say how long the set took to make, and on what, where the record tells."""
    seconds, device = timing.get("seconds"), timing.get("device")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e9:
        return ""
    on = f" on {cell(device)}" if isinstance(device, str) else ""
    return f"; made in {f'{seconds:.0f} s' if seconds < 600 else f'{seconds / 60:.0f} min'}{on}"


def _rates(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the learning rates that were learned with the set, each with whose it is."""
    whose = {"sgd": "gradient descent", "adam": "Adam"}
    rates = [(recipe.get(name), whose[optimizer]) for optimizer, name in RATES.items()]
    return [(f"{rate:.3g}", of) for rate, of in rates if isinstance(rate, float) and 0 < rate < math.inf]


def _sizes(spec: Spec, record: dict[str, Any]) -> Table:
    """Return the table of sizes: what the set takes, exactly and on the disk, beside its source."""
    format_ = format_of(spec.task)
    source = format_.published_bits(spec, spec.num_rows).total
    bits = record["bits"]
    values = record["rows"] * format_.values(spec)
    kind = format_.value_kind(spec)
    files = {name: record["files"][path]["bytes"] * 8 for name, path in tables_of(record).items()}
    rows = [
        (f"source, {spec.num_rows:,} {format_.noun}, {kind}", source, None),
        (f"config `default`, {kind}", bits["default"]["total"], bits["default"]),
        (f"config `default` on the disk ({format_.file(spec)})", files["default"], None),
        ("config `codes`, the exact stored variables", bits["codes"]["total"], bits["codes"]),
        ("config `codes` on the disk (parquet)", files["codes"], None),
        ("config `labels`, the labels of the codes, on the disk (parquet)", files.get("labels"), None),
        ("the same samples as float32", values and values * 32 + bits["default"]["labels"], None),
    ]
    head = ["what", "bits", "bytes", "data + labels + side bits", "source / this"]
    lines = [
        [
            Markdown(what),
            f"{total:,}",
            f"{-(-total // 8):,}",
            f"{parts['data']:,} + {parts['labels']:,} + {parts['side']:,}" if parts else "",
            f"{source / total:,.1f}" if source and total else "",
        ]
        for what, total, parts in rows
        if total
    ]
    return Table(head, lines, right=head[1:])


def _variables(meta: dict[str, Any]) -> Table | None:
    """Return how each variable is quantized, of a set that is."""
    if "variables" not in meta:
        return None
    head = ["variable", "bits a value", "levels", "one range or codebook for each", "quantizer"]
    lines = [
        [
            Markdown(f"{code(name)} {' x '.join(map(str, about['shape']))}"),
            f"{about['bits']}{', entropy-coded' if 'coding' in about else ''}",
            str(about["levels"]),
            str(about["granularity"]),
            about["quantizer"],
        ]
        for name, about in meta["variables"].items()
    ]
    return Table(head, lines, right=head[1:3])


def write_texts(folder: Path, values: dict[str, Any], repo_id: str | None = None) -> None:
    """Write an artifact's record, its card, the decoder and, where it has been evaluated, the evaluation."""
    values = publishable_record(values)
    texts = {RECORD: to_json(values), CARD: render_card(values, repo_id)}
    if values["evaluation"] is not None:
        texts[EVALUATION] = to_json(values["evaluation"])
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / DECODER).write_bytes(OWN_DECODER.read_bytes())
