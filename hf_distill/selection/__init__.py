"""Selectors: which real samples to keep, or to start from."""

from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.cells import Cells, CellSelector
from hf_distill.selection.clusters import ClusterSelector
from hf_distill.selection.graph_cut import GraphCutSamples
from hf_distill.selection.herding import HerdingSelector
from hf_distill.selection.hierarchical import HierarchicalSelector
from hf_distill.selection.initial import InitialSamples, MeanSamples, RealSamples
from hf_distill.selection.kmeans import KMeansSelector
from hf_distill.selection.random import RandomSelector
from hf_distill.selection.relabeled import RelabeledSamples
from hf_distill.selection.subseries import SubSeries
from hf_distill.selection.trained_piece import TrainedPiece

SELECTORS = {
    cls.__name__: cls for cls in (RandomSelector, HerdingSelector, KMeansSelector, HierarchicalSelector, CellSelector)
}

__all__ = [
    "SELECTORS",
    "CellSelector",
    "Cells",
    "ClusterSelector",
    "GraphCutSamples",
    "HerdingSelector",
    "HierarchicalSelector",
    "InitialSamples",
    "KMeansSelector",
    "MeanSamples",
    "RandomSelector",
    "RealSamples",
    "RelabeledSamples",
    "Selector",
    "SubSeries",
    "TrainedPiece",
    "select_per_class",
]
