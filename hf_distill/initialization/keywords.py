"""KeywordSamples: the words that tell most of a class, each a text of its own."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.kinds.text import TextKind
from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.options import PositiveInt
from hf_distill.seeding import Streams

# Texts whose tokens are counted at once.
_ROWS = 4096


class KeywordSamples(InitialSamples[RealData]):
    """Texts of one word or a few: those by which the training texts of a class are told from the others.

    A text is mostly words that say nothing of its class, and costs bytes for all of them. The words that tell most for
    their bytes are far more of a class in as many bits. Ours; nothing is learned.

    A word tells ``p(w) sum_c p(c | w) log(p(c | w) / p(c))`` of the class (its part of the mutual information), where
    p(w) is the share of texts that it is in; its class is the one that it makes likelier by the greatest factor. A text
    with several labels counts for each of them, and a text of words has one.

    Args:
        words: Words of a text. On AG News a network that looks at neighbours learns far more from four than from one,
            and one that takes a mean as much.
        measure: What words are ranked by: what they tell (``plain``), or what they tell ``per_byte`` that they take.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import KeywordSamples, RealData, TokenSet, Undistilled
        >>> texts = ["a fine film", "a fine book", "a dull film", "a dull book"]
        >>> real = RealData.from_dataset(Dataset.from_dict({"text": texts, "label": ["+", "+", "-", "-"]}))
        >>> words = Undistilled(synthetic=TokenSet(per_class=1), initial=KeywordSamples(words=1)).distill(real)
        >>> words.to_dataset()["text"][:]
        ['fine', 'dull']
    """

    def __init__(self, *, words: PositiveInt = 4, measure: Literal["plain", "per_byte"] = "plain") -> None:
        self.words = words
        self.measure = measure

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: The data holds no texts, or a class has too few words of its own.
        """
        spec = real.spec
        if spec.kind != "text":
            raise UserError(f"KeywordSamples are texts, and the data holds {spec.form.plural}: choose RealSamples")
        if not spec.classes:
            raise UserError("KeywordSamples tell classes or labels, and the data has neither: choose RealSamples")
        if self.words > spec.shape[0]:
            raise UserError(f"initial.words is {self.words}; networks see {spec.shape[0]} tokens (data.text_length)")
        told, owner = telling(real)
        if self.measure == "per_byte":
            told = told / (_bytes(spec) + 1)
        told = told.where(_whole(spec), torch.tensor(-torch.inf, dtype=told.dtype))
        x, labels = [], []
        for label, count in enumerate(_counts(real, size)):
            own = ((owner == label) & (told > 0)).nonzero()[:, 0]
            best = own[told[own].argsort(descending=True, stable=True)][: count * self.words]
            if len(best) < count * self.words:
                raise UserError(
                    f"class {spec.classes[label]!r} has {len(best)} words of its own, fewer than {count * self.words}: "
                    "ask for fewer samples a class, or raise --data.vocabulary"
                )
            # The best words begin the texts, so that each has one of them.
            texts = torch.zeros(count, spec.shape[0])
            texts[:, : self.words] = best.view(self.words, count).T.float()
            x.append(texts)
            labels += [label] * count
        device = real.train.device
        y = torch.tensor(labels, device=device)
        y = y if spec.target == "classes" else torch.nn.functional.one_hot(y, len(spec.classes)).float()
        return Batch.of(torch.cat(x).to(device), y)


def _counts(real: RealData, size: int) -> list[int]:
    """Return how many samples each class has, or each label: of these the whole set has ``size``."""
    groups = len(real.spec.classes)
    if real.spec.target != "classes":
        return [(size + place) // groups for place in reversed(range(groups))]
    # Of words there are as many as there are, whatever the rows of their class.
    return [size] * groups if real.class_balance == "equal" else real.quota(size)


def telling(real: RealData) -> tuple[Tensor, Tensor]:
    """Return how much each token tells of the class, ``(tokens,)`` float64, and which one it tells of."""
    spec = real.spec
    tokens, groups = int(spec.about["tokens"]), len(spec.classes)
    counts = torch.zeros(groups * tokens, dtype=torch.float64)
    if spec.target == "classes":
        every, labels = torch.arange(len(real.train)), real.train.labels
    else:
        every, labels = real.train.targets.nonzero(as_tuple=True)
    for rows, own in zip(every.split(_ROWS), labels.split(_ROWS), strict=True):
        ids = real.train.raw(rows).long().cpu().sort(1).values
        # A token counts once in a text.
        first = torch.ones_like(ids, dtype=torch.bool)
        first[:, 1:] = ids[:, 1:] != ids[:, :-1]
        places = own[:, None] * tokens + ids
        counts += torch.bincount(places[first], minlength=len(counts))
    counts = counts.view(groups, tokens)
    counts[:, 0] = 0  # padding
    texts = torch.bincount(labels, minlength=groups).double()
    share = counts / texts[:, None].clamp_min(1)
    prior = texts / texts.sum().clamp_min(1)
    # A text more of every class, in its share: a word that is in one text tells little.
    given = (counts + prior[:, None]) / (counts.sum(0) + 1)
    ratio = given / prior[:, None].clamp_min(1e-12)
    told = (share * prior[:, None]).sum(0) * (given * ratio.clamp_min(1e-12).log()).sum(0)
    return told, ratio.argmax(0)


def _bytes(spec: DataSpec) -> Tensor:
    return torch.tensor([len(text.encode()) for text in _written(spec)], dtype=torch.float64)


def _whole(spec: DataSpec) -> Tensor:
    """Return which tokens are words: those that, written out, are read as themselves again."""
    texts = TextKind.texts(spec)
    written = _written(spec)
    again = texts.encode(written, spec.shape[0])
    alone = np.zeros_like(again)
    alone[:, 0] = np.arange(len(again))
    letters = np.array([any(character.isalnum() for character in text) for text in written])
    return torch.from_numpy((again == alone).all(1) & letters)


def _written(spec: DataSpec) -> list[str]:
    return TextKind.texts(spec).decode(np.arange(int(spec.about["tokens"]))[:, None])
