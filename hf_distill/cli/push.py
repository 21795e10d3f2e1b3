"""``hf-distill push``: publish an artifact, or what another command has written."""

from __future__ import annotations

from typing import Any

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.errors import UserError
from hf_distill.files import user_path


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill push",
        description="Publish a distilled dataset, a generator or a sweep on the Hub in one commit, with its card.",
    )
    parser.add_argument("folder", type=str, help="of a distilled dataset, or what train-generator or sweep wrote")
    parser.add_argument("--repo_id", type=str, required=True, help="namespace/name; made where it does not exist")
    parser.add_argument("--private", type=bool, default=False, help="make it private")
    parser.add_argument("--revision", type=str | None, default=None, help="the branch; main by default")
    parser.add_argument("--create_pr", type=bool, default=False, help="open a pull request instead of a commit")
    parser.add_argument("--commit_message", type=str | None, default=None, help="the commit's title")
    parser.add_argument("--commit_description", type=str | None, default=None, help="what else is to be said of it")
    parser.add_argument("--title", type=str | None, default=None, help="the card's title")
    parser.add_argument("--license", type=str | None, default=None, help="its licence; that of the source if left out")
    parser.add_argument("--author", type=str | None, default=None, help="who made the source, or whom it belongs to")
    parser.add_argument("--tags", type=list[str], default=[], help="further tags, such as [medicine]")
    return parser


def run(argv: list[str]) -> None:
    """Publish and print the commit's address."""
    options = parse(build_parser(), argv)
    if not user_path(options.folder).is_dir() and options.folder.count("/") != 1:
        raise UserError(f"no folder {options.folder}, and it is no Hub dataset (namespace/name) either")

    from hf_distill.hub.about import About
    from hf_distill.hub.artifact import DistilledDataset
    from hf_distill.hub.product import product_in, push_product

    names = ("private", "revision", "commit_message", "commit_description", "create_pr")
    said: dict[str, Any] = {name: options[name] for name in names}
    said["about"] = About(title=options.title, license=options.license, author=options.author, tags=options.tags)
    folder = user_path(options.folder)
    if product_in(folder) is not None:
        print(push_product(folder, options.repo_id, **said))
    else:
        print(DistilledDataset.from_pretrained(options.folder).push_to_hub(options.repo_id, **said))
