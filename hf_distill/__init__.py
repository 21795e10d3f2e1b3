"""Dataset distillation: distill, measure and publish any ``datasets`` dataset.

The public names are loaded on first use (PEP 562), so that importing the package imports neither torch nor datasets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Batch": "hf_distill.data",
    "DataSpec": "hf_distill.data",
    "RealData": "hf_distill.data",
    "DistilledDataset": "hf_distill.hub",
    "ClassificationEvaluator": "hf_distill.evaluation",
    "Evaluator": "hf_distill.evaluation",
    "Recipe": "hf_distill.evaluation",
    "PixelSet": "hf_distill.synthetic",
    "VectorSet": "hf_distill.synthetic",
    "DistributionMatching": "hf_distill.objectives",
    "OptimizedDistillation": "hf_distill.training",
    "Coreset": "hf_distill.training",
    "SiameseAugment": "hf_distill.augment",
    "ConvNet": "hf_distill.networks",
    "RandomSelector": "hf_distill.selection",
    "HerdingSelector": "hf_distill.selection",
    "KMeansSelector": "hf_distill.selection",
}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from hf_distill.augment import SiameseAugment
    from hf_distill.data import Batch, DataSpec, RealData
    from hf_distill.evaluation import ClassificationEvaluator, Evaluator, Recipe
    from hf_distill.hub import DistilledDataset
    from hf_distill.networks import ConvNet
    from hf_distill.objectives import DistributionMatching
    from hf_distill.selection import HerdingSelector, KMeansSelector, RandomSelector
    from hf_distill.synthetic import PixelSet, VectorSet
    from hf_distill.training import Coreset, OptimizedDistillation


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hf_distill' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
