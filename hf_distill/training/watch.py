"""Watch: tells networks that have diverged, which would count as a result."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hf_distill.errors import DivergenceError
from hf_distill.training.recipe import Recipe

# A network whose loss in the last epoch is so many times that of guessing has not learned badly: it has diverged.
_FACTOR = 10


class Watch:
    """Keeps the losses of networks that train together, without waiting for them before it looks.

    Args:
        names: What each network is, for an error.
        recipe: How they are trained.
    """

    def __init__(self, names: Sequence[str], recipe: Recipe, device: torch.device) -> None:
        self.names = names
        self.recipe = recipe
        # Sums over the steps; those of the last epoch with the weights of its samples, and those of the first step.
        self._total = torch.zeros(len(names), device=device)
        self._last: tuple[Tensor, Tensor] | None = None
        self._first: tuple[Tensor, Tensor] | None = None

    def begin(self, epoch: int) -> None:
        """Begin an epoch, counted from 0."""
        if epoch + 1 == self.recipe.total_epochs:
            self._last = torch.zeros_like(self._total), torch.zeros_like(self._total)

    def step(self, losses: Tensor, w: Tensor) -> None:
        """Take a step's losses ``(K,)`` and the weights of its samples ``(K, B)``."""
        if self._first is None:
            self._first = losses, w.mean(1)
        self._total += losses
        if self._last is not None:
            self._last = self._last[0] + losses, self._last[1] + w.mean(1)

    def check(self, epoch: int) -> None:
        """Look at the losses until the end of an epoch, counted from 1.

        Raises:
            DivergenceError: One was not finite.
        """
        bad = (~self._total.isfinite()).nonzero().flatten().tolist()
        if not bad or self._first is None:
            return
        k = bad[0]
        if not self._first[0][k].isfinite():
            raise DivergenceError(
                f"{self.names[k]}: the training loss is not finite before the first update, where recipe.lr has had no "
                "effect: look at the values that it is trained on"
            )
        raise DivergenceError(
            f"{self.names[k]}: the training loss is not finite by epoch {epoch} of {self.recipe.total_epochs}: "
            f"{self._remedy()}"
        )

    @torch.no_grad()
    def check_end(self, networks: Sequence[nn.Module], sample: Tensor) -> None:
        """Look at the networks, in evaluation mode, after their last update.

        Args:
            networks: Networks in the order of their names.
            sample: An input ``(1, *shape)``.

        Raises:
            DivergenceError: Weights of one are not finite; or its loss in the last epoch is ten times that of guessing
                evenly, which is ``log C`` for C classes and at most that for soft labels.
        """
        sizes = torch.stack([_size(network) for network in networks])
        for name, finite in zip(self.names, sizes.isfinite().tolist(), strict=True):
            if not finite:
                raise DivergenceError(f"{name}: the weights are not finite after training: {self._remedy()}")
        if self._first is None or self._last is None:
            return
        guessing = math.log(max(networks[0](sample).shape[-1], 2))
        loss, first = (total / weight for total, weight in (self._last, self._first))
        for name, own, start in zip(self.names, loss.tolist(), first.tolist(), strict=True):
            if own > _FACTOR * guessing:
                began = f"it was {start:.3g} at first: train longer, or look at the values that it is trained on"
                raise DivergenceError(
                    f"{name}: the training loss is {own:.3g} in the last epoch, and guessing costs {guessing:.3g}: "
                    f"{self._remedy() if own > start else began}"
                )

    def _remedy(self) -> str:
        return f"lower recipe.lr (now {self.recipe.lr})"


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
            raise DivergenceError(
                f"{name}: its outputs on the test data are not finite: lower recipe.lr (now {recipe.lr})"
            )
