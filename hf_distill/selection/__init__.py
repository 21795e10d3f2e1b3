"""Selectors: which real samples to keep, or to start from."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
