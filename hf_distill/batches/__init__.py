"""Batches: which real rows a run looks at, and with which weights."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
