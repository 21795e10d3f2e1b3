"""``hf-distill push``: publish an artifact."""

from __future__ import annotations

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill push",
        description="Publish a distilled dataset on the Hub in one commit.",
    )
    parser.add_argument("folder", type=str, help="the distilled dataset's folder")
    parser.add_argument("--repo_id", type=str, required=True, help="namespace/name; made where it does not exist")
    parser.add_argument("--private", type=bool, default=False, help="make it private")
    parser.add_argument("--revision", type=str | None, default=None, help="the branch; main by default")
    parser.add_argument("--message", type=str | None, default=None, help="the commit's title")
    return parser


def run(argv: list[str]) -> None:
    """Publish and print the commit's address."""
    from hf_distill.hub.artifact import DistilledDataset

    options = parse(build_parser(), argv)
    artifact = DistilledDataset.from_pretrained(options.folder)
    address = artifact.push_to_hub(
        options.repo_id, private=options.private, revision=options.revision, commit_message=options.message
    )
    print(address)
