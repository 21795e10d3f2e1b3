"""The commands as functions: a set, its numbers and a configuration in one line each."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
