"""Evaluation: what a distilled set is worth. Names are imported on first use: a table needs no torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hf_distill.evaluation.base import Evaluator
    from hf_distill.evaluation.classification import ClassificationEvaluator
    from hf_distill.evaluation.features import FeatureMetrics
    from hf_distill.evaluation.forecasting import ForecastingEvaluator
    from hf_distill.evaluation.forecasting_recipe import ForecastRecipe
    from hf_distill.evaluation.result import Evaluation
    from hf_distill.evaluation.table import render_table

_MODULES = {
    "Evaluation": "result",
    "ClassificationEvaluator": "classification",
    "Evaluator": "base",
    "FeatureMetrics": "features",
    "ForecastRecipe": "forecasting_recipe",
    "ForecastingEvaluator": "forecasting",
    "render_table": "table",
}

__all__ = [
    "ClassificationEvaluator",
    "Evaluation",
    "Evaluator",
    "FeatureMetrics",
    "ForecastRecipe",
    "ForecastingEvaluator",
    "render_table",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
