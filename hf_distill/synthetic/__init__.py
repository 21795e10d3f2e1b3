"""Synthetic sets: what is stored, and how it is read."""

from hf_distill.synthetic.base import Bits, Packed, Synthetic
from hf_distill.synthetic.pixel import PixelSet, VectorSet

__all__ = ["Bits", "Packed", "PixelSet", "Synthetic", "VectorSet"]
