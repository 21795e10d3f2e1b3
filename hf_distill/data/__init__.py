"""Real data: any ``datasets`` source as class-indexed tensors, or a time series as windows."""

from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import ArrowSplit, MemorySplit, Split
from hf_distill.data.vectors import VectorTransform

__all__ = [
    "ArrowSplit",
    "Batch",
    "Data",
    "DataSpec",
    "MemorySplit",
    "RealData",
    "SeriesData",
    "SeriesSpec",
    "SeriesSplit",
    "Split",
    "VectorTransform",
]
