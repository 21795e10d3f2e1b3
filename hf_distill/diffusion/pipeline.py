"""ClassConditionalPipeline: images of given classes from a UNet in pixel space, which diffusers has no pipeline for.

This file needs torch and diffusers alone: a saved pipeline holds a copy of it, with which diffusers loads the pipeline
where this library is not installed.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline, UNet2DModel
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from diffusers.utils.torch_utils import randn_tensor


class ClassConditionalPipeline(DiffusionPipeline):
    """DiTPipeline's twin in pixel space.

    The last class embedding of the UNet is the null class of classifier-free guidance. Without this library:
    ``DiffusionPipeline.from_pretrained(folder, custom_pipeline=folder, trust_remote_code=True)``.

    Args:
        unet: With ``num_class_embeds`` of one more than there are classes.
        scheduler: Any of diffusers'.
        id2label: Names of the classes.

    Examples:
        >>> from diffusers import DDIMScheduler
        >>> from hf_distill import ClassConditionalPipeline, GeneratorTraining, RealData
        >>> unet = GeneratorTraining(channels=[8, 16], attention=False).build(RealData().setup().spec, seed=0)
        >>> pipeline = ClassConditionalPipeline(unet, DDIMScheduler())
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> pipeline(class_labels=[3, 7], num_inference_steps=2).images[0].size
        (8, 8)
    """

    model_cpu_offload_seq = "unet"

    def __init__(self, unet: UNet2DModel, scheduler: SchedulerMixin, id2label: dict | None = None) -> None:
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)
        # JSON turns the keys into text.
        names = {int(key): name for key, name in (id2label or {}).items()}
        self.register_to_config(id2label=names)
        self.labels = {name: key for key, name in sorted(names.items())}

    def save_pretrained(self, save_directory: str | Path, *args: Any, **options: Any) -> None:
        """See the parent; puts this file beside the weights."""
        super().save_pretrained(save_directory, *args, **options)
        source = inspect.getsource(sys.modules[ClassConditionalPipeline.__module__])
        (Path(save_directory) / "pipeline.py").write_text(source)

    @torch.no_grad()
    def __call__(
        self,
        class_labels: list[int],
        guidance_scale: float = 2.0,
        generator: torch.Generator | list[torch.Generator] | None = None,
        num_inference_steps: int = 20,
        output_type: str = "pil",
        return_dict: bool = True,
    ) -> Any:
        """Generate one image for each class label.

        Args:
            class_labels: Class indices.
            guidance_scale: Of classifier-free guidance; 1 or less uses none.
            generator: One for all images or a list of one each.
            num_inference_steps: Denoising steps.
            output_type: ``pil``, ``np`` ``(B, H, W, C)`` or ``pt`` ``(B, C, H, W)``, in [0, 1].
            return_dict: Return an output with ``images``, or a tuple.

        Raises:
            ValueError: There is no such class.
        """
        config = self.unet.config
        null = config.num_class_embeds - 1
        if not all(0 <= label < null for label in class_labels):
            raise ValueError(f"class labels {sorted(set(class_labels))} are not all between 0 and {null - 1}")
        count, size, device = len(class_labels), config.sample_size, self._execution_device
        height, width = (size, size) if isinstance(size, int) else size
        shape = (count, config.in_channels, height, width)
        sample = randn_tensor(shape, generator=generator, device=device, dtype=self.unet.dtype)
        labels = torch.tensor(class_labels, device=device)
        if guidance_scale > 1:
            labels = torch.cat([labels, torch.full_like(labels, null)])
        self.scheduler.set_timesteps(num_inference_steps)
        for t in self.progress_bar(self.scheduler.timesteps):
            both = torch.cat([sample, sample]) if guidance_scale > 1 else sample
            output = self.unet(self.scheduler.scale_model_input(both, t), t, class_labels=labels).sample
            if guidance_scale > 1:
                conditional, free = output.chunk(2)
                output = free + guidance_scale * (conditional - free)
            sample = self.scheduler.step(output, t, sample).prev_sample
        images: Any = (sample / 2 + 0.5).clamp(0, 1)
        if output_type != "pt":
            images = images.cpu().permute(0, 2, 3, 1).float().numpy()
            if output_type == "pil":
                images = self.numpy_to_pil(images)
        self.maybe_free_model_hooks()
        return ImagePipelineOutput(images=images) if return_dict else (images,)
