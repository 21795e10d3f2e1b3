"""Pipelines of the real classes at tiny size."""

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, DiTTransformer2DModel, UNet2DModel

from hf_distill.diffusion import ClassConditionalPipeline
from hf_distill.seeding import seeded


def tiny_dit():
    """Latents of 4x4x4 and images of 3x8x8; class 1000 is the null class."""
    with seeded(0):
        transformer = DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=4,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            sample_size=4,
            patch_size=2,
            num_embeds_ada_norm=1000,
            norm_num_groups=4,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=4,
        )
        for parameter in transformer.parameters():  # adaLN-zero starts at zero, where no input matters
            torch.nn.init.normal_(parameter, std=0.2)
    names = {0: "a", 1: "b, bee"}
    pipe = DiTPipeline(transformer.eval(), vae.eval(), DDIMScheduler(clip_sample=False), id2label=names)
    pipe.register_to_config(id2label=names)  # published ones have their names in model_index.json
    return pipe


def tiny_unet(names="ab"):
    """Pixels of 1x8x8, a class a letter."""
    with seeded(0):
        unet = UNet2DModel(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            block_out_channels=(8,),
            layers_per_block=1,
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            norm_num_groups=4,
            num_class_embeds=len(names) + 1,
        )
    pipe = ClassConditionalPipeline(unet.eval(), DDIMScheduler(), dict(enumerate(names)))
    pipe.set_progress_bar_config(disable=True)
    return pipe
