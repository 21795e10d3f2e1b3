"""Folders of images, a sub-folder a class: SRe2L, RDED, DD-Ranking and torchvision's ImageFolder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.image_files import opened
from hf_distill.data.png import MODES
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.exchange.found import Found
from hf_distill.exchange.tensors import read_torch
from hf_distill.text import said, shorten

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def class_folders(folder: Path) -> list[Path]:
    """Return the sub-folders that hold images, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "." and _images(path))


def read_image_folder(folder: Path, spec: DataSpec, labels: Path | None = None) -> Found:
    """Return the images of a folder, with the labels that their sub-folders or a file of soft ones give them.

    Args:
        folder: It has a sub-folder for each class.
        spec: What the source is: images are read in its mode.
        labels: A file of a number for each class, in the order of sub-folders and of file names.

    Raises:
        UserError: An image cannot be read, is of another size, or the source holds no images of 8 bits.
    """
    if spec.kind != "image" or spec.scale is not None:
        raise UserError(f"{folder.name} is a folder of images, and the source holds {spec.form.plural} of another form")
    folders = class_folders(folder)
    files = [(number, path) for number, place in enumerate(folders) for path in _images(place)]
    images = torch.stack([_read(path, spec) for _, path in files])
    numbers = torch.tensor([number for number, _ in files])
    names = tuple(place.name for place in folders)
    if labels is None:
        return Found(images, numbers, "folder of images (SRe2L, RDED)", "raw", names=names)
    soft = read_torch(labels)
    if not isinstance(soft, Tensor) or soft.dim() != 2 or len(soft) != len(images):
        raise UserError(f"{labels.name} holds {said(soft)}, and no number for each class of {len(images)} images")
    return Found(images, soft, "folder of images with soft labels (DD-Ranking)", "raw")


def numbers_of(names: Sequence[str], classes: Sequence[str]) -> list[int]:
    """Return which of the source's classes each name of a file's is: the name, or its number at the end.

    >>> numbers_of(["new001", "new000"], ["cat", "dog"])
    [1, 0]

    Raises:
        UserError: Some are neither.
    """
    if set(names) <= set(classes):
        return [list(classes).index(name) for name in names]
    numbers = [re.search(r"(\d+)$", name) for name in names]
    found = [int(number[1]) for number in numbers if number]
    if len(found) == len(names) == len(set(found)) and all(number < len(classes) for number in found):
        return found
    unknown = [name for name in names if name not in classes]
    raise UserError(
        f"{said(unknown[0])} is none of the source's {len(classes)} classes {shorten(', '.join(classes), 60)}, nor the "
        "number of one: rename it, or name all in their order, --classes='[NAME, NAME, ...]'"
    )


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.name[0] != ".")


def _read(path: Path, spec: DataSpec) -> Tensor:
    channels, height, width = spec.shape
    try:
        with opened({"bytes": None, "path": str(path)}, 0, MODES[channels]) as image:
            if image.size != (width, height):
                raise UserError(
                    f"it is {image.width} x {image.height} and the source's images are {width} x {height}: add "
                    f"--data.image_size={max(image.size)}"
                )
            return torch.from_numpy(np.array(image)).reshape(height, width, channels).permute(2, 0, 1)
    except UserError as error:
        raise UserError(f"{path.parent.name}/{path.name}: {str(error).removeprefix('row 0: ')}") from error
