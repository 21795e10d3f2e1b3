"""TextNet: vectors of tokens and their mean over the text, or what a convolution finds in it, and one hidden layer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture, Classifier, FeatureNetwork, Inputs
from hf_distill.networks.tokens import embedded, present
from hf_distill.options import NonNegativeInt, PositiveInt, ShareBelowOne
from hf_distill.seeding import seeded

# Deviation of the vectors at the start: what has not been learned must not drown what has.
_DEVIATION = 0.1
# Vectors where neither the option nor the data tells the vocabulary.
_TOKENS = 4096


class _Mean(nn.Module):
    def __init__(self, tokens: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        nn.init.normal_(self.embedding.weight, std=_DEVIATION)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.hidden(self.dropout(self.pooled(x))))

    def pooled(self, x: Tensor) -> Tensor:
        there = present(x)[..., None]
        return (embedded(self.embedding.weight, x) * there).sum(-2) / there.sum(-2).clamp_min(1)


class _Convolved(_Mean):
    def __init__(self, tokens: int, width: int, hidden: int, dropout: float, window: int) -> None:
        super().__init__(tokens, width, hidden, dropout)
        self.convolution = nn.Conv1d(width, width, window, padding=window // 2)

    def pooled(self, x: Tensor) -> Tensor:
        there = present(x)[..., None]
        vectors = embedded(self.embedding.weight, x) * there
        found = F.relu(self.convolution(vectors.transpose(-1, -2))).transpose(-1, -2)
        return (found * there).amax(-2)  # nothing is below zero: padding is never the greatest


class TextNet(Architecture):
    """A small network for texts: the mean of the tokens' vectors and one hidden layer.

    With a ``window`` a one-dimensional convolution looks at neighbouring tokens instead, and the greatest that it finds
    anywhere in the text counts. Padding counts for nothing.

    Sources: Joulin et al., Bag of Tricks for Efficient Text Classification (EACL 2017), here with a hidden layer; with
    a window, Kim, Convolutional Neural Networks for Sentence Classification (EMNLP 2014), here with one width of it.

    Args:
        tokens: Vectors that there are; null for the data's vocabulary. Numbers of tokens beyond wrap around, so that
            several share a vector (the hashing trick).
        width: Numbers of a vector.
        window: Neighbouring tokens that are looked at together, an odd number; 0 for the mean of single ones.
        hidden: Units of the hidden layer: the features.
        dropout: Share of what enters the hidden layer that is left out in training.

    Examples:
        >>> import torch
        >>> from hf_distill import TextNet
        >>> network = TextNet(tokens=100, width=8).build((16,), 2, seed=0)  # texts of 16 tokens
        >>> network(torch.zeros(3, 16)).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        *,
        tokens: PositiveInt | None = None,
        width: PositiveInt = 64,
        window: NonNegativeInt = 0,
        hidden: PositiveInt = 64,
        dropout: ShareBelowOne = 0.0,
    ) -> None:
        self.tokens = tokens
        self.width = width
        self.window = window
        self.hidden = hidden
        self.dropout = dropout

    @property
    def label(self) -> str:
        """Name in tables."""
        return type(self).__name__ + (f"-{self.window}" if self.window else "")

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        return self._body(shape, self.tokens or _TOKENS)

    def build_for(self, spec: Inputs, seed: int) -> FeatureNetwork:
        """See :class:`Architecture`; knows how many tokens there are."""
        if spec.kind != "text":
            raise UserError(f"TextNet reads texts, not a kind of inputs like {spec.kind}: leave the network out")
        with seeded(seed):
            body = self._body(spec.shape, self.tokens or int(spec.about["tokens"]))
            return Classifier(body, self.hidden, spec.num_outputs)

    def _body(self, shape: tuple[int, ...], tokens: int) -> nn.Module:
        if len(shape) != 1:
            raise UserError(f"TextNet reads texts, not inputs of shape {tuple(shape)}; choose MLP instead")
        if not self.window:
            return _Mean(tokens, self.width, self.hidden, self.dropout)
        if self.window % 2 == 0:
            raise UserError(f"network.window is {self.window}; it must be 0 or an odd number")
        return _Convolved(tokens, self.width, self.hidden, self.dropout, self.window)
