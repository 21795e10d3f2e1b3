"""Pools: the networks through which objectives look at a set, from fresh ones to trained ones."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
