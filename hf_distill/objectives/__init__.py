"""Objectives: what a synthetic set is optimised for."""

from hf_distill.objectives.base import Objective
from hf_distill.objectives.condtsf import CondTSF
from hf_distill.objectives.distribution import DistributionMatching
from hf_distill.objectives.gradient import GradientMatching
from hf_distill.objectives.harmonic import HarmonicMatching
from hf_distill.objectives.trajectory import TrajectoryMatching
from hf_distill.objectives.unrolled import UnrolledMatching
from hf_distill.objectives.weighted import WeightedSum

__all__ = [
    "CondTSF",
    "DistributionMatching",
    "GradientMatching",
    "HarmonicMatching",
    "Objective",
    "TrajectoryMatching",
    "UnrolledMatching",
    "WeightedSum",
]
