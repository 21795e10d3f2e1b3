"""Which library wrote a file, and where in it images and labels are."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.exchange.found import Found
from hf_distill.exchange.scales import scale_of_name
from hf_distill.exchange.tensors import check_numbers, one_tensor, read_npz, read_torch
from hf_distill.text import said

_TORCH = (".pt", ".pth", ".tar")
_IMAGES = ("images", "image", "x", "x_proto", "data")
_LABELS = ("labels", "label", "y", "y_proto", "targets")
_RATES = ("lr", "syn_lr")
# Of a folder of tensors, those that count first: MTT, DATM, IDC and DREAM keep what tested best, DD-Ranking names one
# set; then the last step of MTT's, IDC's and FRePo's.
_FIRST = ("images_best.pt", "images.pt", "data_best.pt", "data.pt")
_STEPS = (r"images_(\d+)\.pt", r"images_zca_(\d+)\.pt", r"data_?(\d+)\.pt", r"step(\d+)\.npz")


def read_file(path: Path, labels: Path | None = None, experiment: int = 0) -> Found:
    """Return what a file of tensors or arrays holds.

    Args:
        path: A ``.pt`` of DatasetCondensation, MTT, DATM, IDC, DREAM or DD-Ranking, an ``.npz`` of FRePo, RFAD or KIP,
            or the folder of one of them.
        labels: The file with its labels, which counts before those in it or beside it.
        experiment: The number of the set, of a file with several.

    Raises:
        UserError: It is none of these.
    """
    path = _in_folder(path) if path.is_dir() else path
    own = None if labels is None else _labels_in(labels)
    if path.suffix == ".npz":
        _check_alone(path, experiment)
        found = _of_arrays(read_npz(path), path, own)
    elif path.suffix in _TORCH:
        found = _of_torch(read_torch(path), path, own, experiment)
    else:
        raise UserError(
            f"{path.name} is none of {', '.join(_TORCH)}, .npz and a folder of images; an archive is to be unpacked"
        )
    check_numbers(found.images, f"the images of {path.name}")
    check_numbers(found.labels, f"the labels of {path.name}")
    counts = [len(each) if each.dim() else 0 for each in (found.images, found.labels)]
    if counts[0] != counts[1] or not counts[0]:
        raise UserError(f"{path.name} has {counts[0]} images and {counts[1]} labels")
    return found


def _in_folder(folder: Path) -> Path:
    """Return the tensor file of a folder: the one that tested best, that of the last step, or the only one."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in (*_TORCH, ".npz"))
    for name in _FIRST:
        if folder / name in files:
            return folder / name
    for pattern in _STEPS:
        steps = {int(step[1]): path for path in files if (step := re.fullmatch(pattern, path.name))}
        if steps:
            return steps[max(steps)]
    if len(files) == 1:
        return files[0]
    there = [path.name for path in (files or sorted(folder.iterdir()))[:4]]
    raise UserError(
        f"{folder.name} has neither sub-folders of images, one a class, nor a file images_best.pt: name "
        + (f"the file or the folder that is meant, {', '.join(there)} for example" if there else "another, it is empty")
    )


def _of_torch(value: Any, path: Path, labels: _Labels | None, experiment: int) -> Found:
    scale = scale_of_name(path.name)
    if isinstance(value, Mapping):
        sets = value.get("data")
        if isinstance(sets, (list, tuple)) and not any(name in value for name in _LABELS):
            sets = [sets] if sets and one_tensor(sets[0]) is not None else sets
            if not sets:
                raise UserError(f"{path.name} holds no set: its list data is empty")
            if not 0 <= experiment < len(sets):
                raise UserError(
                    f"{path.name} has {len(sets)} sets, 0 to {len(sets) - 1}, and experiment is {experiment}"
                )
            return _pair(sets[experiment], path, "DatasetCondensation", scale, labels)
    _check_alone(path, experiment)
    if isinstance(value, Mapping):
        return replace(_of_arrays({str(name): each for name, each in value.items()}, path, labels), scale=scale)
    if isinstance(value, (list, tuple)):
        return _pair(value, path, "a pair of tensors (IDC, DREAM)", scale, labels)
    images = one_tensor(value)
    if images is None:
        raise UserError(f"{path.name} holds {said(value)}, and no tensors of images")
    return _of_tensor(images, path, labels)


