"""Diffusion: a class-conditional pipeline in pixel space, and schedulers that guide any with no training.

What needs diffusers, which takes seconds to import, is imported on first use.
"""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
