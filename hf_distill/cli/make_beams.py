"""``hf-distill make-beams``: a beam management dataset of one's own scenario."""

from __future__ import annotations

import json
from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.messages import parse
from hf_distill.data.beams import BeamScenario
from hf_distill.errors import UserError
from hf_distill.hub.storage import replace_folder
from hf_distill.hub.tables import write_parquet


def build_parser() -> ArgumentParser:
    """Return the command's parser."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill make-beams",
        description="Simulate 3GPP TR 38.901 channels and write an ordinary dataset: the power of every beam, the "
        "user's place and the best beam. Needs the extra [wireless].",
    )
    parser.add_argument("folder", type=Path, help="the dataset's folder; new or empty")
    parser.add_class_arguments(BeamScenario)
    return parser


def run(argv: list[str]) -> None:
    """Simulate, write parquet files in the Hub's layout and print the folder."""
    parser = build_parser()
    config = parse(parser, argv)
    folder = config.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty: name another folder")
    options = {key: value for key, value in config.items() if key != "folder"}
    scenario = BeamScenario(**options)
    splits = scenario.make()
    with replace_folder(folder, keep=lambda name: False) as stage:
        for name, split in splits.items():
            write_parquet(split, stage / f"{name}-00000-of-00001.parquet")
        (stage / "scenario.json").write_text(json.dumps(scenario.config()["init_args"], indent=2) + "\n")
    beams = scenario.azimuths * scenario.elevations
    print(f"{folder}: {scenario.train} training and {scenario.test} test users, {beams} beams")
