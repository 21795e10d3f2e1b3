"""Anchors: what the samples of a class are guided to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from hf_distill.errors import UserError
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector
from hf_distill.selection.clusters import ClusterSelector


@dataclass
class Anchors:
    """The anchors of one class.

    Attributes:
        points: ``(k, *shape)``, in the model's space.
        rows: The training row closest to each, ``(k,)``.
        sizes: Real samples that each stands for, ``(k,)``.
    """

    points: Tensor
    rows: Tensor
    sizes: Tensor


def choose_anchors(
    latents: Tensor,
    rows: Tensor,
    count: int,
    *,
    selector: Selector,
    centroid: Literal["mean", "nearest"],
    pool: int,
    streams: Streams,
    label: int,
) -> Anchors:
    """Choose the anchors of a class.

    Args:
        latents: Its real samples in the model's space, ``(N, C, H, W)``.
        rows: Their numbers in the training split.
        count: Anchors.
        selector: Chooses on the flattened latents.
        centroid: ``mean`` of a cell, or the real sample ``nearest`` to it. Selectors without cells choose real samples.
        pool: Side that latents are averaged down to before clustering; 0 clusters them as they are.
        streams: Randomness.
        label: The class.
    """
    if pool and pool > min(latents.shape[2:]):
        raise UserError(f"method.pool is {pool} and the latents are {tuple(latents.shape[2:])}: give less, or 0")
    features = (adaptive_avg_pool2d(latents, pool) if pool else latents).flatten(1)
    generator = streams.generator("anchors", label)
    selector = selector.fit(features)
    if not isinstance(selector, ClusterSelector):
        index, weight = selector.select(count, generator)
        return Anchors(latents[index], rows[index], weight.round().long())
    cells = selector.cells(count, generator)
    if len(cells) < count:
        raise UserError(f"class {label} has {len(cells)} different samples, fewer than {count} anchors")
    means = torch.stack([latents[cell].mean(0) for cell in cells])
    # The closest in the space that was clustered.
    centres = torch.stack([features[cell].mean(0) for cell in cells])
    closest = torch.stack(
        [cell[(features[cell] - centre).norm(dim=1).argmin()] for cell, centre in zip(cells, centres, strict=True)]
    )
    points = means if centroid == "mean" else latents[closest]
    return Anchors(points, rows[closest], torch.tensor([len(cell) for cell in cells]))
