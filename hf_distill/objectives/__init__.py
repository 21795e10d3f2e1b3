"""Objectives: what a synthetic set is optimised for."""

from hf_distill.objectives.base import Objective
from hf_distill.objectives.distribution import DistributionMatching

__all__ = ["DistributionMatching", "Objective"]
