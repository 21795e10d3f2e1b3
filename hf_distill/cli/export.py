"""``hf-distill export``: a set in the layout of another library."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.errors import UserError
from hf_distill.files import user_path

_LAYOUTS = Literal["imagefolder", "ddranking"]


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill export",
        description="Write a set of images as a folder with a sub-folder of PNG files for each class (imagefolder), or "
        "as DD-Ranking loads it: images.pt, labels.pt (logits of soft labels), lr.pt, and the same images in folders.",
    )
    parser.add_argument("folder", type=str, help="the distilled dataset: its folder, or namespace/name on the Hub")
    parser.add_argument("--to", type=_LAYOUTS, required=True, help="imagefolder or ddranking")
    parser.add_argument("--output_dir", type=Path, required=True, help="a new folder, or an empty one")
    parser.add_argument(
        "--normalization",
        type=str | None,
        default=None,
        help="the constants that DD-Ranking normalises the real images by, cifar10 for example; by default those of "
        "the source's name",
    )
    return parser


def run(argv: list[str]) -> None:
    """Write the set."""
    config = parse(build_parser(), argv)

    from hf_distill.exchange.scales import KNOWN, scale_of_name
    from hf_distill.exchange.writing import folder_names, numbered, write_image_folder, write_tensors
    from hf_distill.hub.artifact import DistilledDataset

    artifact = DistilledDataset.from_pretrained(config.folder)
    spec, output = artifact.spec, user_path(config.output_dir)
    if getattr(spec, "kind", "") != "image" or spec.target != "classes":
        raise UserError(f"{config.folder} holds no images with classes, which is what other libraries read")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"--output_dir {config.output_dir} is there and not empty: name a new folder")
    labels = artifact.y.tolist()
    if config.to == "imagefolder":
        names = folder_names(spec.classes)
        write_image_folder(output, artifact.stored, labels, names)
        if names != sorted(names):
            print("torchvision numbers classes in the order of their folders' names, which is not that of the source")
    else:
        scale = config.normalization or scale_of_name(str(spec.source.get("path")))
        if scale not in KNOWN:
            raise UserError(f"say how DD-Ranking normalises this source: --normalization={', '.join(KNOWN)}")
        exact, rate = artifact.exact(), artifact.recipe.get("lr")
        learned = rate if isinstance(rate, float) and 0 < rate < math.inf else None
        write_tensors(output, exact.x, exact.y if exact.y.dim() == 2 else artifact.y, spec, scale, learned)
        write_image_folder(output / "images", artifact.stored, labels, numbered(spec.num_classes))
    print(f"{config.output_dir}: {len(artifact)} images of {spec.num_classes} classes")
