"""Selectors: which real samples to keep, or to start from."""

from hf_distill.selection.base import Selector, select_per_class
from hf_distill.selection.cells import Cells, CellSelector
from hf_distill.selection.clusters import ClusterSelector
from hf_distill.selection.herding import HerdingSelector
from hf_distill.selection.hierarchical import HierarchicalSelector
from hf_distill.selection.kmeans import KMeansSelector
from hf_distill.selection.random import RandomSelector

SELECTORS = {
    cls.__name__: cls for cls in (RandomSelector, HerdingSelector, KMeansSelector, HierarchicalSelector, CellSelector)
}

__all__ = [
    "SELECTORS",
    "CellSelector",
    "Cells",
    "ClusterSelector",
    "HerdingSelector",
    "HierarchicalSelector",
    "KMeansSelector",
    "RandomSelector",
    "Selector",
    "select_per_class",
]
