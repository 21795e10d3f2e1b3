"""ManifoldGuidance: what the guided schedulers share. From a noisy sample and its clean prediction to a direction."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hf_distill.diffusion.tangent import nearest, project, tangent_basis
from hf_distill.errors import UserError

MANIFOLDS = ("none", "tangent", "normal")
SCHEDULES = ("fixed", "linear", "cosine", "exp")
NOISES = ("independent", "shared")
# A difference of squares loses the digits in which close samples differ.
_EXACT = "donot_use_mm_for_euclid_dist"


class ManifoldGuidance:
    """Pulls each sample of a batch towards its anchor, along the tangent space of the real data's noisy manifold.

    Mixed into a diffusers scheduler, whose configuration holds:

    - ``mode_scale``: lambda of the mode guidance ``lambda (c - xhat0)`` (MGD3, ICML 2025); 0 guides nothing.
    - ``manifold``: ``none`` leaves it so; ``tangent`` projects it on the tangent space (Eq. 4 of ManifoldGD);
      ``normal`` adds a pull of length ``normal_scale * tanh(d / bandwidth)`` on to the tangent plane instead, as the
      authors' released program does.
    - ``tangent_dim``, ``neighbours``: directions of the tangent space and the points it is estimated from.
    - ``radius``: the neighbourhood of an anchor in the real samples (Eq. 5), in units of the median distance of the
      given samples from it; its ``neighbours`` closest ones always belong to it.
    - ``radius_schedule``, ``radius_max``: the radius begins as ``radius_max`` times itself and shrinks to itself until
      guidance stops: ``fixed``, ``linear``, ``cosine``, ``exp``.
    - ``patch_noise``: every real sample is noised to level t on its own (``independent``), or all of an anchor's by the
      same draw (``shared``), which keeps their shape at high noise.
    - ``stop``: guidance ends at this share of the noise levels, 0.5 for the paper's 25 of 50 steps.
    - ``patch_size``: real samples that are kept for an anchor at most, its closest.
    """

    config: Any
    alphas_cumprod: Tensor
    timesteps: Tensor
    _anchors: Tensor | None = None

    def set_guidance(self, anchors: Tensor | None, real: list[Tensor] | Tensor | None = None, *, seed: int = 0) -> None:
        """Say what the next batch is guided to; None ends guidance.

        Args:
            anchors: One for each sample of the batch, ``(B, *shape)``, in the model's (latent) space.
            real: Real samples of the anchors' classes, ``(N, *shape)``, for all anchors or a list of one each.
            seed: Of the noise of the real samples.

        Raises:
            UserError: Shapes do not match, or an option of the configuration is wrong.
        """
        self._anchors = anchors
        if anchors is None:
            return
        self._check_options()
        self._seed = seed
        self._noise = torch.Generator().manual_seed(seed)
        if self.config.manifold == "none":
            return
        if real is None:
            raise UserError(f"manifold {self.config.manifold!r} needs real samples: give set_guidance(anchors, real)")
        pools = list(real) if not isinstance(real, Tensor) else [real] * len(anchors)
        if len(pools) != len(anchors) or any(pool.shape[1:] != anchors.shape[1:] for pool in pools):
            shapes = [tuple(pool.shape) for pool in pools[:3]]
            raise UserError(f"{len(anchors)} anchors of {tuple(anchors.shape[1:])} with real samples {shapes}")
        self._set_patches(pools, anchors)

    def _set_patches(self, pools: list[Tensor], anchors: Tensor) -> None:
        """Keep for each anchor its closest real samples, in the order of their distance."""
        least = min(len(pool) for pool in pools)
        if least < 2:
            raise UserError("a class has fewer than two real samples: its manifold has no tangent")
        self._k = min(self.config.neighbours, least)
        size = min(max(len(pool) for pool in pools), max(self.config.patch_size, self._k))
        patches, distances = [], []
        flat = anchors.flatten(1)
        for pool, anchor in zip(pools, flat, strict=True):
            distance, order = torch.cdist(anchor[None], pool.flatten(1).to(flat), compute_mode=_EXACT)[0].sort()
            relative = distance / distance.median().clamp_min(1e-12)
            chosen = torch.cat([order, order[:1].expand(size)])[:size]  # padding is never allowed, see below
            patches.append(pool.flatten(1).to(flat)[chosen])
            distances.append(torch.cat([relative, relative.new_full((size,), torch.inf)])[:size])
        self._patches, self._distances = torch.stack(patches), torch.stack(distances)

    def _check_options(self) -> None:
        for name, choices in (("manifold", MANIFOLDS), ("radius_schedule", SCHEDULES), ("patch_noise", NOISES)):
            value = getattr(self.config, name)
            if value not in choices:
                raise UserError(f"{name} is {value!r}; choose {', '.join(choices)}")
        for name, least in (("tangent_dim", 1), ("neighbours", 2), ("patch_size", 2)):
            if getattr(self.config, name) < least:
                raise UserError(f"{name} is {getattr(self.config, name)}; it must be {least} or more")
        if not 0 <= self.config.stop <= 1:
            raise UserError(f"stop is {self.config.stop}; it must be between 0 and 1")

    def _restart(self) -> None:
        """Draw the same noise again; called by ``set_timesteps``."""
        if self._anchors is not None:
            self._noise = torch.Generator().manual_seed(self._seed)

    def _guides(self, timestep: int | Tensor) -> bool:
        """Whether there is any guidance at a noise level."""
        on = self.config.mode_scale != 0 or (self.config.manifold == "normal" and self.config.normal_scale != 0)
        return self._anchors is not None and on and int(timestep) > self.config.stop * self.config.num_train_timesteps

    def _direction(self, timestep: int | Tensor, sample: Tensor, clean: Tensor) -> tuple[Tensor, Tensor | float]:
        """Return the guidance of the clean prediction, and the pull that is added beside it.

        Args:
            timestep: The noise level.
            sample: ``x_t``, ``(B, *shape)``, or ``(2 B, *shape)`` where a pipeline carries a second copy for
                classifier-free guidance; the first half decides.
            clean: ``xhat0`` of the same shape.

        Returns:
            ``lambda P (c - xhat0)`` and the normal pull (0 without one), of the sample's shape.
        """
        anchors = self._anchors
        assert anchors is not None
        copies, rest = divmod(len(sample), len(anchors))
        if rest or copies not in (1, 2) or sample.shape[1:] != anchors.shape[1:]:
            raise UserError(
                f"the batch is {tuple(sample.shape)} and there are {len(anchors)} anchors of "
                f"{tuple(anchors.shape[1:])}: give one anchor for each sample, in the model's space"
            )
        count = len(anchors)
        x, x0 = sample[:count].flatten(1).float(), clean[:count].flatten(1).float()
        mode = self.config.mode_scale * (anchors.flatten(1).to(x) - x0)
        pull: Tensor | float = 0.0
        if self.config.manifold != "none":
            allowed = self._distances.to(x.device) <= self._radius(int(timestep))
            allowed[:, : self._k] = True
            # Patches are in the order of their distance: what the radius shuts out lies at the end.
            reach = int(allowed.sum(1).max())
            neighbours, distance = nearest(x, self._noised(int(timestep), x, reach), allowed[:, :reach], self._k)
            mean, basis = tangent_basis(neighbours, self.config.tangent_dim)
            if self.config.manifold == "tangent":
                mode = project(mode, basis)
            else:
                away = x - mean
                normal = project(away, basis) - away
                length = self.config.normal_scale * torch.tanh(distance / self.config.bandwidth)
                normal = length[:, None] * normal / (normal.norm(dim=1, keepdim=True) + 1e-8)
                pull = normal.to(sample).view_as(sample[:count]).repeat(copies, *[1] * (sample.ndim - 1))
        mode = mode.to(sample).view_as(sample[:count]).repeat(copies, *[1] * (sample.ndim - 1))
        return mode, pull

    def _noised(self, timestep: int, like: Tensor, reach: int | None = None) -> Tensor:
        """Return the closest real samples of every anchor at a noise level, ``(B, reach, D)`` (Eq. 5)."""
        alpha = float(self.alphas_cumprod[timestep])
        patches = self._patches[:, :reach].to(like)
        shape = list(patches.shape)
        if self.config.patch_noise == "shared":
            shape[1] = 1
        noise = torch.randn(shape, generator=self._noise).to(like).mul_(math.sqrt(1 - alpha))
        if self.config.patch_noise == "shared":
            return torch.add(noise, patches, alpha=math.sqrt(alpha))
        return noise.add_(patches, alpha=math.sqrt(alpha))  # in place: these are many

    def _radius(self, timestep: int) -> float:
        """Return the radius at a noise level, shrinking from ``radius_max`` times itself to itself."""
        first, last = int(self.timesteps[0]), self.config.stop * self.config.num_train_timesteps
        p = min(1.0, max(0.0, (timestep - last) / max(first - last, 1.0)))
        wide = {
            "fixed": 0.0,
            "linear": p,
            "cosine": 0.5 * (1 + math.cos(math.pi * (1 - p))),
            "exp": (math.exp(p) - 1) / (math.e - 1),
        }[self.config.radius_schedule]
        return self.config.radius * (1 + (self.config.radius_max - 1) * wide)

    def _predictions(self, output: Tensor, timestep: int | Tensor, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``xhat0``, clipped as the parent clips it, and ``abar_t``."""
        alpha = self.alphas_cumprod[int(timestep)].to(sample)
        if self.config.prediction_type == "epsilon":
            clean = (sample - (1 - alpha).sqrt() * output) / alpha.sqrt()
        elif self.config.prediction_type == "v_prediction":
            clean = alpha.sqrt() * sample - (1 - alpha).sqrt() * output
        else:
            clean = output
        if self.config.thresholding:
            clean = self._threshold_sample(clean)  # type: ignore[attr-defined]
        elif self.config.clip_sample:
            clean = clean.clamp(-self.config.clip_sample_range, self.config.clip_sample_range)
        return clean, alpha
