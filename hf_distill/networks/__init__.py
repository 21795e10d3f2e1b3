"""Networks: what distillation and evaluation train."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
