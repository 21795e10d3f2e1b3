"""Forecasters: networks from the past of a series to its future.

Sets are measured on ``DLinear``, ``ITransformer`` and ``XPatch`` and distilled through the small ones.
"""

from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.itransformer import ITransformer
from hf_distill.networks.forecasters.small import RevLinear, RevMix, RevMLP, RevPatch
from hf_distill.networks.forecasters.transformers_forecaster import TransformersForecaster
from hf_distill.networks.forecasters.xpatch import XPatch

FORECASTERS: dict[str, type[Forecaster]] = {
    "DLinear": DLinear,
    "ITransformer": ITransformer,
    "XPatch": XPatch,
    "RevLinear": RevLinear,
    "RevMLP": RevMLP,
    "RevPatch": RevPatch,
    "RevMix": RevMix,
    "TransformersForecaster": TransformersForecaster,
}
"""Every forecaster by its name in a YAML file. What stands here runs through ``tests/contract``."""

__all__ = ["FORECASTERS", "Forecaster", *FORECASTERS]
