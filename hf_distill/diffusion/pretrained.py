"""Pretrained: a class-conditional diffusers pipeline, in latent or pixel space, behind one surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import DivergenceError, UserError
from hf_distill.runs.state_file import read_state, write_state


class Pretrained:
    """A class-conditional pipeline with the call of ``DiTPipeline``.

    Args:
        path: A local folder or a Hub id.
        device: Where it runs.

    Raises:
        UserError: It cannot be loaded or is no class-conditional pipeline.
    """

    def __init__(self, path: str, device: torch.device) -> None:
        try:
            import diffusers
        except ImportError as error:
            raise UserError("GuidedDiffusion needs diffusers: pip install 'hf-distill[diffusion]'") from error
        from hf_distill.diffusion.pipeline import ClassConditionalPipeline

        local = Path(path).expanduser()
        if not local.exists() and path.startswith((".", "/", "~")):
            raise UserError(f"no such folder: {path}")
        try:
            index = diffusers.DiffusionPipeline.load_config(str(local) if local.exists() else path)
            _check_libraries(index, path)
            ours = index.get("_class_name") == ClassConditionalPipeline.__name__
            cls = ClassConditionalPipeline if ours else diffusers.DiffusionPipeline
            self.pipe = cls.from_pretrained(str(local) if local.exists() else path, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise UserError(f"cannot load a diffusers pipeline from {path}: {str(error).splitlines()[0]}") from error
        parts = self.pipe.components
        self.model: Any = parts.get("transformer") or parts.get("unet")
        self.vae: Any = parts.get("vae")
        if self.model is None or not isinstance(self.pipe, (ClassConditionalPipeline, diffusers.DiTPipeline)):
            raise UserError(
                f"{path} is a {type(self.pipe).__name__} and GuidedDiffusion needs a class-conditional one: "
                "DiTPipeline, or what hf-distill train-generator saves"
            )
        self.path = path
        self.pipe.to(device)
        self.pipe.set_progress_bar_config(disable=True)
        for module in (self.model, self.vae):
            if module is not None:
                module.eval()  # label dropout is active in a fresh DiT

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Shape of one sample in the model's space."""
        size = self.model.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        return self.model.config.in_channels, height, width

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        channels, height, width = self.latent_shape
        if self.vae is None:
            return channels, height, width
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return self.vae.config.out_channels, height * factor, width * factor

    def labels(self, classes: tuple[str, ...], names: dict[str, str] | None) -> list[int]:
        """Return the pipeline's label of every class of the set.

        Args:
            classes: The set's class names.
            names: The pipeline's names of classes that it calls otherwise.

        Raises:
            UserError: It does not know a class.
        """
        known = self.pipe.labels
        renamed = [(names or {}).get(name, name) for name in classes]
        missing = [name for name in renamed if name not in known]
        if missing:
            examples = ", ".join(list(known)[:5]) or "no names at all"
            raise UserError(
                f"{self.path} does not know the class{'es' * (len(missing) > 1)} {', '.join(missing[:5])} "
                f"(it knows {examples}, ... {len(known)}): give its names in method.class_names"
            )
        return [known[name] for name in renamed]

    def check(self, spec: DataSpec) -> None:
        """Refuse data that this pipeline does not make."""
        if spec.kind != "image":
            raise UserError(f"GuidedDiffusion makes images and {spec.input_column!r} holds {spec.form.plural}")
        if self.vae is not None and self.vae.config.latent_channels != self.latent_shape[0]:
            raise UserError(
                f"{self.path} is broken: its VAE has {self.vae.config.latent_channels} latent channels and its model "
                f"takes {self.latent_shape[0]}"
            )
        if spec.shape != self.image_shape:
            side = self.image_shape[1]
            raise UserError(
                f"{self.path} makes images of {self.image_shape} and the data's are {spec.shape}: set "
                f"--data.image_size={side}, or take another pipeline"
            )

    @torch.no_grad()
    def encode(self, raw: Tensor) -> Tensor:
        """Turn uint8 images into the model's space: the means of the VAE's latents, scaled, or pixels in [-1, 1]."""
        x = raw.to(self.model.device).float() / 127.5 - 1
        if self.vae is None:
            return x
        return self.vae.encode(x.to(self.vae.dtype)).latent_dist.mean.float() * self.vae.config.scaling_factor


def _check_libraries(index: dict[str, Any], path: str) -> None:
    """Refuse a pipeline that brings code of its own, or names modules to import that no pipeline needs.

    Raises:
        UserError: It does; the message names them.
    """
    from diffusers import pipelines

    parts = {name: value[0] for name, value in index.items() if isinstance(value, (list, tuple)) and value}
    known = {"diffusers", "transformers", None, *dir(pipelines)}
    foreign = {
        name: module
        for name, module in parts.items()
        if name == "_class_name" or (not name.startswith("_") and isinstance(module, str) and module not in known)
    }
    if foreign:
        said = ", ".join(f"{name} from {module!r}" for name, module in foreign.items())
        raise UserError(f"{path} takes {said}, code that is neither diffusers' nor hf_distill's: it is not run")


def encode_split(pretrained: Pretrained, real: RealData, accelerator: Accelerator, *, cache: Path | None) -> Tensor:
    """Return the training split in the model's space, ``(N, *shape)`` on the CPU: each rank encodes its share.

    Args:
        pretrained: The pipeline.
        real: The data.
        accelerator: The ranks.
        cache: A file that keeps the latents of a VAE; pixels are not worth one.

    Raises:
        UserError: The cache is damaged, or that of other data.
        DivergenceError: Latents are not finite.
    """
    path = cache if pretrained.vae is not None else None
    if path is not None and path.is_file():
        remedy = "delete it, and it is made again"
        latents = read_state(path, "the latents", remedy)
        shape = (len(real.train), *pretrained.latent_shape)
        if not isinstance(latents, Tensor) or latents.shape != shape or latents.dtype != torch.float32:
            raise UserError(f"{path} does not hold the latents of this data, {shape}: {remedy}")
        return latents
    rows = torch.arange(len(real.train))[accelerator.process_index :: accelerator.num_processes]
    size = 16 if pretrained.vae is not None else 1024
    own = torch.cat([pretrained.encode(real.train.raw(part)).cpu() for part in rows.split(size)])
    latents = torch.empty(len(real.train), *own.shape[1:])
    for part_rows, part in gather_object([(rows, own)]) if accelerator.num_processes > 1 else [(rows, own)]:
        latents[part_rows] = part
    if not latents.isfinite().all():
        raise DivergenceError(
            f"{pretrained.path} encodes real images to values that are not finite: its VAE is broken, take another"
        )
    if path is not None and accelerator.is_main_process:
        write_state(path, latents)
    return latents
