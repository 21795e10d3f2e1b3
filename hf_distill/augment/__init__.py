"""Augmentations: differentiable, from explicit generators."""

from hf_distill.augment.siamese import AugmentParams, SiameseAugment

__all__ = ["AugmentParams", "SiameseAugment"]
