"""What a checkpoint of an optimised set holds, and putting it back."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from hf_distill.runs.checkpoint import load_optimizer


def state_of(parts: dict[str, Any], objective: nn.Module, accelerator: Accelerator) -> dict[str, Any]:
    """Return the state of a run's parts; every rank's objective has a state of its own."""
    state = {name: part.state_dict() for name, part in parts.items()}
    own = [objective.state_dict()]
    return {**state, "objective": gather_object(own) if accelerator.num_processes > 1 else own}


def restore(state: dict[str, Any], parts: dict[str, Any], objective: nn.Module, rank: int) -> None:
    """Put the state back into the parts of a run, whose errors of any kind tell that it is another run's."""
    for name, part in parts.items():
        if isinstance(part, torch.optim.Optimizer):
            load_optimizer(part, state[name])
        else:
            part.load_state_dict(state[name])
    objective.load_state_dict(state["objective"][rank % len(state["objective"])])
