"""What the commands share: groups of options, and the run folder's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace

from hf_distill.allocator import keep_freed_memory
from hf_distill.data.base import Data
from hf_distill.evaluation.base import Evaluator
from hf_distill.hub.about import About
from hf_distill.lazy import import_parts
from hf_distill.networks.cost import find_device

# jsonargparse knows a class by its short name once it is imported.
import_parts()


def add_data(parser: ArgumentParser) -> None:
    """Add ``--data.*``."""
    parser.add_subclass_arguments(Data, "data", help="the real dataset", default={"class_path": "RealData"})


def add_evaluator(parser: ArgumentParser) -> None:
    """Add ``--evaluator.*``."""
    default = {"class_path": "ClassificationEvaluator"}
    parser.add_subclass_arguments(Evaluator, "evaluator", help="how the result is measured", default=default)


def add_trust(parser: ArgumentParser) -> None:
    """Add ``--trust_record``."""
    parser.add_argument(
        "--trust_record",
        type=bool,
        default=False,
        help="let a set's record, or a configuration that came with a set, name code, models and files that are not "
        "hf_distill's: whoever made the set then runs code on this machine",
    )


def add_card(parser: ArgumentParser) -> None:
    """Add ``--card.*``."""
    parser.add_class_arguments(About, "card")


def place(real: Data, device: torch.device | str) -> None:
    """Open the data before the work where that is on the CPU, and let the allocator keep what the work frees.

    The other way round it would keep what reading and decoding free.

    Args:
        real: The data.
        device: Where the work is, or its name as the evaluators understand it.

    Raises:
        UserError: This machine has no such device, or the data cannot be read.
    """
    where = find_device(device) if isinstance(device, str) else device
    if where.type == "cpu":
        real.setup(where)
        keep_freed_memory()


def described(objects: Namespace) -> dict[str, Any]:
    """Return the configuration of a run as its parts describe themselves, JSON: every option is in it.

    Args:
        objects: What :func:`~hf_distill.cli.messages.build` has made.
    """
    return {**{name: objects[name].config() for name in ("method", "data", "evaluator")}, "seed": objects.seed}


def run_folder(output_dir: Path) -> Path:
    """Return the folder beside an artifact that holds its run: configuration, checkpoints, log and previews."""
    return output_dir.with_name(f"{output_dir.name}.run")
