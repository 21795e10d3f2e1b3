"""What networks for texts share: vectors of tokens, whose numbers are given, or of which there is a share of each."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: The number of what fills short texts up to the common length.
PADDING = 0


def embedded(weight: Tensor, x: Tensor) -> Tensor:
    """Return the vectors of tokens, ``(B, L, width)``.

    Args:
        weight: A vector for each token, ``(V, width)``; numbers beyond wrap around.
        x: Numbers of tokens ``(B, L)``, whole ones of any type; or shares of each token ``(B, L, tokens)``, one-hot
            where a text is exactly that, which have a gradient.
    """
    if x.dim() == 2:
        return F.embedding(x.long() % len(weight), weight)
    tokens = x.shape[-1]
    rows = weight[:tokens] if tokens <= len(weight) else weight[torch.arange(tokens, device=x.device) % len(weight)]
    return x @ rows


def present(x: Tensor) -> Tensor:
    """Return how much of a token is at each place, ``(B, L)``: 1, or 0 where there is padding."""
    return (x != PADDING).to(torch.float32) if x.dim() == 2 else 1 - x[..., PADDING]
