"""Guidance: the options of guided sampling, as a YAML file gives them."""

from __future__ import annotations

from typing import Annotated, Literal

from hf_distill.options import NonNegativeFloat, PositiveFloat, PositiveInt, Range, Share
from hf_distill.parts import Part


class Guidance(Part):
    """The options of the guided schedulers; see :class:`hf_distill.diffusion.guidance.ManifoldGuidance`.

    Examples:
        >>> from hf_distill import Guidance
        >>> Guidance(manifold="none", mode_scale=0.2)  # MGD3
        Guidance(mode_scale=0.2, manifold='none')
    """

    def __init__(
        self,
        *,
        mode_scale: NonNegativeFloat = 0.1,
        manifold: Literal["none", "tangent", "normal"] = "tangent",
        tangent_dim: PositiveInt = 3,
        neighbours: Annotated[int, Range(2, 1_000_000)] = 12,
        radius: PositiveFloat = 1.0,
        radius_schedule: Literal["fixed", "linear", "cosine", "exp"] = "exp",
        radius_max: PositiveFloat = 2.0,
        patch_noise: Literal["independent", "shared"] = "independent",
        patch_size: Annotated[int, Range(2, 1_000_000)] = 300,
        normal_scale: NonNegativeFloat = 0.1,
        bandwidth: PositiveFloat = 0.1,
        stop: Share = 0.5,
    ) -> None:
        self.mode_scale = mode_scale
        self.manifold = manifold
        self.tangent_dim = tangent_dim
        self.neighbours = neighbours
        self.radius = radius
        self.radius_schedule = radius_schedule
        self.radius_max = radius_max
        self.patch_noise = patch_noise
        self.patch_size = patch_size
        self.normal_scale = normal_scale
        self.bandwidth = bandwidth
        self.stop = stop
