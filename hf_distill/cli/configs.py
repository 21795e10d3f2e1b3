"""``hf-distill configs``: the configurations that come with the library."""

from __future__ import annotations

import textwrap

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.cli.yaml_files import load_yaml
from hf_distill.configurations import configurations, locate, summary, takes


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill configs",
        description="List the configurations that come with the library, or print one of them. Any of them is a start "
        "for data of your own: hf-distill distill --config NAME --data.path YOURS",
    )
    parser.add_argument("name", type=str | None, nargs="?", default=None, help="print this one")
    return parser


def run(argv: list[str]) -> None:
    """Print the list, or a configuration."""
    name = parse(build_parser(), argv).name
    if name is not None:
        with open(locate(name), encoding="utf-8") as file:
            print(file.read(), end="")
        return
    for known, path in configurations().items():
        text = path.read_text(encoding="utf-8")
        source = load_yaml(text)["data"]["init_args"].get("path")
        took = f", took {takes(text)}" if takes(text) else ""
        print(f"{known} ({source}{took})")
        print(textwrap.fill(summary(text), 100, initial_indent="    ", subsequent_indent="    "))
    print("\nhf-distill distill --config NAME [--data.path YOURS]; hf-distill configs NAME prints one")
