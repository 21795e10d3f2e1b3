"""Initialization: the samples that a synthetic set starts from."""

from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.graph_cut import GraphCutSamples
from hf_distill.initialization.means import MeanSamples
from hf_distill.initialization.real import RealSamples
from hf_distill.initialization.relabeled import RelabeledSamples
from hf_distill.initialization.subseries import SubSeries
from hf_distill.initialization.trained_piece import TrainedPiece

__all__ = [
    "GraphCutSamples",
    "InitialSamples",
    "MeanSamples",
    "RealSamples",
    "RelabeledSamples",
    "SubSeries",
    "TrainedPiece",
]
