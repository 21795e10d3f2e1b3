"""``hf-distill import``: a set that another library made, as one of ours."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.distill import build_parser as build_distill_parser
from hf_distill.cli.early import check_names
from hf_distill.cli.names import options_of
from hf_distill.cli.yaml_files import joined
from hf_distill.errors import UserError
from hf_distill.files import user_path

_METHOD = "Imported"


def build_parser() -> ArgumentParser:
    """Return the parser of ``distill``, which does the work, with the file and how it is read in front."""
    parser = build_distill_parser(light=True)
    parser.prog = "hf-distill import"
    parser.description = (
        "Take in a distilled set that another library made: hf-distill import FILE.pt|FILE.npz|FOLDER "
        "--data.path SOURCE. Its options are those of `hf-distill distill`, and: "
        f"{', '.join(f'--{name}' for name in options_of(_METHOD) or () if name != 'path')}; "
        f"`hf-distill parts {_METHOD}` explains them."
    )
    return parser


def run(argv: list[str]) -> None:
    """Read the file, check it beside its source and save it; measure and publish it where asked to."""
    if any(word in ("-h", "--help") for word in argv):
        print(build_parser().format_help())
        return
    words = joined(argv)
    if not words or words[0].startswith("-"):
        raise UserError("name a file or a folder first: hf-distill import FILE --data.path SOURCE")
    file, *rest = words
    if not user_path(file).exists():
        raise UserError(f"no file or folder {file}")
    if not any(word.startswith("--data") for word in rest):
        raise UserError("name the data that the set was made from: --data.path SOURCE")
    if not any(word.startswith("--output_dir=") for word in rest):
        rest.append(f"--output_dir=outputs/{Path(file).resolve().stem}")
    own = options_of(_METHOD) or ()
    moved = [f"--method={_METHOD}", f"--method.path={file}"]
    moved += [f"--method.{word[2:]}" if word[2:].partition("=")[0] in own else word for word in rest]

    check_names(build_distill_parser, moved)
    from hf_distill.cli.distilling import run as distill  # imports what takes seconds

    distill(moved)
