"""What the commands do with what they have parsed: open the data, and describe a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import torch
from jsonargparse import Namespace

from hf_distill.allocator import keep_freed_memory
from hf_distill.cli.yaml_files import joined
from hf_distill.configurations import configurations
from hf_distill.data.base import Data
from hf_distill.hub.private import without_private_paths
from hf_distill.networks.cost import find_device


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


def said_command(name: str, argv: Sequence[str]) -> str:
    """Return a command line as a card shows it: every local path has lost all but its last part.

    Args:
        name: The command.
        argv: The words after it; names of configurations may be the paths of these.

    >>> said_command("sweep", ["--data.path", "/data/x.csv", "--seed=1", "--output_dir=/tmp/out"])
    'hf-distill sweep --data.path=x.csv --seed=1 --output_dir=out'
    """
    shipped = {str(path): known for known, path in configurations().items()}
    words = []
    for word in joined(list(argv)):
        option, sign, value = word.partition("=")
        words.append(option + sign + (shipped.get(value) or without_private_paths(value, option.rpartition(".")[2])))
    return shlex.join(["hf-distill", name, *words])
