"""Scales: what the numbers of a file's images are, and the way back to the source's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError

#: Mean and deviation of pixels in [0, 1] as DatasetCondensation, MTT and DD-Ranking have them.
KNOWN = {
    "mnist": ((0.1307,), (0.3081,)),
    "fashion_mnist": ((0.2861,), (0.3530,)),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
# How the data sets are called in the names of files.
_IN_NAMES = {"fashionmnist": "fashion_mnist", "tinyimagenet": "imagenet", "tiny": "imagenet"}
_BATCH = 1024


@dataclass(frozen=True)
class Whitening:
    """ZCA whitening of one of the libraries.

    Attributes:
        standardized: Pixels are brought to mean 0 and deviation 1 a channel first.
        centred: The mean image is taken away.
        relative: ``amount`` is in units of the mean variance.
        unbiased: The covariance is divided by one row less.
        amount: What is added to the variances.
    """

    standardized: bool
    centred: bool
    relative: bool
    unbiased: bool
    amount: float = 0.1


#: By the name of the scale.
WHITENINGS = {
    "zca": Whitening(standardized=False, centred=True, relative=False, unbiased=True),
    "zca_frepo": Whitening(standardized=True, centred=True, relative=True, unbiased=False),
    "zca_rfad": Whitening(standardized=True, centred=False, relative=True, unbiased=False),
}
#: ``unit``: pixels in [0, 1]; ``raw``: the source's own numbers, 0 to 255 of images; ``source``: mean 0 and deviation 1
#: of the training rows.
SCALES = ("unit", "raw", "source", *KNOWN, *WHITENINGS)


def scale_of_name(name: str) -> str | None:
    """Return the scale that a name tells, ``res_DM_CIFAR10_ConvNet_10ipc.pt`` of DatasetCondensation or a source's
    ``zalando-datasets/fashion_mnist``; none where it says that images were whitened.
    """
    words = re.split(r"[_.\-]", name.lower().rstrip("/").rpartition("/")[2])
    if "zca" in words:
        return None
    # Two words first: fashion_mnist is not mnist.
    pairs = [f"{one}{other}" for one, other in pairwise(words)]
    named = (_IN_NAMES.get(word, word) for word in (*pairs, *words))
    return next((word for word in named if word in KNOWN), None)


def scale_of_values(images: Tensor) -> str | None:
    """Return the scale that values tell: whole numbers of 8 bits, or none outside [0, 1]; what is normalised has both
    signs.
    """
    if images.dtype == torch.uint8:
        return "raw"
    low, high = (float(value) for value in images.aminmax())
    if low < 0 or high > 255:
        return None
    if high <= 1:
        return "unit"
    return "raw" if torch.equal(images, images.round()) else None


def normalized(images: Tensor, scale: str, spec: DataSpec, train: Split) -> Tensor:
    """Return inputs ``(N, *shape)`` in the networks' units of the source.

    Args:
        images: Those of a file ``(N, *shape)``.
        scale: What they are: one of :data:`SCALES`.
        spec: What the source is.
        train: Its training rows, of which a whitening is made again.

    Raises:
        UserError: The scale is none of such data.
    """
    if scale == "source":
        return images.float()
    if scale == "raw":
        return spec.normalize(images)
    if spec.kind != "image" or spec.scale is not None:
        raise UserError(f"normalization {scale} is of images of 8 bits: choose raw or source")
    images = images.double()
    if scale in WHITENINGS:
        pixels = unwhitened(images, WHITENINGS[scale], spec, train)
    elif scale in KNOWN:
        mean, std = KNOWN[scale]
        if len(mean) != spec.shape[0]:
            raise UserError(f"normalization {scale} is of {len(mean)} channels, and the source has {spec.shape[0]}")
        pixels = rescaled(images, mean, std)
    else:
        pixels = images
    return spec.normalize(pixels * 255)


def rescaled(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return ``images * std + mean``, a channel each."""
    mean_of, std_of = (torch.tensor(values, dtype=images.dtype).reshape(-1, 1, 1) for values in (mean, std))
    return images * std_of + mean_of


def unwhitened(images: Tensor, way: Whitening, spec: DataSpec, train: Split) -> Tensor:
    """Return pixels in [0, 1] of whitened images, by the covariance of the training rows."""
    mean, values, vectors = whitening_statistics(way, spec, train)
    flat = (images.flatten(1) @ vectors * values.sqrt()) @ vectors.T + mean
    pixels = flat.reshape(images.shape)
    return rescaled(pixels, spec.mean, spec.std) if way.standardized else pixels


def prepared(raw: Tensor, way: Whitening, normalized: Tensor) -> Tensor:
    """Return flat images ``(N, F)`` as a whitening takes them.

    Args:
        raw: Values of 0 to 255.
        way: The whitening.
        normalized: The same with mean 0 and deviation 1 a channel.
    """
    return (normalized if way.standardized else raw / 255).flatten(1)


def whitening_statistics(way: Whitening, spec: DataSpec, train: Split) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean image, and regularised variances and directions of the training rows."""
    size = spec.shape[0] * spec.shape[1] * spec.shape[2]
    total, products = torch.zeros(size).double(), torch.zeros(size, size).double()
    for rows in torch.arange(len(train)).split(_BATCH):
        raw = train.raw(rows).double().cpu()
        flat = prepared(raw, way, spec.normalize(raw)).double()
        total += flat.sum(0)
        products += flat.T @ flat
    mean = total / len(train) if way.centred else torch.zeros_like(total)
    covariance = (products - len(train) * torch.outer(mean, mean)) / (len(train) - way.unbiased)
    amount = way.amount * float(covariance.trace()) / size if way.relative else way.amount
    values, vectors = torch.linalg.eigh(covariance)
    return mean, values.clamp_min(0) + amount, vectors
