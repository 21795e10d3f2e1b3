"""Guidance: the options of guided sampling, as a YAML file gives them."""

from __future__ import annotations

from typing import Literal

from hf_distill.parts import Part


class Guidance(Part):
    """The options of the guided schedulers; see :class:`hf_distill.diffusion.guidance.ManifoldGuidance`."""

    def __init__(
        self,
        *,
        mode_scale: float = 0.1,
        manifold: Literal["none", "tangent", "normal"] = "tangent",
        tangent_dim: int = 3,
        neighbours: int = 12,
        radius: float = 1.0,
        radius_schedule: Literal["fixed", "linear", "cosine", "exp"] = "exp",
        radius_max: float = 2.0,
        patch_noise: Literal["independent", "shared"] = "independent",
        patch_size: int = 300,
        normal_scale: float = 0.1,
        bandwidth: float = 0.1,
        stop: float = 0.5,
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
