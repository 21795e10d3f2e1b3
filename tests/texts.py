"""Small texts of two classes, which four words tell apart."""

from __future__ import annotations

from datasets import ClassLabel, Dataset, Features, Value

from hf_distill.data import RealData

GOOD, BAD = ("great", "lovely"), ("awful", "boring")
_THINGS = ("film", "story", "song", "play", "book")
_ENDINGS = ("it was", "we saw it", "they say so", "in the end")


def rows(count: int = 40) -> Dataset:
    texts, labels = [], []
    for row in range(count):
        label = row % 2
        word = (BAD, GOOD)[label][row // 2 % 2]
        texts.append(f"A {word} {_THINGS[row % 5]}, {_ENDINGS[row // 3 % 4]}!")
        labels.append(label)
    features = Features({"review": Value("string"), "mood": ClassLabel(names=["bad", "good"])})
    return Dataset.from_dict({"review": texts, "mood": labels}, features=features)


def small_texts(count: int = 40, **options: object) -> RealData:
    options = {"text_length": 12, "vocabulary": 120, **options}
    return RealData.from_dataset(rows(count), rows(count), **options).setup()
