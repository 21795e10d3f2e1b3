"""How well a trained generator knows a dataset, and what its images look like."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from hf_distill.data.splits import Split
from hf_distill.diffusion.generator import noise_schedule, noised
from hf_distill.seeding import Streams

_ROWS, _AT_ONCE = 500, 100
#: Classes that are drawn, and images of each.
_CLASSES, _EACH = 20, 5


@torch.no_grad()
def noise_error(unet: nn.Module, split: Split) -> float:
    """Return the mean squared error of the predicted noise: 1 for a network that predicts none.

    Up to 500 images at equal distances in the split, each with noise of a strength of its own, all strengths evenly.

    Args:
        unet: What predicts the noise.
        split: Images with their classes.
    """
    schedule = noise_schedule().alphas_cumprod
    rows = torch.linspace(0, len(split) - 1, min(len(split), _ROWS)).long()
    steps = (torch.arange(len(rows)) * 611) % len(schedule)  # 611 and 1,000 have no divisor in common
    noise, errors = Streams(0).generator("noise error"), []
    for part, t in zip(rows.split(_AT_ONCE), steps.split(_AT_ONCE), strict=True):
        x, added = noised(split.raw(part), t, schedule, noise)
        labels = split.labels[part.to(split.labels.device)].to(x.device)
        found = unet(x, t.to(x.device), class_labels=labels).sample
        errors.append((found - added).square().flatten(1).mean(1))
    return float(torch.cat(errors).mean())


def examples(pipeline: Any, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return generated images ``(B, C, H, W)`` of 8 bits, some of each class, and their classes ``(B,)``."""
    count = min(len(pipeline.labels), _CLASSES)
    labels = torch.arange(count).repeat_interleave(_EACH)
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(labels.tolist(), generator=torch.Generator().manual_seed(seed), output_type="pt").images
    return (images * 255).round().to(torch.uint8).cpu(), labels
