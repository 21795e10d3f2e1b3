"""Real data: any ``datasets`` source as class-indexed tensors, or a time series as windows."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
