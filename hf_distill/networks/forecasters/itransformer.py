"""iTransformer: every channel is one token, and attention runs over the channels."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hf_distill.errors import UserError
from hf_distill.networks.forecasters.base import Forecaster, Normalized
from hf_distill.options import Depth, Range, ShareBelowOne, Width


class ITransformer(Forecaster):
    """iTransformer (Liu et al., Inverted Transformers Are Effective for Time Series Forecasting, ICLR 2024).

    The defaults are those of the authors' scripts for the ETT series but for the width, 128 where they take 256 for
    ETTh1 and 128 for ETTm1.

    Args:
        width: Of a token.
        hidden: Of the feed-forward layer.
        layers: Encoder layers.
        heads: Attention heads; they divide the width.
        dropout: Share of what is dropped in training.

    Examples:
        >>> import torch
        >>> from hf_distill import ITransformer
        >>> network = ITransformer(width=32, hidden=32, heads=4).build(lookback=96, horizon=24, channels=7, seed=0)
        >>> network(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(
        self,
        *,
        width: Width = 128,
        hidden: Width = 128,
        layers: Depth = 2,
        heads: Annotated[int, Range(1, 1024)] = 8,
        dropout: ShareBelowOne = 0.1,
    ) -> None:
        self.width = width
        self.hidden = hidden
        self.layers = layers
        self.heads = heads
        self.dropout = dropout

    @property
    def label(self) -> str:
        """Name in tables."""
        return "iTransformer"

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        if self.width % self.heads:
            raise UserError(f"ITransformer.heads is {self.heads}; it must divide the width, {self.width}")
        blocks = [_Block(self.width, self.hidden, self.heads, self.dropout) for _ in range(self.layers)]
        return Normalized(
            nn.Sequential(
                nn.Linear(lookback, self.width),
                nn.Dropout(self.dropout),
                *blocks,
                nn.LayerNorm(self.width),
                nn.Linear(self.width, horizon),
            )
        )


class _Block(nn.Module):
    """Encoder layer with the norms behind the sums; ``(B, N, width)`` to the same."""

    def __init__(self, width: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        p = self.dropout if self.training else 0.0
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        # Written out and not fused: distillation differentiates twice.
        attention = torch.softmax(q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5, -1)
        mixed = (F.dropout(attention, p) @ v).transpose(1, 2).reshape(b, n, d)
        x = self.norm1(x + F.dropout(self.out(mixed), p))
        h = F.dropout(F.gelu(self.up(x)), p)
        return self.norm2(x + F.dropout(self.down(h), p))
