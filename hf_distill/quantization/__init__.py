"""Quantizers: few bits a value, with a gradient."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
