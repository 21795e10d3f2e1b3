"""Watch: tells networks that have diverged, which would count as a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.errors import DivergenceError
from hf_distill.training.recipe import Recipe


class Watch:
    """Keeps the losses of networks that train together, without waiting for them before it looks.

    Args:
        names: What each network is, for an error.
        recipe: How they are trained.
        steps: Steps of the training.
        last: Steps of its end, over which the loss is taken that is compared with that of guessing: an epoch.
        device: Where they train.
    """

    def __init__(self, names: Sequence[str], recipe: Recipe, steps: int, last: int, device: torch.device) -> None:
        self.names = names
        self.recipe = recipe
        self.steps = steps
        self._from = steps - last
        self._done = 0
        # Sums over the steps; those of the end with the weights of its samples, and those of the first step.
        self._total = torch.zeros(len(names), device=device)
        self._end = torch.zeros_like(self._total), torch.zeros_like(self._total)
        self._first: tuple[Tensor, Tensor] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen until now."""
        return {"done": self._done, "total": self._total, "end": self._end, "first": self._first}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
        device = self._total.device
        self._done, self._total = state["done"], state["total"].to(device)
        loss, weight = state["end"]
        self._end = loss.to(device), weight.to(device)
        if state["first"] is not None:
            loss, weight = state["first"]
            self._first = loss.to(device), weight.to(device)

    def step(self, losses: Tensor, w: Tensor) -> None:
        """Take a step's losses ``(K,)`` and the weights of its samples ``(K, B)``."""
        if self._first is None:
            self._first = losses, w.mean(1)
        self._total += losses
        if self._done >= self._from:
            self._end = self._end[0] + losses, self._end[1] + w.mean(1)
        self._done += 1

    def check(self) -> None:
        """Look at the losses until now.

        Raises:
            DivergenceError: One was not finite.
        """
        bad = (~self._total.isfinite()).nonzero().flatten().tolist()
        if not bad or self._first is None:
            return
        k = bad[0]
        if not self._first[0][k].isfinite():
            raise DivergenceError(
                f"{self.names[k]}: the training loss is not finite before the first update, where the learning rate "
                "has had no effect: look at the values that it is trained on"
            )
        raise DivergenceError(
            f"{self.names[k]}: the training loss is not finite by step {self._done} of {self.steps}: {self._remedy()}"
        )

    @torch.no_grad()
    def check_end(self, networks: Sequence[nn.Module], x: Tensor, y: Tensor) -> None:
        """Look at the networks, in evaluation mode, after their last update.

        Args:
            networks: Networks in the order of their names.
            x: Some inputs ``(B, *shape)``.
            y: Their targets.

        Raises:
            DivergenceError: Weights of one are not finite; or its loss in the last epoch is many times that of
                guessing, as its recipe's loss has it.
        """
        sizes = torch.stack([_size(network) for network in networks])
        for name, finite in zip(self.names, sizes.isfinite().tolist(), strict=True):
            if not finite:
                raise DivergenceError(f"{name}: the weights are not finite after training: {self._remedy()}")
        if self._first is None:
            return
        guessing = self.recipe.loss.guessing(networks[0](x[:1]), y)
        loss, first = (total / weight for total, weight in (self._end, self._first))
        for name, own, start in zip(self.names, loss.tolist(), first.tolist(), strict=True):
            if own > self.recipe.loss.limit * guessing:
                began = f"it was {start:.3g} at first: train longer, or look at the values that it is trained on"
                raise DivergenceError(
                    f"{name}: the training loss is {own:.3g} in the last epoch, and guessing costs {guessing:.3g}: "
                    f"{self._remedy() if own > start else began}"
                )

    def _remedy(self) -> str:
        return remedy(self.recipe)


def remedy(recipe: Recipe) -> str:
    """Return what to do when a training has diverged."""
    return f"lower recipe.optimizer.lr (now {recipe.lr})"


def _size(network: nn.Module) -> Tensor:
    """Return the largest absolute weight, which is not finite where one is not."""
    sizes = [weight.abs().amax().float() for weight in network.parameters() if weight.numel()]
    return torch.stack(sizes).amax() if sizes else torch.zeros(())


def check_outputs(names: Sequence[str], outputs: Sequence[Tensor], recipe: Recipe) -> None:
    """Refuse outputs that are not finite: their largest would be counted as class 0.

    Args:
        names: What each network is.
        outputs: Its outputs on the test data.
        recipe: How all were trained.

    Raises:
        DivergenceError: Outputs of one are not finite.
    """
    for name, own in zip(names, outputs, strict=True):
        if not own.isfinite().all():
            raise DivergenceError(f"{name}: its outputs on the test data are not finite: {remedy(recipe)}")
