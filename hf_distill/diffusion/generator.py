"""GeneratorTraining: a small class-conditional diffusion model of a dataset, saved as a diffusers pipeline."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import DivergenceError, Interrupted, UserError
from hf_distill.networks.cost import find_device
from hf_distill.options import Depth, Device, NotEmpty, PositiveFloat, PositiveInt, Range, ShareBelowOne
from hf_distill.parts import Part
from hf_distill.progress import progress_bar
from hf_distill.runs.checkpoint import Checkpoints, load_optimizer
from hf_distill.runs.divergence import first_step, largest
from hf_distill.runs.interrupt import StopRequest
from hf_distill.seeding import Streams, seeded
from hf_distill.training.schedules import cosine

_LOG_EVERY = 20


class GeneratorTraining(Part):
    """Trains a ``UNet2DModel`` in pixel space to predict the noise of images of given classes.

    Ho et al., Denoising diffusion probabilistic models (NeurIPS 2020), with the cosine noise schedule of Nichol and
    Dhariwal (ICML 2021) and the label dropout of Ho and Salimans, Classifier-free diffusion guidance (2022).

    Args:
        channels: Width of every resolution of the UNet; each is half of the one before it.
        layers: Residual blocks of every resolution.
        attention: Self-attention at the lowest resolution.
        steps: Optimiser steps.
        batch_size: Images of a step.
        lr: Learning rate of AdamW at the start, lowered to zero along a cosine.
        ema: Decay of the moving average of the weights, which is what is saved.
        label_dropout: Share of images that are trained without their class, for classifier-free guidance.
        checkpoint_every: Steps between checkpoints.
        device: ``auto`` takes a GPU where there is one.

    Examples:
        >>> from hf_distill import GeneratorTraining, RealData
        >>> training = GeneratorTraining(channels=[8, 16], attention=False, steps=100)
        >>> unet = training.build(RealData().setup().spec, seed=0)
        >>> unet.config.num_class_embeds  # ten digits, and the null class
        11
    """

    def __init__(
        self,
        *,
        channels: Annotated[list[Annotated[int, Range(8, 4096, step=8)]], NotEmpty()] = [16, 32],  # noqa: B006 - never changed
        layers: Depth = 1,
        attention: bool = True,
        steps: PositiveInt = 1200,
        batch_size: PositiveInt = 64,
        lr: PositiveFloat = 2e-3,
        ema: ShareBelowOne = 0.995,
        label_dropout: ShareBelowOne = 0.1,
        checkpoint_every: PositiveInt = 500,
        device: Device = "auto",
    ) -> None:
        self.channels = channels
        self.layers = layers
        self.attention = attention
        self.steps = steps
        self.batch_size = batch_size
        self.lr = lr
        self.ema = ema
        self.label_dropout = label_dropout
        self.checkpoint_every = checkpoint_every
        self.device = device

    def train(
        self,
        real: RealData,
        *,
        seed: int = 0,
        folder: Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool = True,
    ) -> Any:
        """Return the trained pipeline, with the moving average's weights and the stock DDIM scheduler.

        Args:
            real: Images.
            seed: Of weights, order and noise.
            folder: Where checkpoints go; None keeps none.
            resume: Go on from the last checkpoint.
            overwrite: Start over where there is one.
            progress: Show a progress bar.

        Raises:
            UserError: The data are no images, an argument is wrong, or ``folder`` holds another run.
            DivergenceError: The loss or the weights are not finite.
            Interrupted: SIGINT or SIGTERM arrived; the state was saved.
        """
        device = find_device(self.device)
        real.setup(device)
        self.check(real.spec)
        unet = self.build(real.spec, seed).to(device).train()
        average = copy.deepcopy(unet).eval().requires_grad_(False)
        optimizer = torch.optim.AdamW(unet.parameters(), lr=self.lr)
        parts: dict[str, Any] = {"unet": unet, "average": average, "optimizer": optimizer}
        config = {"generator": self.config(), "data": real.config(), "seed": seed}
        checkpoints = Checkpoints(folder, config) if folder is not None else None
        start = 0
        if checkpoints is not None:
            start = checkpoints.begin(
                lambda state: _restore(parts, state), steps=self.steps, resume=resume, overwrite=overwrite
            )
        schedule = noise_schedule().alphas_cumprod.to(device)
        streams = Streams(seed)
        # Steps since the last look whose loss was finite, one after another: nothing waits for a look at each.
        finite = torch.zeros((), dtype=torch.int64, device=device)
        running = torch.ones((), dtype=torch.int64, device=device)
        looked = start
        with (
            StopRequest() as stop,
            progress_bar(self.steps, "training", "step", initial=start, disable=not progress) as bar,
        ):
            for step in range(start, self.steps):
                for group in optimizer.param_groups:
                    group["lr"] = self.lr * cosine(step / self.steps)
                loss = self._loss(unet, real, schedule, streams.at(step))
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
                optimizer.step()
                # A new average follows quickly: it should not remember the random start.
                decay = min(self.ema, (1 + step) / (10 + step))
                torch._foreach_lerp_(list(average.parameters()), list(unet.parameters()), 1 - decay)
                done = step + 1
                running *= loss.isfinite()
                finite += running
                bar.update()
                stopping = stop.requested
                due = done % self.checkpoint_every == 0 or stopping
                if done % _LOG_EVERY == 0 or done == self.steps or due:
                    weights = largest([*unet.parameters(), *average.parameters()])
                    count, value, size = torch.stack([finite.double(), loss.double(), weights.double()]).tolist()
                    self._check(looked + int(count), done, size, checkpoints)
                    looked = done
                    finite.zero_()
                    bar.set_postfix_str(f"loss {value:.4f}", refresh=False)
                if checkpoints and due:
                    checkpoints.save(done, {name: part.state_dict() for name, part in parts.items()})
                if stopping and done < self.steps:
                    kept = "add --resume=true to go on" if checkpoints else "nothing was kept: it has no folder"
                    raise Interrupted(f"stopped after step {done} of {self.steps}; {kept}")
        return self._pipeline(average, real.spec)

    def _check(self, finite: int, done: int, size: float, checkpoints: Checkpoints | None) -> None:
        """Refuse weights that are not finite, and losses that were not after some finite steps of those done."""
        if finite == done and math.isfinite(size):
            return
        if finite == 0:
            raise DivergenceError(first_step("the loss", "--generator"))
        good = checkpoints.last_good() if checkpoints else "there are no checkpoints: it has no folder"
        what = f"the loss is not finite at step {finite + 1}"
        if finite == done:
            what = f"the weights are not finite by step {done}"
        raise DivergenceError(f"{what}; lower --generator.lr (now {self.lr}); {good}")

    def check(self, spec: DataSpec) -> None:
        """Refuse data that cannot be trained on."""
        if spec.kind != "image":
            raise UserError(f"a generator makes images and {spec.input_column!r} holds {spec.form.plural}")
        factor = 2 ** (len(self.channels) - 1)
        if any(side % factor for side in spec.shape[1:]):
            raise UserError(
                f"images of {spec.shape[1]}x{spec.shape[2]} cannot be halved {len(self.channels) - 1} times: give "
                "fewer generator.channels, or another data.image_size"
            )
        if min(spec.class_counts) < 1:
            label = spec.class_counts.index(0)
            raise UserError(f"class {spec.classes[label]!r} has no samples: leave it out")

    def build(self, spec: DataSpec, seed: int) -> nn.Module:
        """Return a fresh UNet; its last class is the null class of classifier-free guidance."""
        from diffusers import UNet2DModel

        last = "Attn" if self.attention else ""
        count = len(self.channels)
        height, width = spec.shape[1:]
        with seeded(Streams(seed).seed_for("network")):
            return UNet2DModel(
                sample_size=height if height == width else (height, width),
                in_channels=spec.shape[0],
                out_channels=spec.shape[0],
                block_out_channels=tuple(self.channels),
                layers_per_block=self.layers,
                down_block_types=("DownBlock2D",) * (count - 1) + (f"{last}DownBlock2D",),
                up_block_types=(f"{last}UpBlock2D",) + ("UpBlock2D",) * (count - 1),
                norm_num_groups=8,
                num_class_embeds=spec.num_classes + 1,
            )

    def _loss(self, unet: nn.Module, real: RealData, schedule: Tensor, streams: Streams) -> Tensor:
        generator = streams.generator("batch")
        rows = torch.randint(len(real.train), (self.batch_size,), generator=generator)
        labels = real.train.labels[rows]
        dropped = torch.rand(len(rows), generator=generator) < self.label_dropout
        labels = labels.masked_fill(dropped, real.spec.num_classes)
        t = torch.randint(len(schedule), (len(rows),), generator=generator)
        x, noise = noised(real.train.raw(rows), t, schedule, generator)
        output = unet(x, t.to(x.device), class_labels=labels.to(x.device)).sample
        return nn.functional.mse_loss(output, noise)

    @staticmethod
    def _pipeline(unet: nn.Module, spec: DataSpec) -> Any:
        from diffusers import DDIMScheduler, UNet2DModel

        from hf_distill.diffusion.pipeline import ClassConditionalPipeline

        assert isinstance(unet, UNet2DModel)
        scheduler = DDIMScheduler.from_config(noise_schedule().config)
        return ClassConditionalPipeline(unet, scheduler, dict(enumerate(spec.classes)))


def noise_schedule() -> Any:
    """Return the noise schedule that the generator is trained with."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(beta_schedule="squaredcos_cap_v2")


def noised(images: Tensor, t: Tensor, schedule: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return images ``(B, C, H, W)`` of 8 bits, in [-1, 1], with the noise of steps ``t`` ``(B,)``, and the noise."""
    x = images.float() / 127.5 - 1
    noise = torch.randn(x.shape, generator=generator).to(x.device)
    alpha = schedule.to(x.device)[t.to(x.device)].view(-1, 1, 1, 1)
    return alpha.sqrt() * x + (1 - alpha).sqrt() * noise, noise


def _restore(parts: dict[str, Any], state: dict[str, Any]) -> None:
    for name, part in parts.items():
        if isinstance(part, torch.optim.Optimizer):
            load_optimizer(part, state[name])
        else:
            part.load_state_dict(state[name])
