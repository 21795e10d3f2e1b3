"""Training: how networks learn from a small set or a large one."""

from hf_distill.training.recipe import Recipe
from hf_distill.training.source import Source, SplitSource, TensorSource
from hf_distill.training.trainer import train_networks

__all__ = ["Recipe", "Source", "SplitSource", "TensorSource", "train_networks"]
