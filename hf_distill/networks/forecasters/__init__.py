"""Forecasters: networks from the past of a series to its future.

Sets are measured on ``DLinear``, ``ITransformer`` and ``XPatch`` and distilled through the small ones.
"""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
