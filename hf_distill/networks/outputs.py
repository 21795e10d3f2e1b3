"""Outputs: which entries of a parameter feed which output of its layer."""

from __future__ import annotations

import math

from torch import Tensor, nn

Axes = tuple[int, ...]
"""Dimensions of a parameter that number the outputs of its layer; the others number what enters it."""

_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.modules.batchnorm._NormBase)


def output_axes(network: nn.Module) -> dict[str, Axes]:
    """Return the axes of every parameter by its name, none for biases, norms and single numbers.

    A weight matrix or a convolution kernel has its outputs in front. A module of one's own whose parameters are laid
    out otherwise says so in an attribute ``output_axes``, a dictionary from their names to axes.

    Args:
        network: Any module.
    """
    found: dict[str, Axes] = {}
    for prefix, module in network.named_modules():
        for path, parameter in module.named_parameters(prefix, recurse=False):
            found[path] = _axes(module, path.rpartition(".")[2], parameter)
    return {name: found[name] for name, _ in network.named_parameters()}


def by_output(value: Tensor, axes: Axes) -> Tensor:
    """Return a parameter, or its gradient, with one row for each output, ``(outputs, inputs)``."""
    count = math.prod(value.shape[axis] for axis in axes)
    return value.movedim(axes, tuple(range(len(axes)))).reshape(count, -1)


def _axes(module: nn.Module, name: str, parameter: Tensor) -> Axes:
    own = getattr(module, "output_axes", {})
    if name in own:
        return own[name]
    if isinstance(module, _NORMS) or parameter.dim() < 2:
        return ()
    # Of a transposed convolution, or of a table of vectors, the inputs are in front.
    swapped = isinstance(module, (nn.modules.conv._ConvTransposeNd, nn.Embedding))
    return (1,) if swapped else (0,)
