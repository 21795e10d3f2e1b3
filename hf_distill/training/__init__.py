"""Methods and the loop that runs them."""

from hf_distill.training.coreset import Coreset
from hf_distill.training.generator import GeneratorTraining
from hf_distill.training.guidance import Guidance
from hf_distill.training.guided import GuidedDiffusion
from hf_distill.training.method import Method, Run
from hf_distill.training.optimized import OptimizedDistillation
from hf_distill.training.undistilled import Undistilled

__all__ = [
    "Coreset",
    "GeneratorTraining",
    "Guidance",
    "GuidedDiffusion",
    "Method",
    "OptimizedDistillation",
    "Run",
    "Undistilled",
]
