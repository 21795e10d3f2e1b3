"""What commands write beside sets (a generator, a sweep, stored experts): its card, and what of it is published."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import CardData, RepoCard

from hf_distill.errors import UserError
from hf_distill.files import write_atomically
from hf_distill.hub.about import About
from hf_distill.hub.card import ENVIRONMENT, licence_data, source_name
from hf_distill.hub.lines import is_hub_source
from hf_distill.hub.private import without_private_paths
from hf_distill.hub.publish import Commit, Contents, check_repo_id, push
from hf_distill.hub.record import CARD, library_versions
from hf_distill.markdown import cell
from hf_distill.table import Table
from hf_distill.text import printable, shorten

#: What stands for the folder in a card's script; a push writes the repository's name in its place.
PLACE = "path/to/this/folder"
_PICTURES = ("*.png",)


@dataclass(frozen=True)
class Product:
    """A kind of folder that a command writes and that is no distilled set.

    Attributes:
        mark: The file that tells it.
        repo_type: What it is on the Hub.
        files: What is published of it beside the card and its picture, as patterns of paths.
        head: Of the card's YAML head.
    """

    mark: str
    repo_type: Literal["model", "dataset"]
    files: tuple[str, ...]
    head: Mapping[str, Any] = field(default_factory=dict)


#: The products by their names.
PRODUCTS = {
    "generator": Product(
        "model_index.json",
        "model",
        ("model_index.json", "pipeline.py", "unet/*", "scheduler/*"),
        {"library_name": "diffusers", "pipeline_tag": "unconditional-image-generation"},
    ),
    "teacher": Product("teacher.json", "model", ("teacher.json", "*.safetensors")),
    "experts": Product("experts.json", "model", ("experts.json", "expert-*.safetensors")),
    "sweep": Product(
        "sweep.json",
        "dataset",
        ("sweep.json",),
        {"configs": [{"config_name": "default", "data_files": "sweep.json", "field": "rows"}]},
    ),
}


def write_product_card(
    folder: Path,
    name: str,
    *,
    title: str,
    said: str,
    source: Mapping[str, Any],
    script: Sequence[str],
    config: Mapping[str, Any],
    numbers: Table | None = None,
    command: str = "",
    picture: str = "",
) -> None:
    """Write the card of a product, ``README.md``, into its folder.

    To add a product, give it a line in :data:`PRODUCTS` and call this once its folder is written, as
    :mod:`hf_distill.cli.storing` does; ``hf-distill push`` then publishes it.

    Args:
        folder: The product's folder; the card is written last.
        name: One of :data:`PRODUCTS`.
        title: The card's title.
        said: What it is, in a sentence or two. Text of a stranger's in it is escaped unless it is ``Markdown``.
        source: Of the data's specification.
        script: Lines of Python that use it again; :data:`PLACE` stands for the folder.
        config: What decided it, JSON.
        numbers: What was measured.
        command: The command line that made it; see :func:`hf_distill.cli.placing.said_command`.
        picture: The name of a PNG file of the folder.
    """
    body = ENVIRONMENT.get_template("card_product.md.jinja").render(
        title=title,
        said=said,
        source=source,
        source_name=source_name(source),
        licence=source.get("license"),
        on_hub=is_hub_source(source),
        script="\n".join(script),
        config=without_private_paths(config),
        numbers=numbers,
        command=command,
        picture=picture,
        versions=", ".join(f"{cell(name)} {cell(version)}" for name, version in library_versions().items()),
    )
    write_atomically(folder / CARD, f"---\n{_head(name, title, source).to_yaml()}\n---\n\n{body}")


def product_in(folder: Path) -> str | None:
    """Return the name of the product that a folder holds."""
    return next((name for name, product in PRODUCTS.items() if (folder / product.mark).is_file()), None)


def push_product(
    folder: Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    token: str | None = None,
    commit_message: str | None = None,
    commit_description: str | None = None,
    create_pr: bool = False,
    about: About | None = None,
) -> str:
    """Publish a product in one commit and return its address; see ``DistilledDataset.push_to_hub``.

    Raises:
        UserError: There is no card, a file is a link that leads out of the folder, the name is wrong, or the
            repository holds something else.
        HubError: The token is missing or may not write, the Hub refused or cannot be reached.
    """
    check_repo_id(repo_id)
    name = product_in(folder)
    if name is None or not (folder / CARD).is_file():
        raise UserError(f"{folder} has no card {CARD}: make it again by the command that wrote it")
    product = PRODUCTS[name]
    card = RepoCard((folder / CARD).read_text(encoding="utf-8"), ignore_metadata_errors=True)
    paths = sorted(path for pattern in (*product.files, *_PICTURES) for path in folder.glob(pattern) if path.is_file())
    for path in paths:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{path} is a link that leads out of its folder: it is not published, remove it")
    files: dict[str, Path | bytes] = {path.relative_to(folder).as_posix(): path for path in paths}
    files[CARD] = _with(card, repo_id, about or About()).encode()
    said = Commit(commit_message, commit_description, create_pr)
    contents = Contents(name, product.mark, product.files, product.repo_type)
    return push(files, repo_id, private, revision, token, said, contents)


def _with(card: RepoCard, repo_id: str, about: About) -> str:
    """Return a card's text for a repository, with what its maker says of it."""
    text, data = card.text.replace(PLACE, repo_id), card.data
    for key, value in licence_data(about.license).items():
        data[key] = value
    data["tags"] = list(dict.fromkeys([*data.get("tags", []), *(shorten(printable(tag), 60) for tag in about.tags)]))
    lines = [("# ", about.title, ""), ("| licence | ", about.license, " |"), ("| author | ", about.author, " |")]
    for start, said, end in lines:
        if said:
            old = re.search(f"^{re.escape(start)}.*$", text, re.MULTILINE)
            text = text.replace(old[0], f"{start}{cell(said)}{end}", 1) if old else text
    return f"---\n{data.to_yaml()}\n---\n{text}"


def _head(name: str, title: str, source: Mapping[str, Any]) -> CardData:
    """Return the YAML head: what the Hub searches."""
    product = PRODUCTS[name]
    about = {
        "tags": ["hf_distill", "dataset-distillation", name],
        **licence_data(source.get("license")),
        **product.head,
    }
    about["pretty_name"] = shorten(printable(title))
    if is_hub_source(source):
        about["datasets" if product.repo_type == "model" else "source_datasets"] = [source["path"]]
    return CardData(**about)
