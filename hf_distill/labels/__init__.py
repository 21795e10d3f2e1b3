"""Labels and weights: what a set says of its samples beside their values."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
