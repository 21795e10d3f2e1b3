"""The work of ``hf-distill evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hf_distill.cli.evaluate import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import run_folder
from hf_distill.cli.placing import place
from hf_distill.cli.records import check_configurations, check_record, run_config, trusts
from hf_distill.cli.yaml_files import words_of
from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.files import user_path
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.older import upgraded
from hf_distill.hub.record import RECORD
from hf_distill.methods.start import read_start


def run(argv: list[str]) -> None:
    """Measure, write evaluation.json and the card, and print the table."""
    parser = build_parser()
    check_configurations(argv)
    known = _folder_config(argv)
    if known is not None:
        parser.set_defaults({key: known[key] for key in ("data", "evaluator") if key in known})
    config = parse(parser, argv)
    folder = user_path(config.folder)
    if not folder.is_dir():
        raise UserError(f"no folder {config.folder}")
    objects = build(parser, config)
    evaluator = objects.evaluator.quick() if config.quick else objects.evaluator
    measure(folder, objects.data, evaluator, progress=config.progress, alone=config.overwrite)


def _folder_config(argv: list[str]) -> dict[str, Any] | None:
    """Return data and protocol as the set's record has them, before the command line is read; None without a set.

    Raises:
        UserError: The record names what is not hf_distill's, the options do not replace it and it is not trusted.
    """
    folders = [user_path(word) for word in argv if not word.startswith("-")]
    folder = next((folder for folder in folders if (folder / RECORD).is_file()), None)
    if folder is None:
        return None
    recorded = DistilledDataset.from_pretrained(folder).config
    config = run_config(folder, recorded) or recorded
    known = {key: upgraded(config[key]) for key in ("data", "evaluator") if config.get(key) is not None}
    if trusts(argv):
        return known
    for key in list(known):
        try:
            check_record(known[key], key)
        except UserError:
            if not words_of(argv, f"--{key}"):
                raise
            del known[key]  # the user names another
    return known


def measure(
    folder: Path, real: Data, evaluator: Evaluator, progress: bool = True, alone: bool = False
) -> DistilledDataset:
    """Evaluate the artifact in a folder, keep the result with it, print the table and return the artifact.

    Args:
        folder: Where it is.
        real: The data that it was made from.
        evaluator: How it is measured.
        progress: Show progress bars.
        alone: Forget what was measured by other protocols.
    """
    artifact = DistilledDataset.from_pretrained(folder)
    place(real, evaluator.device)
    start = read_start(run_folder(folder), artifact.config)
    evaluation = evaluator.evaluate(artifact, real, progress=progress, start=start)
    artifact.add_evaluation(evaluation.to_dict(), evaluation.pictures, alone=alone)
    print(evaluation)
    return artifact
