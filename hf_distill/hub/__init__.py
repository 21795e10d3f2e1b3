"""The artifact: a folder that equals its Hub repository.

``DistilledDataset`` writes, publishes and reads it; ``render_card`` writes its card. Names are imported on first use:
``storage`` alone needs nothing but the standard library.
"""

from hf_distill.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
