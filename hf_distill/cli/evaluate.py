"""``hf-distill evaluate``: what a distilled dataset is worth, beside its baselines."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.cli.parsing import add_data, add_evaluator, read_run_config
from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.hub.artifact import DistilledDataset


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill evaluate",
        description="Train fresh networks on a distilled dataset, as it is published, and on random real samples of "
        "the same size in bits; write evaluation.json and the card. Data and protocol are those of the run that made "
        "the set; every option overrides one of them.",
    )
    parser.add_argument("folder", type=Path, help="the distilled dataset's folder")
    parser.add_argument("--config", action="config", help="a YAML file with data and evaluator")
    add_data(parser)
    add_evaluator(parser)
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(argv: list[str]) -> None:
    """Measure, write evaluation.json and the card, and print the table."""
    parser = build_parser()
    folder = next((Path(word) for word in argv if (Path(word) / "distillation.json").is_file()), None)
    if folder is not None:
        recorded = read_run_config(folder) or DistilledDataset.from_pretrained(folder).config
        parser.set_defaults({key: recorded[key] for key in ("data", "evaluator") if key in recorded})
    config = parse(parser, argv)
    if folder is None and not config.folder.is_dir():
        raise UserError(f"no folder {config.folder}")
    objects = parser.instantiate(config)
    measure(config.folder, objects.data, objects.evaluator, progress=config.progress)


def measure(folder: Path, real: Data, evaluator: Evaluator, progress: bool = True) -> DistilledDataset:
    """Evaluate the artifact in a folder, keep the result with it, print the table and return the artifact."""
    artifact = DistilledDataset.from_pretrained(folder)
    evaluation = evaluator.evaluate(artifact, real, progress=progress)
    artifact.add_evaluation(evaluation.to_dict(), evaluation.pictures)
    print(evaluation)
    return artifact
