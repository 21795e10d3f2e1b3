"""FreshCopies: a module as a function that makes others like it."""

from __future__ import annotations

from copy import deepcopy

from torch import nn

from hf_distill.errors import UserError


class FreshCopies:
    """Makes copies of a module whose weights are drawn anew, by the ``reset_parameters`` of its layers.

    Args:
        network: The module; it is left as it is.

    Raises:
        UserError: It has parameters or running statistics that no layer draws anew.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        for name, layer in network.named_modules():
            own = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
            if own and not hasattr(layer, "reset_parameters"):
                place = f"{name}.{own[0][0]}".strip(".")
                raise UserError(
                    f"{type(network).__name__} has {place!r}, which no reset_parameters() draws anew: give its class, "
                    "or a function that makes it, and not the module"
                )

    def __call__(self) -> nn.Module:
        """Return a copy."""
        copy = deepcopy(self.network)
        for layer in copy.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()  # type: ignore[operator]
        return copy
