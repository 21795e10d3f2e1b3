"""The work of ``hf-distill train-generator``."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Iterator
from pathlib import Path

from hf_distill.cli.generator_card import PICTURE, parameters, write_generator_card
from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import run_folder
from hf_distill.cli.placing import place, said_command
from hf_distill.cli.records import check_configurations
from hf_distill.cli.train_generator import build_parser
from hf_distill.diffusion.generator import GeneratorTraining
from hf_distill.errors import UserError
from hf_distill.files import locked, user_path
from hf_distill.hub.record import CARD
from hf_distill.hub.storage import recover, replace_folder
from hf_distill.networks.cost import one_thread
from hf_distill.runs.checkpoint import Checkpoints

_MARK = "model_index.json"
# What is written; everything else in the folder belongs to the user.
_ENTRIES = (_MARK, "unet", "scheduler", "pipeline.py", PICTURE, CARD)


def run(argv: list[str]) -> None:
    """Train and save."""
    check_configurations(argv)
    parser = build_parser()
    config = parse(parser, argv, generator=GeneratorTraining)
    objects = build(parser, config)
    real = objects.data
    named = config.output_dir or Path("outputs") / f"generator_{Path(real.path).name}"
    output = user_path(named)
    checkpoints = Checkpoints(run_folder(output) / "checkpoints", {})
    started = time.perf_counter()
    # With checkpoints beside it, a run that was to replace the generator is not finished.
    replace = config.overwrite or (config.resume and checkpoints.latest() is not None)
    _check_output(output, replace)
    with locked(run_folder(output)):
        recover(output)
        _check_output(output, replace)
        place(real, objects.generator.device)
        with one_thread(config.threads == 1):
            pipeline = objects.generator.train(
                real,
                seed=config.seed,
                folder=checkpoints.folder,
                resume=config.resume,
                overwrite=config.overwrite,
                progress=config.progress,
            )
            seconds = time.perf_counter() - started
            with replace_folder(output, keep=lambda name: name not in _ENTRIES, last=_MARK) as stage:
                with _explained():
                    pipeline.save_pretrained(stage)
                write_generator_card(stage, pipeline, objects, seconds, said_command("train-generator", argv))
        checkpoints.clear()
    size = f"{parameters(pipeline):,}"
    print(f"{named}: a generator of {real.spec.num_classes} classes with {size} parameters, in {seconds:.0f} s")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what safetensors raises for a full disk into what it is."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error)) from error


def _check_output(output: Path, overwrite: bool) -> None:
    """Refuse an unusable output folder before the work and not after it."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output_dir {output} is a file: name a folder")
    if output.is_dir() and any(output.iterdir()):
        if not (output / _MARK).is_file():
            raise UserError(f"{output} holds something else than a generator: name another --output_dir")
        if not overwrite:
            raise UserError(f"{output} holds a trained generator: add --overwrite=true to replace it")
