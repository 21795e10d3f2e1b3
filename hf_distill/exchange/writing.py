"""Sets written in the layouts of other libraries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.png import encode_png
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.exchange.scales import KNOWN

# Names of classes that are names of folders everywhere, in lower and upper case alike.
_PLAIN = re.compile(r"[\w][\w .\-]{0,99}", re.ASCII)
# The least probability that has a logit.
_LEAST = 1e-7


def write_image_folder(folder: Path, images: np.ndarray, labels: Sequence[int], names: Sequence[str]) -> None:
    """Write a sub-folder of PNG files for each class, as ``torchvision`` and ``datasets`` read them.

    Args:
        folder: Where; it is made.
        images: uint8 ``(N, C, H, W)``.
        labels: Numbers of classes ``(N,)``.
        names: What the sub-folders are called, by the numbers of the classes.
    """
    counts = dict.fromkeys(range(len(names)), 0)
    for image, label in zip(images, labels, strict=True):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{counts[label]:05d}.png").write_bytes(encode_png(image))
        counts[label] += 1


def folder_names(classes: Sequence[str]) -> list[str]:
    """Return the names of the classes where these can be names of folders, else their numbers with zeros in front."""
    plain = all(_PLAIN.fullmatch(name) and not name.endswith((" ", ".")) for name in classes)
    if plain and len({name.lower() for name in classes}) == len(classes):
        return list(classes)
    return numbered(len(classes))


def numbered(classes: int) -> list[str]:
    """Return ``00000``, ``00001``, ..., which are in order of the classes when sorted."""
    return [f"{number:05d}" for number in range(classes)]


def write_tensors(folder: Path, x: Tensor, y: Tensor, spec: DataSpec, scale: str, rate: float | None) -> None:
    """Write ``images.pt``, ``labels.pt`` and, where one was learned, ``lr.pt``, as DD-Ranking and DATM load them.

    Args:
        folder: Where; it is made.
        x: Inputs in the networks' units ``(N, C, H, W)``.
        y: Numbers of classes ``(N,)``, or probabilities ``(N, classes)``, which are written as logits.
        spec: What normalised them.
        scale: The constants that the tensors are to be normalised by, of :data:`~hf_distill.exchange.scales.KNOWN`.
        rate: A learned rate.

    Raises:
        UserError: The constants are of another number of channels.
    """
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in KNOWN[scale])
    if len(mean) != spec.shape[0]:
        raise UserError(f"normalization {scale} is of {len(mean)} channels, and the set has {spec.shape[0]}")
    own_mean, own_std = spec.statistics(x, torch.float64)
    pixels = x.double() * own_std + own_mean
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(((pixels - mean[:, None, None]) / std[:, None, None]).float(), folder / "images.pt")
    torch.save(y.clamp_min(_LEAST).log() if y.is_floating_point() else y, folder / "labels.pt")
    if rate is not None:
        torch.save(torch.tensor(rate), folder / "lr.pt")
