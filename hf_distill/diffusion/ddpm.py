"""ManifoldGuidedDDPMScheduler: DDPM that guides the mean of its step."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDPMScheduler
from diffusers.configuration_utils import register_to_config

# DiffusionPipeline.from_pretrained takes a scheduler of another library only where its module has this name.
from diffusers.schedulers.scheduling_utils import SchedulerMixin  # noqa: F401
from torch import Tensor

from hf_distill.diffusion.guidance import ManifoldGuidance


class ManifoldGuidedDDPMScheduler(ManifoldGuidance, DDPMScheduler):
    """DDPM with mode and manifold guidance, as :class:`ManifoldGuidance` describes it; the parent without anchors.

    ``x_{t-1} <- x_{t-1} + lambda sigma_t P_T (c - xhat0)`` (MGD3's DDPM form; ManifoldGD, Eq. 4). The mean is moved and
    not ``xhat0``: at high noise the same move of ``xhat0`` is a hundred times as long and the parent would clip it.

    Examples:
        >>> from diffusers import DDPMScheduler
        >>> from hf_distill import ManifoldGuidedDDPMScheduler
        >>> scheduler = ManifoldGuidedDDPMScheduler.from_config(DDPMScheduler().config, mode_scale=0.2)
        >>> scheduler.config.mode_scale, scheduler.config.num_train_timesteps
        (0.2, 1000)
    """

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.0001,
        beta_end: float = 0.02,
        beta_schedule: str = "linear",
        trained_betas: Any = None,
        variance_type: str = "fixed_small",
        clip_sample: bool = True,
        prediction_type: str = "epsilon",
        thresholding: bool = False,
        dynamic_thresholding_ratio: float = 0.995,
        clip_sample_range: float = 1.0,
        sample_max_value: float = 1.0,
        timestep_spacing: str = "leading",
        steps_offset: int = 0,
        rescale_betas_zero_snr: bool = False,
        mode_scale: float = 0.1,
        manifold: str = "tangent",
        tangent_dim: int = 3,
        neighbours: int = 12,
        radius: float = 1.0,
        radius_schedule: str = "exp",
        radius_max: float = 2.0,
        patch_noise: str = "independent",
        patch_size: int = 300,
        normal_scale: float = 0.1,
        bandwidth: float = 0.1,
        stop: float = 0.5,
    ) -> None:
        super().__init__(
            num_train_timesteps=num_train_timesteps,
            beta_start=beta_start,
            beta_end=beta_end,
            beta_schedule=beta_schedule,
            trained_betas=trained_betas,
            variance_type=variance_type,
            clip_sample=clip_sample,
            prediction_type=prediction_type,
            thresholding=thresholding,
            dynamic_thresholding_ratio=dynamic_thresholding_ratio,
            clip_sample_range=clip_sample_range,
            sample_max_value=sample_max_value,
            timestep_spacing=timestep_spacing,
            steps_offset=steps_offset,
            rescale_betas_zero_snr=rescale_betas_zero_snr,
        )

    def set_timesteps(self, *args: Any, **options: Any) -> None:
        """See the parent; a run with the same steps draws the same noise for the real samples."""
        super().set_timesteps(*args, **options)
        self._restart()

    def step(
        self,
        model_output: Tensor,
        timestep: int,
        sample: Tensor,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
    ) -> Any:
        """See the parent; guided while there are anchors and the noise is above ``stop``."""
        result = super().step(model_output, timestep, sample, generator=generator)
        if self._guides(timestep):
            # The parent's own split of a model with learned variance.
            output, variance = model_output, None
            if model_output.shape[1] == 2 * sample.shape[1] and self.variance_type in ("learned", "learned_range"):
                output, variance = model_output.split(sample.shape[1], dim=1)
            clean, _ = self._predictions(output, timestep, sample)
            mode, pull = self._direction(timestep, sample, clean)
            result.prev_sample = result.prev_sample + self._sigma(timestep, variance) * mode + pull
            result.pred_original_sample = clean + mode
        return result if return_dict else (result.prev_sample, result.pred_original_sample)

    def _sigma(self, timestep: int, predicted: Tensor | None) -> Tensor:
        """Return the step's standard deviation; the fixed posterior's where the model's own is not at hand."""
        if predicted is None:
            return self._get_variance(timestep, variance_type="fixed_small") ** 0.5
        variance = self._get_variance(timestep, predicted_variance=predicted)
        return (0.5 * variance).exp() if self.variance_type == "learned_range" else variance**0.5
