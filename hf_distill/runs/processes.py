"""Several processes must be one run."""

from __future__ import annotations

import os

from accelerate import Accelerator

from hf_distill.errors import UserError


def check_processes(accelerator: Accelerator) -> None:
    """Refuse processes that were launched together and do not see each other: each would be a run of its own.

    Raises:
        UserError: A launcher has set ``WORLD_SIZE``, and Accelerate sees one process, as it does on a CPU.
    """
    launched = os.environ.get("WORLD_SIZE", "1")
    if accelerator.num_processes == 1 and launched.isdecimal() and int(launched) > 1:
        raise UserError(
            f"WORLD_SIZE is {launched} and Accelerate sees one process: on a CPU launch with ACCELERATE_USE_CPU=true "
            "OMP_NUM_THREADS=1 accelerate launch --config_file configs/accelerate/two_cpu_processes.yaml -m hf_distill "
            "..., or unset WORLD_SIZE for a run of one process"
        )
