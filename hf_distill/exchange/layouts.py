"""Which library wrote a file, and where in it images and labels are."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.exchange.found import Found
from hf_distill.exchange.scales import scale_of_name
from hf_distill.exchange.tensors import check_numbers, read_npz, read_torch
from hf_distill.text import said

_TORCH = (".pt", ".pth", ".tar")
_IMAGES = ("images", "image", "x", "x_proto", "data")
_LABELS = ("labels", "label", "y", "y_proto", "targets")
# Of a folder of tensors, those that count first: MTT and DATM keep what tested best, DD-Ranking names one set.
_FIRST = ("images_best.pt", "images.pt")


def read_file(path: Path, labels: Path | None = None, experiment: int = 0) -> Found:
    """Return what a file of tensors or arrays holds.

    Args:
        path: A ``.pt`` of DatasetCondensation, MTT, DATM or DD-Ranking, an ``.npz`` of FRePo or RFAD, or the folder of
            one of the former.
        labels: The file with its labels, where it is not beside it.
        experiment: The number of the set, of a file with several.

    Raises:
        UserError: It is none of these.
    """
    path = _in_folder(path) if path.is_dir() else path
    if path.suffix == ".npz":
        found = _of_arrays(read_npz(path), path)
    elif path.suffix in _TORCH:
        found = _of_torch(read_torch(path), path, labels, experiment)
    else:
        raise UserError(f"{path.name} is none of {', '.join(_TORCH)}, .npz and a folder of images")
    check_numbers(found.images, f"the images of {path.name}")
    check_numbers(found.labels, f"the labels of {path.name}")
    if len(found.images) != len(found.labels) or not len(found.images):
        raise UserError(f"{path.name} has {len(found.images)} images and {len(found.labels)} labels")
    return found


def _in_folder(folder: Path) -> Path:
    """Return the tensor file of a folder: the one that tested best, or the last one."""
    for name in _FIRST:
        if (folder / name).is_file():
            return folder / name
    names = ((re.fullmatch(r"images_(\d+)", path.stem), path) for path in folder.glob("*.pt"))
    numbered = {int(name[1]): path for name, path in names if name}
    if not numbered:
        raise UserError(f"{folder.name} has neither sub-folders of images, one a class, nor a file images_best.pt")
    return numbered[max(numbered)]


def _of_torch(value: Any, path: Path, labels: Path | None, experiment: int) -> Found:
    scale = scale_of_name(path.name)
    if isinstance(value, Mapping) and isinstance(value.get("data"), (list, tuple)):
        sets = value["data"]
        if not 0 <= experiment < len(sets):
            raise UserError(f"{path.name} has {len(sets)} sets, 0 to {len(sets) - 1}, and experiment is {experiment}")
        images, own = _pair(sets[experiment], path)
        return Found(images, own, "DatasetCondensation", scale)
    if isinstance(value, Mapping):
        return replace(_of_arrays({str(name): each for name, each in value.items()}, path), scale=scale)
    if isinstance(value, (list, tuple)):
        images, own = _pair(value, path)
        return Found(images, own, "a pair of tensors", scale)
    if not isinstance(value, Tensor):
        raise UserError(f"{path.name} holds {said(value)}, and no tensors of images")
    return _of_tensor(value, path, labels)


def _of_tensor(images: Tensor, path: Path, labels: Path | None) -> Found:
    """Return the set whose images are a file and whose labels and learning rate are in files beside it."""
    place = labels or path.with_name(path.name.replace("images_zca", "labels").replace("images", "labels"))
    if place == path or not place.is_file():
        raise UserError(f"{path.name} holds images alone, and there is no {place.name} beside it: add --labels=FILE")
    own = read_torch(place)
    if not isinstance(own, Tensor):
        raise UserError(f"{place.name} holds {said(own)}, and no tensor of labels")
    rate = place.with_name(place.name.replace("labels", "lr"))
    learned = _rate(read_torch(rate), rate) if rate != place and rate.is_file() else None
    # MTT and DATM write what their whitening is undone of under this name.
    scale = "unit" if path.name.startswith("images_zca") else scale_of_name(path.name)
    return Found(images, own, "images and labels (MTT, DATM, DD-Ranking)", scale, rate=learned)


def _of_arrays(arrays: Mapping[str, Any], path: Path) -> Found:
    images, labels = (_named(arrays, names) for names in (_IMAGES, _LABELS))
    if images is None or labels is None:
        raise UserError(
            f"{path.name} has {said(sorted(arrays))}, and neither images ({', '.join(_IMAGES)}) nor labels "
            f"({', '.join(_LABELS)}) under names that are known"
        )
    if "image" in arrays:
        # FRePo divides its labels by this root.
        scale = math.sqrt(labels.shape[1] / 10) if labels.dim() == 2 else 1
        return Found(images, labels * scale, "FRePo", form="centred")
    if "images" in arrays and "k" in arrays:
        return Found(images, labels, "RFAD", form="centred")
    return Found(images, labels, "arrays")


def _named(arrays: Mapping[str, Any], names: tuple[str, ...]) -> Tensor | None:
    return next((arrays[name] for name in names if isinstance(arrays.get(name), Tensor)), None)


def _pair(value: Any, path: Path) -> tuple[Tensor, Tensor]:
    pair = value[:2] if isinstance(value, (list, tuple)) else ()
    if len(pair) < 2 or not all(isinstance(each, Tensor) for each in pair):
        raise UserError(f"{path.name} holds {said(value)} where images and labels are looked for")
    return pair[0], pair[1]


def _rate(value: Any, path: Path) -> float:
    """Return a learned rate.

    Raises:
        UserError: It is no positive number.
    """
    number = value.flatten()[0].item() if isinstance(value, Tensor) and value.numel() == 1 else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < 1e6:
        raise UserError(f"{path.name} holds {said(value)}, which is no learning rate: take it away to go without")
    return float(number)


def as_inputs(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return images ``(N, *shape)``, with the channels first.

    Raises:
        UserError: They are of another size.
    """
    if images.shape[1:] == shape:
        return images
    if len(shape) == 3 and images.dim() == 4 and images.permute(0, 3, 1, 2).shape[1:] == shape:
        return images.permute(0, 3, 1, 2).contiguous()
    if images.shape[1:] == shape[1:] and shape[0] == 1:
        return images.unsqueeze(1)
    raise UserError(
        f"the file holds inputs of shape {tuple(images.shape[1:])} and the source of shape {shape}: add "
        "--data.image_size or --data.image_mode, or name the data that the set was made from"
    )


def class_numbers(labels: Tensor) -> Tensor | None:
    """Return numbers of classes ``(N,)``, or None of soft labels."""
    if labels.dim() == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dim() != 1:
        return None
    whole = labels.long()
    if labels.is_floating_point() and not torch.equal(whole.to(labels.dtype), labels):
        raise UserError(f"labels such as {labels[whole != labels][0]:g} are no numbers of classes")
    return whole
