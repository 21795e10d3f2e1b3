"""Features: the spaces that samples are compared and chosen in."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
