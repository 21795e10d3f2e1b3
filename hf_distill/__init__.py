"""Dataset distillation: distill, measure and publish any ``datasets`` dataset.

The public names are loaded on first use (PEP 562), so that importing the package imports neither torch nor datasets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    name: f"hf_distill.{package}"
    for package, names in {
        "augment": ("SiameseAugment",),
        "data": ("Batch", "DataSpec", "RealData", "SeriesData", "SeriesSpec", "VectorTransform"),
        "evaluation": (
            "ClassificationEvaluator",
            "Evaluator",
            "FeatureMetrics",
            "ForecastingEvaluator",
            "ForecastRecipe",
        ),
        "training": ("Recipe",),
        "hub": ("DistilledDataset",),
        "networks": ("AlexNet", "ConvNet", "CustomNetwork", "MLP", "ResNet18", "TransformersClassifier", "VGG11"),
        "networks.forecasters": ("DLinear", "ITransformer", "TransformersForecaster", "XPatch"),
        "objectives": (
            "CondTSF",
            "DistributionMatching",
            "GradientMatching",
            "HarmonicMatching",
            "TrajectoryMatching",
            "UnrolledMatching",
            "WeightedSum",
        ),
        "quantization": ("Budget", "LearnedLevels", "PowersOfTwoQuantizer", "UniformQuantizer"),
        "selection": ("CellSelector", "HerdingSelector", "HierarchicalSelector", "KMeansSelector", "RandomSelector"),
        "initialization": (
            "GraphCutSamples",
            "MeanSamples",
            "RealSamples",
            "RelabeledSamples",
            "SubSeries",
            "TrainedPiece",
        ),
        "diffusion": ("GeneratorTraining", "Guidance"),
        "synthetic": (
            "CoarsePixelSet",
            "GeneratedSet",
            "HarmonicSet",
            "PixelSet",
            "QuantizedSet",
            "SeriesSet",
            "SoftVectorSet",
            "VectorSet",
        ),
        "methods": ("Coreset", "GuidedDiffusion", "OptimizedDistillation", "Run"),
    }.items()
    for name in names
}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from hf_distill.augment import SiameseAugment
    from hf_distill.data import Batch, DataSpec, RealData, SeriesData, SeriesSpec, VectorTransform
    from hf_distill.diffusion import GeneratorTraining, Guidance
    from hf_distill.evaluation import (
        ClassificationEvaluator,
        Evaluator,
        FeatureMetrics,
        ForecastingEvaluator,
        ForecastRecipe,
    )
    from hf_distill.hub import DistilledDataset
    from hf_distill.initialization import (
        GraphCutSamples,
        MeanSamples,
        RealSamples,
        RelabeledSamples,
        SubSeries,
        TrainedPiece,
    )
    from hf_distill.methods import Coreset, GuidedDiffusion, OptimizedDistillation, Run
    from hf_distill.networks import (
        MLP,
        VGG11,
        AlexNet,
        ConvNet,
        CustomNetwork,
        ResNet18,
        TransformersClassifier,
    )
    from hf_distill.networks.forecasters import DLinear, ITransformer, TransformersForecaster, XPatch
    from hf_distill.objectives import (
        CondTSF,
        DistributionMatching,
        GradientMatching,
        HarmonicMatching,
        TrajectoryMatching,
        UnrolledMatching,
        WeightedSum,
    )
    from hf_distill.quantization import Budget, LearnedLevels, PowersOfTwoQuantizer, UniformQuantizer
    from hf_distill.selection import CellSelector, HerdingSelector, HierarchicalSelector, KMeansSelector, RandomSelector
    from hf_distill.synthetic import (
        CoarsePixelSet,
        GeneratedSet,
        HarmonicSet,
        PixelSet,
        QuantizedSet,
        SeriesSet,
        SoftVectorSet,
        VectorSet,
    )
    from hf_distill.training import Recipe


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hf_distill' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
