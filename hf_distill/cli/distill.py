"""``hf-distill distill``: from a dataset to a distilled one."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from jsonargparse import ArgumentParser

from hf_distill.cli.evaluate import measure
from hf_distill.cli.messages import parse
from hf_distill.cli.parsing import add_data, add_evaluator, as_json, run_folder, write_run_config
from hf_distill.data.base import Data
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import UserError
from hf_distill.hub.publish import check_repo_id
from hf_distill.hub.record import RECORD, WORKING_ENTRIES
from hf_distill.hub.storage import refuse_foreign
from hf_distill.training.method import Method, Run


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill distill",
        description="Distill a dataset. Every option can stand in the YAML file and be overridden on the command line, "
        "nested parts with dots: --method.synthetic.per_class=1. Through `accelerate launch -m hf_distill distill ...` "
        "it runs on any number of processes.",
    )
    parser.add_argument("--config", action="config", help="a YAML file, such as those under configs/")
    parser.add_argument("--output_dir", type=Path | None, default=None, help="default: outputs/<config name>")
    parser.add_argument("--seed", type=int, default=0, help="the seed of all randomness")
    add_data(parser)
    parser.add_subclass_arguments(Method, "method", required=True, help="how to distill")
    add_evaluator(parser)
    parser.add_argument("--evaluate", type=bool, default=False, help="measure the result beside its baselines")
    parser.add_argument("--repo_id", type=str | None, default=None, help="publish the result as this Hub dataset")
    parser.add_argument("--private", type=bool, default=False, help="make the Hub dataset private")
    parser.add_argument("--resume", type=bool, default=False, help="go on from the last checkpoint, if there is one")
    parser.add_argument("--overwrite", type=bool, default=False, help="start over where an unfinished run is found")
    parser.add_argument("--trackers", type=list[str], default=[], help="Accelerate trackers, such as [tensorboard]")
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(argv: list[str]) -> None:
    """Distill, and measure and publish where asked to."""
    parser = build_parser()
    config = parse(parser, argv)
    resolved = as_json(config, "method", "data", "evaluator", "seed")
    output = config.output_dir or Path("outputs") / _name(config)
    if config.repo_id is not None:
        check_repo_id(config.repo_id)
    objects = parser.instantiate(config)
    real, method, evaluator = objects.data, objects.method, objects.evaluator
    # Not PartialState: it does not see ACCELERATE_USE_CPU, and every process on a CPU would be a run of its own.
    main = Accelerator().is_main_process
    if main:
        _check_output(output)
        write_run_config(output, resolved)
    started = time.perf_counter()
    artifact = method.distill(
        real,
        Run(
            folder=run_folder(output),
            seed=config.seed,
            resume=config.resume,
            overwrite=config.overwrite,
            trackers=tuple(config.trackers),
            progress=config.progress,
            config=publishable(resolved),
        ),
    )
    if not main:
        return
    seconds = time.perf_counter() - started
    artifact.save_pretrained(output)
    method.finish(run_folder(output))
    (run_folder(output) / "run.json").write_text(json.dumps({"seconds": seconds}))
    print(_summary(real, len(artifact), output, seconds))
    if config.evaluate:
        artifact = measure(output, real, evaluator, progress=config.progress)
    if config.repo_id is not None:
        print(artifact.push_to_hub(config.repo_id, private=config.private))


def publishable(resolved: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration without what only this machine knows: a local dataset's folder."""
    published = copy.deepcopy(resolved)
    path = Path(published["data"]["init_args"]["path"]).expanduser()
    if path.is_absolute():
        published["data"]["init_args"]["path"] = path.name
    return published


def _name(config: Any) -> str:
    if config.config:
        return Path(str(config.config[-1])).stem
    return f"{config.method.class_path.rsplit('.', 1)[-1].lower()}_{Path(config.data.init_args.path).name}"


def _check_output(output: Path) -> None:
    """Refuse an unusable output folder before the work and not after it."""
    if output.exists() and not output.is_dir():
        raise UserError(f"--output_dir {output} is a file: name a folder")
    refuse_foreign(output, marker=RECORD, allowed=WORKING_ENTRIES)


def _summary(real: Data, samples: int, output: Path, seconds: float) -> str:
    spec = real.spec
    ratio = f", {spec.num_rows / samples:.0f} times fewer" if spec.num_rows else ""
    series = isinstance(spec, SeriesSpec)
    what = f"time steps of {spec.num_channels} channels" if series else f"samples of {spec.num_classes} classes"
    noun = "training time steps" if series else "training samples"
    return f"{output}: {samples} {what} from {spec.num_rows or 'a stream of'} {noun}{ratio}, in {seconds:.0f} s"
