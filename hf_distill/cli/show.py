"""``hf-distill show``: what an artifact is and what it is worth."""

from __future__ import annotations

from typing import Any

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.errors import UserError
from hf_distill.files import user_path
from hf_distill.hub.record import RECORD, read_record
from hf_distill.text import printable, shorten


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill show",
        description="Say what distilled datasets are, how large, and what they are worth.",
    )
    parser.add_argument("folders", type=str, nargs="+", help="folders of distilled datasets")
    return parser


def run(argv: list[str]) -> None:
    """Print a paragraph on each artifact and one table of all of their measurements."""
    records = [(printable(folder), _read(folder)) for folder in parse(build_parser(), argv).folders]
    for folder, record in records:
        print(_describe(folder, record))
    measured = [
        (folder, evaluation)
        for folder, record in records
        for evaluation in (record.get("evaluation"), *record.get("other_evaluations", []))
        if evaluation
    ]
    if measured:
        from hf_distill.hub.results import evaluation_text

        for folder, evaluation in measured:
            print(f"\n{folder}\n{evaluation_text(evaluation)}")


def _read(folder: str) -> dict[str, Any]:
    path = user_path(folder)
    if not path.is_dir():
        raise UserError(f"no folder {folder}")
    if not (path / RECORD).exists():
        raise UserError(f"{folder} is no distilled dataset: it has no {RECORD}")
    return read_record(path)


def _describe(folder: str, record: dict[str, Any]) -> str:
    spec, method = record["spec"], record["config"].get("method", {})
    rows = record["rows"]
    ratio = f" ({spec['num_rows'] / rows:.0f} times fewer)" if (spec.get("num_rows") or 0) > rows else ""
    if "channels" in spec:
        what = f"{rows} time steps{ratio} of {len(spec['channels'])} channels"
    else:
        what = f"{rows} samples{ratio} of shape {tuple(spec['shape'])} in {len(spec['classes'])} classes"
    sizes = "".join(
        f"\n  config {name}: {bits['total']:,} bits: {bits['data']:,} data, {bits['labels']:,} labels, "
        f"{bits['side']:,} side information"
        for name, bits in record["bits"].items()
    )
    source, made_by = (
        shorten(printable(str(name))) for name in (spec.get("source", {}).get("path"), method.get("class_path"))
    )
    return (
        f"{folder}: {what}, from {source}, by {made_by if 'class_path' in method else 'an unnamed method'}, "
        f"seed {record['seed']}{sizes}"
    )
