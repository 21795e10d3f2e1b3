"""Training: how networks learn from a small set or a large one."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
