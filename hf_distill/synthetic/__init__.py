"""Synthetic sets: what is stored, and how it is read."""

from hf_distill.synthetic.base import Bits, Packed, Synthetic
from hf_distill.synthetic.coarse import CoarsePixelSet
from hf_distill.synthetic.generated import GeneratedSet
from hf_distill.synthetic.harmonic import HarmonicSet
from hf_distill.synthetic.pixel import PixelSet, VectorSet
from hf_distill.synthetic.quantized import QuantizedSet
from hf_distill.synthetic.series import SeriesSet
from hf_distill.synthetic.soft import SoftVectorSet

__all__ = [
    "Bits",
    "CoarsePixelSet",
    "GeneratedSet",
    "HarmonicSet",
    "Packed",
    "PixelSet",
    "QuantizedSet",
    "SeriesSet",
    "SoftVectorSet",
    "Synthetic",
    "VectorSet",
]
