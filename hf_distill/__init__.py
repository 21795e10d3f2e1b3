"""Dataset distillation: distill, measure and publish any ``datasets`` dataset.

The public names are in ``__init__.pyi`` and are imported on first use: importing the package imports neither torch nor
datasets.
"""

from hf_distill.lazy import attach

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = attach(__name__)
