"""Sweeps: what a fixed number of bits is worth at different precisions, beside the baselines."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
