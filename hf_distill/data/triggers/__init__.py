"""Triggers: marks on images that a backdoor answers to."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
