"""The card of a generator: what was measured of it, and some of its images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hf_distill.data.real import RealData
from hf_distill.diffusion.measuring import examples, noise_error
from hf_distill.hub.card import source_name
from hf_distill.hub.formats.class_grid import class_grid
from hf_distill.hub.product import PLACE, write_product_card
from hf_distill.markdown import Markdown, code
from hf_distill.table import Table

PICTURE = "samples.png"


def parameters(pipeline: Any) -> int:
    """Return how many parameters a generator has."""
    return sum(p.numel() for p in pipeline.unet.parameters())


def write_generator_card(folder: Path, pipeline: Any, objects: Any, seconds: float, command: str) -> None:
    """Measure a generator, draw some of its images and write its card.

    Args:
        folder: Where the generator is.
        pipeline: The generator.
        objects: What made it: ``generator``, ``data`` and ``seed``.
        seconds: How long that took.
        command: The command line.
    """
    real: RealData = objects.data
    spec, called = real.spec, source_name(real.spec.source)
    images, labels = examples(pipeline, objects.seed)
    class_grid(spec, images.numpy(), labels).save(folder / PICTURE)
    splits = {"training": real.train, **({"test": real.test} if real.has_test else {})}
    errors = {name: f"{noise_error(pipeline.unet, own):.3f}" for name, own in splits.items()}
    lines = [
        *(
            [f"mean squared error of the noise that it predicts, {name} images", error]
            for name, error in errors.items()
        ),
        ["the same where no noise is predicted", "1.000"],
        ["parameters", f"{parameters(pipeline):,}"],
        ["training", f"{objects.generator.steps:,} steps, {seconds:.0f} s on {pipeline.device}"],
    ]
    drawn = "every class" if len(labels.unique()) == spec.num_classes else "the first classes"
    write_product_card(
        folder,
        "generator",
        title=f"{called}, a small generator",
        said=Markdown(
            f"A class-conditional diffusion model in pixel space of {spec.num_classes} classes and images of "
            f"{' x '.join(map(str, spec.shape))} values, trained on the {spec.num_rows:,} training images of "
            f"{code(called)}. `hf-distill` made it for guided distillation (`--method.pipeline`); plain diffusers "
            f"loads it too, with the `pipeline.py` beside it. The picture shows images of {drawn}, none of them chosen."
        ),
        source=spec.source,
        script=[
            "from hf_distill import ClassConditionalPipeline",
            "",
            f'pipeline = ClassConditionalPipeline.from_pretrained("{PLACE}")',
            'pipeline([0, 1]).images[1].save("class_1.png")',
        ],
        config={"generator": objects.generator.config(), "data": real.config(), "seed": objects.seed},
        numbers=Table(["measured", "value"], lines, right=["value"]),
        command=command,
        picture=PICTURE,
    )
