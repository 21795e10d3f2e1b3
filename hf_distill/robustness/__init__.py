"""Robustness: what test images are changed by, and what networks still know of them."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
