"""Real images under a bit budget: as encoded by PNG and JPEG, and patch-wise quantization of a float set."""

from __future__ import annotations

import io
import math
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.clustering import lloyd
from hf_distill.data.png import MODES
from hf_distill.data.real import RealData
from hf_distill.seeding import Streams


def encoded_images(
    real: RealData, total_bits: int, codec: Literal["png", "jpeg"], quality: int, streams: Streams
) -> tuple[Tensor, Tensor, int]:
    """Draw random real images, a class after the other in turn, until their encoded bytes fill a budget.

    Labels take ``ceil(log2(classes))`` bits each.

    Returns:
        Normalised images ``(M, C, H, W)`` as they decode, their labels, and the bits that they take; M may be 0.
    """
    spec, generator = real.spec, streams.generator(codec)
    orders = [real.train.class_index(label) for label in range(spec.num_groups)]
    orders = [rows[torch.randperm(len(rows), generator=generator)] for rows in orders]
    images: list[np.ndarray] = []
    labels: list[int] = []
    used = 0
    for place in range(max(map(len, orders))):
        for label in torch.randperm(spec.num_groups, generator=generator).tolist():
            if place >= len(orders[label]):
                continue
            data, image = _encode(real.train.raw(orders[label][place][None])[0].cpu().numpy(), codec, quality)
            if used + 8 * len(data) + spec.bits_per_label > total_bits:
                return _batch(real, images, labels, used)
            images.append(image)
            labels.append(label)
            used += 8 * len(data) + spec.bits_per_label
    return _batch(real, images, labels, used)


def _batch(real: RealData, images: list[np.ndarray], labels: list[int], used: int) -> tuple[Tensor, Tensor, int]:
    stored = np.stack(images) if images else np.zeros((0, *real.spec.shape), np.uint8)
    return real.spec.normalize(torch.from_numpy(stored)), torch.tensor(labels, dtype=torch.int64), used


def _encode(image: np.ndarray, codec: str, quality: int) -> tuple[bytes, np.ndarray]:
    """Return an image's ``(C, H, W)`` encoded bytes and what they decode to."""
    channels = len(image)
    buffer = io.BytesIO()
    picture = PILImage.fromarray(
        image[0] if channels == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)), MODES[channels]
    )
    if codec == "png":
        picture.save(buffer, format="PNG", optimize=True)
    else:
        picture.save(buffer, format="JPEG", optimize=True, quality=quality)
    decoded = np.asarray(PILImage.open(buffer).convert(MODES[channels]))
    return buffer.getvalue(), decoded.reshape(*decoded.shape[:2], channels).transpose(2, 0, 1)


def patchwise_bits(shape: tuple[int, ...], samples: int, bits: int, patch: int, groups: int) -> int:
    """Return the bits of :func:`patchwise` without entropy coding: codes, group numbers and float16 pairs."""
    channels, height, width = shape
    patches = channels * math.ceil(height / patch) * math.ceil(width / patch)
    return samples * (channels * height * width * bits + patches * math.ceil(math.log2(groups))) + groups * 2 * 16


@torch.no_grad()
def patchwise(x: Tensor, bits: int, *, patch: int = 5, groups: int = 16, rounds: int = 20) -> Tensor:
    """Quantize a finished float set patch by patch: the post-training baseline.

    Every patch has an asymmetric uniform range; k-means groups the ranges, and refinement repeats: codes and group of
    each patch for the present ranges, then the least-squares range of each group for its codes.

    Source: after PTQ-DC (2603.13346, AAAI 2026), whose details are not published in full; this is our construction.

    Args:
        x: Images ``(M, C, H, W)``.
        bits: Bits of a value.
        patch: Side of a patch; those at the border are smaller.
        groups: Ranges in all.
        rounds: Rounds of k-means and of refinement.
    """
    count, channels, height, width = x.shape
    right, below = -width % patch, -height % patch
    padded = F.pad(x.double(), (0, right, 0, below), value=torch.nan)
    values = padded.unfold(2, patch, patch).unfold(3, patch, patch)  # M, C, h, w, patch, patch
    grid = values.shape[:4]
    values = values.reshape(-1, patch * patch)  # P, n
    known = values.isfinite()
    low = values.nan_to_num(torch.inf).amin(1)
    step = ((values.nan_to_num(-torch.inf).amax(1) - low) / (2**bits - 1)).clamp_min(1e-4)
    values = values.nan_to_num(0)
    pairs = torch.stack((low, step), 1)  # P, 2
    order = pairs[:, 0].argsort()
    centres = pairs[order[torch.linspace(0, len(pairs) - 1, groups).long()]]
    centres = lloyd(pairs, centres, rounds)
    for _ in range(rounds):
        codes, errors = _codes(values, known, centres.half().double(), bits)  # P, G, n and P, G
        member = errors.argmin(1)
        own = codes[torch.arange(len(codes)), member]
        centres = torch.stack([_fit(values, known, own, member == g, centres[g]) for g in range(groups)])
    codes, errors = _codes(values, known, centres.half().double(), bits)
    member = errors.argmin(1)
    own, pair = codes[torch.arange(len(codes)), member], centres.half().double()[member]
    done = (pair[:, :1] + pair[:, 1:] * own).reshape(*grid, patch, patch).permute(0, 1, 2, 4, 3, 5)
    return done.reshape(count, channels, height + below, width + right)[..., :height, :width].to(x)


def _codes(values: Tensor, known: Tensor, centres: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Return codes and squared errors of every patch for every group's range."""
    codes, errors = [], []
    for low, step in centres:
        code = ((values - low) / step.clamp_min(1e-4)).round().clamp(0, 2**bits - 1)
        codes.append(code)
        errors.append(((low + step * code - values).square() * known).sum(1))
    return torch.stack(codes, 1), torch.stack(errors, 1)


def _fit(values: Tensor, known: Tensor, codes: Tensor, member: Tensor, before: Tensor) -> Tensor:
    """Return the least-squares lower end and step of the patches of a group."""
    x, q = values[member][known[member]], codes[member][known[member]]
    if len(x) < 2 or q.var() < 1e-9:
        return before
    step = ((q - q.mean()) * (x - x.mean())).mean() / (q - q.mean()).square().mean()
    step = step.clamp_min(1e-4)
    return torch.stack((x.mean() - step * q.mean(), step))
