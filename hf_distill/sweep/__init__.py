"""Sweeps: what a fixed number of bits is worth at different precisions, beside the baselines."""

from hf_distill.sweep.bits import BASELINES, BitSweep

__all__ = ["BASELINES", "BitSweep"]
