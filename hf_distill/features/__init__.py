"""Features: the spaces that samples are compared and chosen in."""

from hf_distill.features.extractors import Extractor, NetworkFeatures, PixelFeatures, PretrainedFeatures

__all__ = ["Extractor", "NetworkFeatures", "PixelFeatures", "PretrainedFeatures"]
