"""The work of ``hf-distill evaluate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hf_distill.cli.evaluate import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.cli.parsing import run_folder
from hf_distill.cli.placing import place
from hf_distill.cli.records import check_configurations, check_record, run_config, trusts
from hf_distill.cli.yaml_files import joined, words_of
from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.evaluation.base import Evaluator
from hf_distill.evaluation.result import Evaluation
from hf_distill.files import user_path
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.older import upgraded
from hf_distill.hub.record import RECORD
from hf_distill.hub.spec_checks import ROWS, SERIES
from hf_distill.methods.start import read_start
from hf_distill.text import coloured

# What sets are measured by whose record does not say it; ``ClassificationEvaluator`` measures the others.
_EVALUATORS = {SERIES: "ForecastingEvaluator", ROWS: "RowsEvaluator"}


def run(argv: list[str]) -> None:
    """Measure and print the table; of a set in a folder, write evaluation.json and the card."""
    check_configurations(argv)
    parser = build_parser()
    places = sets_in(argv)
    artifact = DistilledDataset.from_pretrained(places[0]) if places else None
    if artifact is not None:
        parser.set_defaults(known(artifact, argv))
    config = parse(parser, argv)
    folder = user_path(config.folder)
    if artifact is None:
        artifact = DistilledDataset.from_pretrained(config.folder)
    objects = build(parser, config)
    evaluator = objects.evaluator.quick() if config.quick else objects.evaluator
    if artifact.folder is None:
        print(measured(artifact, objects.data, evaluator, config.progress))
        print(f"{config.folder} is left as it is: its numbers are those of its own card")
    else:
        measure(folder, objects.data, evaluator, progress=config.progress, alone=config.overwrite)


def sets_in(argv: Sequence[str]) -> list[str]:
    """Return the words of a command line that name sets."""
    return [word for word in joined(list(argv)) if not word.startswith("-") and _is_set(word)]


def _is_set(word: str) -> bool:
    """Whether a word of a command line names a set: its folder, or the Hub's namespace/name."""
    folder = user_path(word)
    return (folder / RECORD).is_file() or (word.count("/") == 1 and not folder.exists() and not word.startswith("."))


def recorded(artifact: DistilledDataset, words: Sequence[str] = (), replaced: Sequence[str] = ()) -> Any:
    """Return data and evaluator as a set's record describes them.

    Args:
        artifact: The set.
        words: Of a command line that says otherwise.
        replaced: Options of the evaluator that are left out, whatever the record says of them.

    Raises:
        UserError: The record names what is not hf_distill's.
    """
    parser = build_parser()
    parser.set_defaults(known(artifact, list(words), replaced))
    return build(parser, parse(parser, [str(artifact.folder or "."), *words]))


def known(artifact: DistilledDataset, argv: list[str], replaced: Sequence[str] = ()) -> dict[str, Any]:
    """Return descriptions of data and protocol as the set's record has them, before the command line is read.

    Raises:
        UserError: The record names what is not hf_distill's, the options do not replace it and it is not trusted.
    """
    config = artifact.config
    if artifact.folder is not None:
        config = run_config(artifact.folder, config) or config
    known = {key: upgraded(config[key]) for key in ("data", "evaluator") if config.get(key) is not None}
    if "evaluator" not in known and artifact.spec.task in _EVALUATORS:
        known["evaluator"] = {"class_path": _EVALUATORS[artifact.spec.task]}
    options = known.get("evaluator", {}).get("init_args") or {}
    for name in replaced:
        options.pop(name, None)
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


def measured(artifact: DistilledDataset, real: Data, evaluator: Evaluator, progress: bool) -> Evaluation:
    """Return what a set is worth, beside what its method started from where its run folder has that."""
    place(real, evaluator.device)
    start = None if artifact.folder is None else read_start(run_folder(artifact.folder), artifact.config)
    return evaluator.evaluate(artifact, real, progress=progress, start=start)


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
    evaluation = measured(artifact, real, evaluator, progress)
    artifact.add_evaluation(evaluation.to_dict(), evaluation.pictures, alone=alone)
    print(str(evaluation).replace("WORSE", coloured("WORSE", "red", sys.stdout)))
    return artifact
