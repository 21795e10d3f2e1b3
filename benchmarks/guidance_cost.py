"""What guidance costs: seconds a sample with and without it, alternating in one process.

python benchmarks/guidance_cost.py --generator outputs/generator_digits
python benchmarks/guidance_cost.py --cifar
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from diffusers import DDIMScheduler, UNet2DModel
from record import save

from hf_distill.diffusion import ClassConditionalPipeline, ManifoldGuidedDDIMScheduler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="outputs/generator_digits")
    parser.add_argument("--cifar", action="store_true", help="an untrained generator of CIFAR-10's size")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.cifar:
        unet = UNet2DModel(
            sample_size=32,
            block_out_channels=(64, 128, 128),
            layers_per_block=2,
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
            num_class_embeds=11,
        )
        pipe = ClassConditionalPipeline(unet.eval(), DDIMScheduler())
    else:
        pipe = ClassConditionalPipeline.from_pretrained(args.generator)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = ManifoldGuidedDDIMScheduler.from_config(pipe.scheduler.config)
    config = pipe.unet.config
    shape = (config.in_channels, config.sample_size, config.sample_size)
    real = torch.randn(5000 if args.cifar else 144, *shape)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(args.rounds + 1):
        for guided in (False, True):
            start = time.perf_counter()
            pipe.scheduler.set_guidance(real[: args.batch] if guided else None, real)
            pipe([0] * args.batch, num_inference_steps=args.steps, output_type="pt")
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
    name = "cifar" if args.cifar else "digits"
    size = sum(p.numel() for p in pipe.unet.parameters())
    note = f"DDIM, {args.steps} steps, {args.batch} samples at once, {size:,} parameters"
    save(f"guidance_cost_{name}", rows, title=f"Cost of tangent guidance, a generator of {name} size", note=note)


if __name__ == "__main__":
    main()
