"""Synthetic sets: what is stored, and how it is read."""

from hf_distill.synthetic.base import Bits, Packed, Synthetic
from hf_distill.synthetic.generated import GeneratedSet
from hf_distill.synthetic.harmonic import HarmonicSet
from hf_distill.synthetic.pixel import PixelSet, VectorSet
from hf_distill.synthetic.quantized import QuantizedSet
from hf_distill.synthetic.series import SeriesSet

__all__ = [
    "Bits",
    "GeneratedSet",
    "HarmonicSet",
    "Packed",
    "PixelSet",
    "QuantizedSet",
    "SeriesSet",
    "Synthetic",
    "VectorSet",
]
