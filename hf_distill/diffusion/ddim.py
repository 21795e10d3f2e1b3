"""ManifoldGuidedDDIMScheduler: DDIM that guides its clean prediction."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler
from diffusers.configuration_utils import register_to_config

# DiffusionPipeline.from_pretrained takes a scheduler of another library only where its module has this name.
from diffusers.schedulers.scheduling_utils import SchedulerMixin  # noqa: F401
from torch import Tensor

from hf_distill.diffusion.guidance import ManifoldGuidance


class ManifoldGuidedDDIMScheduler(ManifoldGuidance, DDIMScheduler):
    """DDIM with mode and manifold guidance, as :class:`ManifoldGuidance` describes it; the parent without anchors.

    ``xhat0 <- xhat0 + lambda P_T (c - xhat0)`` (MGD3's DDIM form; ManifoldGD, Eq. 4), then the parent's step with the
    noise that belongs to it. ``ManifoldGuidedDDIMScheduler.from_config(pipe.scheduler.config)`` takes over a pipeline's
    own settings; call :meth:`set_guidance` before the pipeline.

    Examples:
        >>> import torch
        >>> from hf_distill import ManifoldGuidedDDIMScheduler
        >>> scheduler = ManifoldGuidedDDIMScheduler(mode_scale=0.1, neighbours=4)
        >>> scheduler.set_guidance(torch.zeros(2, 1, 4, 4), real=torch.rand(8, 1, 4, 4))  # an anchor for each of two
        >>> scheduler.config.manifold
        'tangent'
    """

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.0001,
        beta_end: float = 0.02,
        beta_schedule: str = "linear",
        trained_betas: Any = None,
        clip_sample: bool = True,
        set_alpha_to_one: bool = True,
        steps_offset: int = 0,
        prediction_type: str = "epsilon",
        thresholding: bool = False,
        dynamic_thresholding_ratio: float = 0.995,
        clip_sample_range: float = 1.0,
        sample_max_value: float = 1.0,
        timestep_spacing: str = "leading",
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
            clip_sample=clip_sample,
            set_alpha_to_one=set_alpha_to_one,
            steps_offset=steps_offset,
            prediction_type=prediction_type,
            thresholding=thresholding,
            dynamic_thresholding_ratio=dynamic_thresholding_ratio,
            clip_sample_range=clip_sample_range,
            sample_max_value=sample_max_value,
            timestep_spacing=timestep_spacing,
            rescale_betas_zero_snr=rescale_betas_zero_snr,
        )

    def set_timesteps(self, num_inference_steps: int, device: str | torch.device | None = None) -> None:
        """See the parent; a run with the same steps draws the same noise for the real samples."""
        super().set_timesteps(num_inference_steps, device)
        self._restart()

    def step(self, model_output: Tensor, timestep: int, sample: Tensor, *args: Any, **options: Any) -> Any:
        """See the parent, whose arguments follow; guided while there are anchors and the noise is above ``stop``.

        Args:
            model_output: ``(B, *shape)``, after classifier-free guidance.
            timestep: The noise level.
            sample: ``x_t``, ``(B, *shape)``.
            *args: The parent's.
            **options: The parent's.
        """
        if self._guides(timestep):
            clean, alpha = self._predictions(model_output, timestep, sample)
            mode, pull = self._direction(timestep, sample, clean)
            clean = clean + mode + pull
            noise = (sample - alpha.sqrt() * clean) / (1 - alpha).sqrt()
            model_output = {
                "epsilon": noise,
                "sample": clean,
                "v_prediction": alpha.sqrt() * noise - (1 - alpha).sqrt() * clean,
            }[self.config.prediction_type]
        return super().step(model_output, timestep, sample, *args, **options)
