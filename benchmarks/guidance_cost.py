"""What guidance costs: seconds a sample with and without it, alternating in one process.

python benchmarks/guidance_cost.py --generator outputs/generator_digits
python benchmarks/guidance_cost.py --untrained cifar
python benchmarks/guidance_cost.py --untrained dit --device cuda --batch 8 --steps 50: a transformer of DiT-XL/2's shape
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, DiTTransformer2DModel, UNet2DModel
from record import save

from hf_distill.diffusion import ClassConditionalPipeline, ManifoldGuidedDDIMScheduler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="outputs/generator_digits")
    parser.add_argument("--untrained", choices=sorted(UNTRAINED), help="a generator of this shape with random weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    made = UNTRAINED[args.untrained]() if args.untrained else ClassConditionalPipeline.from_pretrained(args.generator)
    pipe = made.to(args.device)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = ManifoldGuidedDDIMScheduler.from_config(pipe.scheduler.config)
    network = pipe.transformer if args.untrained == "dit" else pipe.unet
    config = network.config
    # Of one class: 5,000 images in CIFAR-10, 1,300 in ImageNet, 144 of the digits.
    count = {"cifar": 5000, "dit": 1300}.get(args.untrained, 144)
    real = torch.randn(count, config.in_channels, config.sample_size, config.sample_size, device=args.device)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(args.rounds + 1):
        for guided in (False, True):
            start = time.perf_counter()
            pipe.scheduler.set_guidance(real[: args.batch] if guided else None, real)
            pipe([0] * args.batch, num_inference_steps=args.steps, output_type="np")
            seconds[guided].append((time.perf_counter() - start) / args.batch)
    pairs = list(zip(seconds[False][1:], seconds[True][1:], strict=True))  # the first round warms up
    ratios = [guided / plain for plain, guided in pairs]
    rows = [
        {
            "plain, s a sample": statistics.median(plain for plain, _ in pairs),
            "guided, s a sample": statistics.median(guided for _, guided in pairs),
            "ratio (median)": statistics.median(ratios),
            "least": min(ratios),
            "most": max(ratios),
        }
    ]
    print(rows)
    name = args.untrained or "digits"
    size = sum(p.numel() for p in network.parameters())
    note = f"DDIM, {args.steps} steps, {args.batch} samples at once, {size:,} parameters"
    save(f"guidance_cost_{name}", rows, title=f"Cost of tangent guidance, a generator of {name} size", note=note)


def cifar() -> ClassConditionalPipeline:
    """Return an untrained generator of CIFAR-10's size."""
    unet = UNet2DModel(
        sample_size=32,
        block_out_channels=(64, 128, 128),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        num_class_embeds=11,
    )
    return ClassConditionalPipeline(unet.eval(), DDIMScheduler())


def dit() -> Any:
    """Return an untrained DiT-XL/2 for images of 256 pixels, with a small decoder: what is measured are its steps."""
    transformer = DiTTransformer2DModel(
        num_attention_heads=16, attention_head_dim=72, in_channels=4, out_channels=8, num_layers=28, sample_size=32
    )
    blocks = {"down_block_types": ("DownEncoderBlock2D",), "up_block_types": ("UpDecoderBlock2D",)}
    vae = AutoencoderKL(block_out_channels=(8,), latent_channels=4, norm_num_groups=4, **blocks)
    return DiTPipeline(transformer.eval(), vae.eval(), DDIMScheduler(clip_sample=False))


UNTRAINED = {"cifar": cifar, "dit": dit}

if __name__ == "__main__":
    main()
