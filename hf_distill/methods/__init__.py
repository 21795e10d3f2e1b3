"""Methods and the loop that runs them."""

from hf_distill.methods.coreset import Coreset
from hf_distill.methods.guided import GuidedDiffusion
from hf_distill.methods.method import Method, Run
from hf_distill.methods.optimized import OptimizedDistillation
from hf_distill.methods.undistilled import Undistilled

__all__ = [
    "Coreset",
    "GuidedDiffusion",
    "Method",
    "OptimizedDistillation",
    "Run",
    "Undistilled",
]
