"""Experts: networks that are trained on real data, stored as they were after every epoch."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
