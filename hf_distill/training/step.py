"""The loss of one training step: of one network, compiled, or of several networks at once."""

from __future__ import annotations

import copy
import types
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from hf_distill.data.batch import weighted_mean
from hf_distill.errors import UserError
from hf_distill.training.losses import Loss

StepLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps inputs ``(K, B, *shape)``, targets ``(K, B, ...)`` and weights ``(K, B)`` of K networks to losses ``(K,)``."""


class CompiledLoss:
    """The loss of one network through ``torch.compile``; all networks of an architecture share one compilation.

    Args:
        network: One of them.
        loss: What is minimised.
        required: Raise where compilation fails, instead of going on without it.
    """

    def __init__(self, network: nn.Module, loss: Loss, required: bool) -> None:
        self.required = required
        self.failed = False
        base = copy.deepcopy(network).to("meta")

        # Weights are arguments: a compiled module would be compiled again for the next one.
        def cost(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, y: Tensor, w: Tensor) -> Tensor:
            return weighted_mean(loss.losses(functional_call(base, (parameters, buffers), (x,)), y), w)

        # torch counts compilations by code object and gives up after eight: every architecture gets its own.
        code = cost.__code__.replace(co_name=f"loss_of_{type(network).__name__}")
        own = types.FunctionType(code, cost.__globals__, code.co_name, None, cost.__closure__)
        self._compiled = torch.compile(own, dynamic=False)

    def of(self, network: nn.Module, plain: StepLoss) -> StepLoss:
        """Return the compiled loss of a network, which turns into ``plain`` where it cannot be compiled."""
        parameters = dict(network.named_parameters())
        buffers = dict(network.named_buffers())

        def loss(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
            if self.failed:
                return plain(x, y, w)
            try:
                return self._compiled(parameters, buffers, x[0], y[0], w[0]).unsqueeze(0)
            except torch._dynamo.exc.TorchDynamoException as error:
                reason = str(error).splitlines()[0]
                if self.required:
                    raise UserError(f"torch.compile failed: {reason}; set evaluator.compile to auto") from error
                # An optimisation must not cost the run.
                self.failed = True
                warnings.warn(f"torch.compile failed, training goes on without it: {reason}", stacklevel=2)
                return plain(x, y, w)

        return loss


def single_loss(
    network: nn.Module, loss: Loss, compiled: CompiledLoss | None = None
) -> tuple[dict[str, Tensor], StepLoss]:
    """Return the parameters and the loss of one network."""

    def plain(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        return weighted_mean(loss.of(network, x[0], y[0]), w[0]).unsqueeze(0)

    return dict(network.named_parameters()), plain if compiled is None else compiled.of(network, plain)


def stacked_loss(networks: Sequence[nn.Module], loss: Loss) -> tuple[dict[str, Tensor], dict[str, Tensor], StepLoss]:
    """Return stacked parameters ``(K, ...)``, stacked buffers and the loss of K networks of one architecture."""
    stacked, buffers = stack_module_state(list(networks))
    parameters = {name: value.detach().requires_grad_() for name, value in stacked.items()}
    base = copy.deepcopy(networks[0]).to("meta")

    def logits(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(base, (parameters, buffers), (x,))

    forward = torch.vmap(logits, randomness="different")

    def cost(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        every = loss.of(lambda own: forward(parameters, buffers, own).flatten(0, 1), x, y.flatten(0, 1))
        return weighted_mean(every.view(w.shape), w)

    return parameters, buffers, cost


@torch.no_grad()
def unstack(stacked: dict[str, Tensor], networks: Sequence[nn.Module]) -> None:
    """Copy stacked parameters and buffers into their networks."""
    for k, network in enumerate(networks):
        own = network.state_dict()
        for name, value in stacked.items():
            own[name].copy_(value[k])
