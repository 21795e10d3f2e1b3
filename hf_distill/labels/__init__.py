"""Labels and weights: what a set says of its samples beside their values."""

from hf_distill.labels.base import Labels
from hf_distill.labels.dense import DenseLabels
from hf_distill.labels.fixed_weights import FixedWeights
from hf_distill.labels.hard import HardLabels
from hf_distill.labels.learned_weights import LearnedWeights
from hf_distill.labels.top import TopLabels
from hf_distill.labels.views import ViewLabels
from hf_distill.labels.weights import Weights

__all__ = [
    "DenseLabels",
    "FixedWeights",
    "HardLabels",
    "Labels",
    "LearnedWeights",
    "TopLabels",
    "ViewLabels",
    "Weights",
]
