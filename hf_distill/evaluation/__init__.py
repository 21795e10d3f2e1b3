"""Evaluation: what a distilled set is worth. Names are imported on first use: a table needs no torch."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
