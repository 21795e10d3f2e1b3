"""From a :class:`~hf_distill.hub.DistilledDataset` to the files of its artifact."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hf_distill.hub import record, tables
from hf_distill.hub.card import write_texts
from hf_distill.hub.formats import format_of
from hf_distill.hub.label_table import divided, labels_tables
from hf_distill.hub.pictures import write_pictures
from hf_distill.hub.soundness import check_stored, check_values, check_variety
from hf_distill.large import spans

if TYPE_CHECKING:
    from hf_distill.hub.about import About
    from hf_distill.hub.artifact import DistilledDataset

Check = Literal["all", "values", "nothing"]
"""What is refused: destroyed sets, those that are not finite or far out alone, or none."""


def write_contents(
    made: DistilledDataset,
    folder: Path,
    repo_id: str | None = None,
    *,
    check: Check = "all",
    about: About | None = None,
) -> dict[str, Any]:
    """Write all files of an artifact into an empty folder.

    Args:
        made: The set.
        folder: Where.
        repo_id: The Hub dataset that the card's lines name; None makes them name the folder.
        check: What is refused.
        about: What the card says beside what the set's own ``about`` does.

    Returns:
        The record's list of tables.

    Raises:
        DivergenceError: The set is destroyed.
    """
    if check != "nothing":
        check_values(made.spec, made.x, made.packed, made.w)
        check_stored(made.stored)
    if check == "all":
        check_variety(made.spec, made.stored, made.y, made.packed, made.config)
    format_ = format_of(made.spec.task)
    known = format_.code_features(made.spec)
    codes, labels = divided(made.packed)
    step = tables.GROUP if format_.divides else len(made)
    contents = {
        record.TABLES["default"]: (made.to_dataset(rows) for rows in spans(len(made), step)),
        record.TABLES["codes"]: tables.codes_tables(codes, known),
        **({record.LABELS: labels_tables(labels, made.packed.meta)} if labels else {}),
    }
    features, files = {}, {}
    for name, parts in contents.items():
        features[name], count, size = tables.write_parquet(parts, folder / name)
        files[name] = record.file_entry(folder / name, count, size)
    preview = format_.preview(made.spec, made.stored, made.y)
    values = {
        "format_version": record.FORMAT_VERSION if labels else 1,
        "spec": made.spec.to_dict(),
        "rows": len(made),
        "bits": {name: {**asdict(bits), "total": bits.total} for name, bits in made.bits.items()},
        "layout": made.layout,
        "codes": {"features": features[record.TABLES["codes"]], "meta": made.packed.meta},
        **({"labels": {"features": features[record.LABELS]}} if labels else {}),
        "config": made.config,
        "recipe": made.recipe,
        "seed": made.seed,
        "timing": made.timing,
        "history": made.history,
        "citations": made.citations,
        "versions": made.versions,
        "files": files,
        "preview": preview is not None,
        "pictures": list(made.pictures),
        "evaluation_pictures": made.evaluation_pictures,
        "evaluation": made.evaluation,
        "other_evaluations": made.other_evaluations,
        **({} if made.audit is None else {"audit": made.audit}),
        "about": {**made.about, **(about.to_dict() if about else {})},
        "counts": format_.counts(made.spec, made.y),
    }
    if preview is not None:
        preview.save(folder / record.PREVIEW, optimize=True)
    write_pictures(folder, made.pictures)
    write_texts(folder, values, repo_id)
    return files