def _of_tensor(images: Tensor, path: Path, labels: _Labels | None) -> Found:
    """Return the set whose images are a file and whose labels and learning rate are in files beside it."""
    place = path.with_name(path.name.replace("images_zca", "labels").replace("images", "labels"))
    rate = path.with_name(place.name.replace("labels", "lr"))
    if labels is None:
        if place == path or not place.is_file():
            beside = "" if place == path else f", and there is no {place.name} beside it"
            raise UserError(f"{path.name} holds images alone{beside}: add --labels=FILE")
        labels = _labels_in(place)
    learned = None
    if rate not in (path, place) and rate.is_file():
        learned = _rate(read_torch(rate))
        if learned is None:
            raise UserError(
                f"{rate.name} holds {said(read_torch(rate))}, which is no learning rate: take it away to go without"
            )
    # MTT and DATM write what their whitening is undone of under this name.
    scale = "unit" if path.name.startswith("images_zca") else scale_of_name(path.name)
    return labels.found(images, "images and labels (MTT, DATM, DD-Ranking)", scale, rate=learned)


def _of_arrays(arrays: Mapping[str, Any], path: Path, labels: _Labels | None) -> Found:
    images, own = _named(arrays, _IMAGES), _named(arrays, _LABELS)
    if images is None or (own is None and labels is None):
        missing = f"images ({', '.join(_IMAGES)})" if images is None else f"labels ({', '.join(_LABELS)})"
        raise UserError(f"{path.name} has {said(sorted(arrays))}, and no {missing} under a name that is known")
    x = one_tensor(arrays[images])
    if x is None:
        raise UserError(f"{path.name} holds {said(arrays[images])} as {images}, and no tensor or list of equal tensors")
    labels = labels or _labels_of(arrays[own or ""], f"{own} of {path.name}")
    rate = next((found for name in _RATES if (found := _rate(arrays.get(name))) is not None), None)
    if images == "image" and path.suffix == ".npz":
        # FRePo divides its labels by this root.
        scale = math.sqrt(labels.values.shape[1] / 10) if labels.values.dim() == 2 else 1
        return replace(labels, values=labels.values * scale).found(x, "FRePo", form="centred", rate=rate)
    if images == "images" and ("k" in arrays or path.name.lower().startswith("kip")):
        return labels.found(x, "RFAD" if "k" in arrays else "KIP", form="centred", rate=rate)
    return labels.found(x, "arrays", rate=rate)


def _check_alone(path: Path, experiment: int) -> None:
    if experiment:
        raise UserError(f"{path.name} holds one set, and experiment is {experiment}")


def _named(arrays: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in arrays), None)


def _pair(value: Any, path: Path, layout: str, scale: str | None, labels: _Labels | None) -> Found:
    pair = value if isinstance(value, (list, tuple)) else ()
    images = one_tensor(pair[0]) if pair else None
    if images is None or (len(pair) < 2 and labels is None):
        raise UserError(f"{path.name} holds {said(value)} where images and labels are looked for")
    return (labels or _labels_of(pair[1], f"labels of {path.name}")).found(images, layout, scale)


@dataclass(frozen=True)
class _Labels:
    """Labels, and what a file of texts calls their classes."""

    values: Tensor
    names: tuple[str, ...] | None = None

    def found(self, images: Tensor, layout: str, scale: str | None = None, **about: Any) -> Found:
        """Return a set with these labels."""
        return Found(images, self.values, layout, scale, names=self.names, **about)


def _labels_in(path: Path) -> _Labels:
    """Return the labels in a file."""
    if path.suffix != ".npz":
        return _labels_of(read_torch(path), path.name)
    arrays = read_npz(path)
    name = _named(arrays, _LABELS)
    if name is None:
        raise UserError(f"{path.name} has {said(sorted(arrays))}, and no labels ({', '.join(_LABELS)})")
    return _labels_of(arrays[name], path.name)


def _labels_of(value: Any, what: str) -> _Labels:
    """Return labels as a tensor: texts become numbers, in the order of the alphabet."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(each, str) for each in value):
        names = tuple(sorted(set(value)))
        return _Labels(torch.tensor([names.index(each) for each in value]), names)
    values = one_tensor(value)
    if values is None:
        raise UserError(f"{what} holds {said(value)}, and no tensor of labels")
    return _Labels(values)


def _rate(value: Any) -> float | None:
    """Return a learned rate; None of what is no positive number."""
    tensor = one_tensor(value)
    number = tensor.flatten()[0].item() if tensor is not None and tensor.numel() == 1 else value
    known = isinstance(number, (int, float)) and not isinstance(number, bool)
    return float(number) if known and 0 < number < 1e6 else None


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
