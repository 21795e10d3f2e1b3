"""The work of ``hf-distill distill``."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import get_available_trackers

from hf_distill.cli.automatic import completed
from hf_distill.cli.distill import build_parser
from hf_distill.cli.evaluating import measure
from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import run_folder
from hf_distill.cli.placing import described, place
from hf_distill.cli.records import check_configurations, same_run, saving_run_config
from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.files import locked, user_path, write_atomically
from hf_distill.hub.about import About
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.formats import format_of
from hf_distill.hub.private import without_private_paths
from hf_distill.hub.publish import check_repo_id
from hf_distill.hub.record import RECORD, WORKING_ENTRIES, check_name
from hf_distill.hub.storage import refuse_foreign
from hf_distill.methods.method import Method, Run
from hf_distill.runs.processes import check_processes


def run(argv: list[str]) -> None:
    """Distill, and measure and publish where asked to."""
    check_configurations(argv)
    parser = build_parser()
    argv, opened = completed(argv)
    config = parse(parser, argv, card=About)
    shown = config.output_dir or Path("outputs") / _name(config)
    output = user_path(shown)
    if config.repo_id is not None:
        check_repo_id(config.repo_id)
    missing = set(config.trackers) - {str(tracker) for tracker in get_available_trackers()}
    if missing:
        raise UserError(f"trackers: {', '.join(sorted(missing))} is not installed: pip install it, or leave it out")
    objects = build(parser, config)
    real, method, evaluator = objects.data, objects.method, objects.evaluator
    if opened is not None and opened.config() == real.config():
        real = objects.data = opened  # not read twice
    resolved = described(objects)
    if config.dry_run:
        pace = method.estimate(real.setup(), config.seed)
        said = f"{shown}: not made, this was a dry run of {type(method).__name__} on {real.path}"
        print(f"{said}; {pace}" if pace else said)
        return
    # Not PartialState: it does not see ACCELERATE_USE_CPU, and every process on a CPU would be a run of its own.
    accelerator = Accelerator()
    check_processes(accelerator)
    main = accelerator.is_main_process
    options = Run(
        folder=run_folder(output),
        seed=config.seed,
        resume=config.resume,
        overwrite=config.overwrite,
        trackers=tuple(config.trackers),
        progress=config.progress,
        config=without_private_paths(resolved),
    )
    with _claimed(output) if main else contextlib.nullcontext():
        if _is_finished(output, method, options):
            if main:
                print(f"{shown} is finished")
        else:
            _distill(method, real, options, output, resolved, shown, objects.card)
        if not main:
            return
        if config.evaluate:
            chosen = evaluator.quick() if config.evaluate == "quick" else evaluator
            measure(output, real, chosen, progress=config.progress)
    if config.repo_id is not None:
        print(DistilledDataset.from_pretrained(output).push_to_hub(config.repo_id, private=config.private))


def _distill(
    method: Method, real: Data, run: Run, output: Path, resolved: dict[str, Any], shown: Path, about: About
) -> None:
    accelerator = Accelerator()
    started = time.perf_counter()
    place(real, accelerator.device)
    artifact = method.distill(real, run)
    if not accelerator.is_main_process:
        return
    seconds = time.perf_counter() - started
    assert run.folder is not None
    artifact.about = about.to_dict()
    with saving_run_config(output, resolved):
        artifact.save_pretrained(output)
    method.finish(run.folder)
    write_atomically(run.folder / "run.json", json.dumps({"seconds": seconds}))
    print(_summary(real, len(artifact), shown, seconds))
    if "layout" in artifact.timing:
        print(f"read as {artifact.timing['layout']}, its numbers as {artifact.timing['normalization']}")


def _name(config: Any) -> str:
    if config.config:
        return Path(str(config.config[-1])).stem
    name = Path(config.data.init_args.path).expanduser().resolve().name
    return f"{config.method.class_path.rsplit('.', 1)[-1].lower()}_{name}"


@contextlib.contextmanager
def _claimed(output: Path) -> Iterator[None]:
    """Refuse an unusable output folder before the work and not after it, and hold the run for this process."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output_dir {output} is a file: name a folder")
    check_name(output.name)
    refuse_foreign(output, marker=RECORD, allowed=WORKING_ENTRIES)
    with locked(user_path(run_folder(output))):  # its name may be too long where the set's is not
        yield


def _is_finished(output: Path, method: Method, run: Run) -> bool:
    """Whether the set is there already and only to be gone on with.

    Raises:
        UserError: A finished set would be lost.
    """
    assert run.folder is not None
    # Who began the unfinished run agreed to that.
    if run.overwrite or not (output / RECORD).is_file() or method.is_unfinished(run.folder):
        return False
    same = same_run(DistilledDataset.from_pretrained(output).config, run.config, ("method", "data", "seed"))
    if run.resume and same:
        return True
    raise UserError(
        f"{output} holds a finished set{', made otherwise' if run.resume else ''}: add --overwrite=true to replace it, "
        "or name another --output_dir" + (" (--resume=true goes on with it)" if same else "")
    )


def _summary(real: Data, samples: int, output: Path, seconds: float) -> str:
    spec = real.spec
    ratio = f", {spec.num_rows / samples:.0f} times fewer" if spec.num_rows and spec.num_rows > samples else ""
    what, noun = spec.contents(), format_of(spec.task).noun
    return f"{output}: {samples} {what} from {spec.num_rows or 'a stream of'} {noun}{ratio}, in {seconds:.0f} s"
