"""Audit: what a distilled set tells of the rows that it was made from."""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
