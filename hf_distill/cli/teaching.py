"""The work of ``hf-distill train-teacher``."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import run_folder
from hf_distill.cli.placing import place
from hf_distill.cli.records import check_configurations
from hf_distill.cli.train_teacher import build_parser
from hf_distill.errors import UserError
from hf_distill.files import locked, user_path
from hf_distill.hub.storage import recover, refuse_foreign
from hf_distill.hub.teacher_folder import save_teacher
from hf_distill.metrics import METRICS, TARGET_METRICS
from hf_distill.networks.cost import find_device
from hf_distill.progress import progress_bar
from hf_distill.runs.checkpoint import Checkpoints
from hf_distill.runs.interrupt import StopRequest
from hf_distill.runs.run_keeper import RunKeeper
from hf_distill.seeding import Streams
from hf_distill.training.experts import Experts
from hf_distill.training.prediction import predict
from hf_distill.training.teacher import Teacher
from hf_distill.training.teacher_files import TEACHER


def run(argv: list[str]) -> None:
    """Train, measure and save."""
    check_configurations(argv)
    parser = build_parser()
    config = parse(parser, argv, teacher=Teacher)
    objects = build(parser, config)
    real, teacher = objects.data, objects.teacher
    named = config.output_dir or Path("outputs") / f"teacher_{Path(real.path).name}"
    output = user_path(named)
    checkpoints = run_folder(output) / "checkpoints"
    _check_output(output, config, checkpoints)
    started = time.perf_counter()
    with locked(run_folder(output)):
        recover(output)
        _check_output(output, config, checkpoints)
        device = find_device(config.device)
        place(real, device)
        real.setup(device)
        described = {"teacher": teacher.config(), "data": real.config(), "seed": config.seed}
        experts = _train(teacher, real, config, checkpoints, described)
        measured = _measured(experts, real)
        save_teacher(experts, output, real.spec, described, measured)
        shutil.rmtree(checkpoints, ignore_errors=True)
    said = "".join(f", {name} {value:.1%}" for name, value in measured.items())
    count = len(experts.networks)
    print(
        f"{named}: {'a teacher' if count == 1 else f'{count} teachers'} of {real.spec.num_classes} classes{said}, "
        f"in {time.perf_counter() - started:.0f} s"
    )


def _train(teacher: Teacher, real: Any, config: Any, folder: Path, described: dict[str, Any]) -> Experts:
    steps = teacher.recipe.total_steps(len(real.train))
    options = {"every": config.checkpoint_every, "resume": config.resume, "overwrite": config.overwrite}
    with (
        StopRequest() as stop,
        progress_bar(teacher.count * steps, "training", "step", disable=not config.progress) as bar,
    ):
        return teacher.train(
            real,
            Streams(config.seed),
            keeper_of=lambda k: RunKeeper(Checkpoints(folder / str(k), described), steps, stop=stop, **options),
            progress=bar.update,
        )


def _measured(experts: Experts, real: Any) -> dict[str, float]:
    """Return what the networks score on the test rows, on average, where there are any."""
    if not real.has_test:
        return {}
    name = TARGET_METRICS[real.spec.target][0]
    outputs = predict(experts.networks, real.test, real.spec, real.train.device)
    return {name: sum(METRICS[name](own, real.test.targets) for own in outputs) / len(outputs)}


def _check_output(output: Path, config: Any, checkpoints: Path) -> None:
    """Refuse an unusable output folder before the work and not after it."""
    refuse_foreign(output, marker=TEACHER, allowed=(), what="teacher")
    # With checkpoints beside it, a run that was to replace the teacher is not finished.
    replace = config.overwrite or (config.resume and checkpoints.is_dir())
    if (output / TEACHER).is_file() and not replace:
        raise UserError(f"{output} holds a trained teacher: add --overwrite=true to replace it")
