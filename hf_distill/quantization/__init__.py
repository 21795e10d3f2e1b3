"""Quantizers: few bits a value, with a gradient."""

from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.budget import Budget
from hf_distill.quantization.grid import PowersOfTwoQuantizer, UniformQuantizer
from hf_distill.quantization.learned import LearnedLevels

QUANTIZERS: dict[str, type[Quantizer]] = {
    cls.__name__: cls for cls in (UniformQuantizer, PowersOfTwoQuantizer, LearnedLevels)
}
"""Every quantizer by its name in a YAML file. What stands here runs through ``tests/quantization``."""

__all__ = ["QUANTIZERS", "Budget", "LearnedLevels", "PowersOfTwoQuantizer", "Quantizer", "UniformQuantizer"]
