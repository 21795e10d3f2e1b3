"""What is kept of the training of one network, so that it can go on after an interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from hf_distill.training.watch import Watch

State = dict[str, Any]
"""What a checkpoint holds: tensors and plain values."""


class Keeper(Protocol):
    """Keeps the state of one training."""

    def begin(self, restore: Callable[[State], object]) -> int:
        """Return the step to go on from, after giving ``restore`` the state that was kept; 0 where there is none."""

    def step(self, done: int, state: Callable[[], State]) -> None:
        """Called after every step, with what returns the present state.

        Raises:
            Interrupted: The training is to stop here.
        """


class TrainingState:
    """The state of one network's training.

    The order of an epoch, augmentation and dropout go on from a state of their generators, which it holds: the order of
    an epoch is drawn once, at its beginning, so that state is kept too.

    Args:
        network: What is trained.
        optimizer: Of its weights.
        generator: Of the order of samples and of augmentation.
        watch: The losses until now.
        device: Where it is trained; layers that draw for themselves use its global generator.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        watch: Watch,
        device: torch.device,
    ) -> None:
        self._parts: dict[str, Any] = {"network": network, "optimizer": optimizer, "watch": watch}
        self._generator = generator
        self._device = device
        self._drawn = self._epoch = generator.get_state()

    def begin_epoch(self) -> None:
        """Note the generator before the order of an epoch is drawn from it."""
        self._epoch = self._generator.get_state()

    def get(self) -> State:
        """Return it."""
        drawn = {"epoch": self._epoch, "drawn": self._generator.get_state(), "layers": torch.get_rng_state()}
        if self._device.type == "cuda":
            drawn["layers_on_device"] = torch.cuda.get_rng_state(self._device)
        return {name: part.state_dict() for name, part in self._parts.items()} | drawn

    def set(self, state: State) -> None:
        """Put a state back, and the generator to the beginning of its epoch; :meth:`go_on` follows."""
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["layers"])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state["layers_on_device"], self._device)
        self._epoch, self._drawn = state["epoch"], state["drawn"]
        self._generator.set_state(self._epoch)

    def go_on(self) -> None:
        """Put the generator where it was, now that the batches of the epoch that are done have been drawn again."""
        self._generator.set_state(self._drawn)
