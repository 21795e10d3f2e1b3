"""Tiny real and distilled sets for the tests of evaluation."""

from __future__ import annotations

import datasets
import numpy as np
import torch

from hf_distill.data.real import RealData
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.synthetic import PixelSet, VectorSet

CLASSES = ["left", "right", "top"]


def picture(label: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a noisy 8x8 image with one bright half."""
    image = rng.integers(0, 90, (8, 8))
    half = (slice(None), slice(0, 4)), (slice(None), slice(4, 8)), (slice(0, 4), slice(None))
    image[half[label]] += 120
    return image.astype(np.uint8)


def table(rows: int, seed: int) -> datasets.Dataset:
    rng = np.random.default_rng(seed)
    labels = [k % 3 for k in range(rows)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=CLASSES)})
    return datasets.Dataset.from_dict({"image": [picture(k, rng) for k in labels], "label": labels}, features=features)


def vectors(rows: int, seed: int) -> datasets.Dataset:
    rng = np.random.default_rng(seed)
    labels = [k % 3 for k in range(rows)]
    values = [(rng.normal(size=4) + 3 * np.eye(4)[k]).astype(np.float32).tolist() for k in labels]
    features = datasets.Features(
        {"x": datasets.List(datasets.Value("float32")), "label": datasets.ClassLabel(names=CLASSES)}
    )
    return datasets.Dataset.from_dict({"x": values, "label": labels}, features=features)


def distilled(real: RealData, per_class: int) -> DistilledDataset:
    synthetic = (PixelSet if real.spec.kind == "image" else VectorSet)(per_class=per_class)
    batch = real.sample([0, 1, 2], per_class, torch.Generator().manual_seed(0))
    synthetic.initialize(batch.x, batch.y, real.spec)
    return DistilledDataset.from_synthetic(synthetic, seed=0)
