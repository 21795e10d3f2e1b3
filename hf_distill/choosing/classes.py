"""What is made of samples with classes or values: which method, how many of each class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from hf_distill.choosing.choice import Choice, stem_of
from hf_distill.choosing.networks import chosen_network, evaluator_words, seconds_of, usual_augment, word
from hf_distill.choosing.size import Size
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.networks.convnet import ConvNet

# Where nothing is said of the size: a hundredth of the rows, and at most so many samples of a class.
_SHARE, _MOST = 0.01, 10
# Samples of a class up to which images are learned (docs/selection.md): they beat the best coreset at 1 and 2 a class
# (FashionMNIST 74.3 against 67.3; digits 95.1 and 96.4 against 87.3 and 92.4), and at 10 in networks in training, which
# want a GPU (82.4 against 80.6); between 2 and 10 nothing was measured. On a CPU, and on a GPU.
_LEARNED, _LEARNED_GPU = 5, 10
# Rows with real values up to which vectors are learned (diabetes, 10 rows: .298 against .238).
_LEARNED_VALUES = 10
# Of the configurations that are taken: steps of matching, looks at a sample in a step, and steps between two looks at
# real ones; and training steps of a network that features are made by.
_FAST, _SNAPSHOTS = (150, 1, 45), (1000, 40, 25)
_FEATURE_STEPS = 500
_VALUE_SECONDS = 18
# About what a text of four words takes, with its end.
_WORDS_BITS = 8 * 30


@dataclass(frozen=True)
class Made:
    """How a set is made.

    Attributes:
        config: The name of a configuration.
        options: What is changed in it.
        method: A short name.
        because: What the method is, and why it is taken.
        seconds: About how long it takes.
        count: Samples of each class.
    """

    config: str
    options: list[str]
    method: str
    because: str
    seconds: float
    count: int


def for_classes(real: RealData, size: Size, device: torch.device) -> Choice:
    """Choose for samples.

    Raises:
        UserError: The size is more than there is, or less than a sample of each class.
    """
    spec = real.spec
    bits = math.prod(spec.shape) * spec.bits_per_value + spec.bits_per_label
    per_class, why = _per_class(real, size, bits)
    words, network = chosen_network(real, device)
    make = _METHODS.get((spec.kind, spec.target), _METHODS.get(spec.kind, _coreset))
    made = make(real, per_class, network, device)
    samples = made.count * spec.num_groups
    grouped = spec.num_groups > 1
    classes = f", in {spec.num_groups} classes" if grouped else ""
    return Choice(
        config=made.config,
        options=[*evaluator_words(real, network), *made.options],
        name=f"{stem_of(real.path)}_{made.method}_{made.count}",
        size=samples,
        bits=per_class * spec.num_groups * bits,
        seconds=made.seconds,
        reasons=[
            f"data: {spec.num_rows or 'a stream of'} training rows, {spec.form.plural} of shape {tuple(spec.shape)}"
            f"{classes}",
            f"size: {f'{made.count} of each class, ' * grouped}{samples} in all: {why}",
            f"method: {made.because}",
            f"network: {words}",
        ],
    )


def _per_class(real: RealData, size: Size, bits: int) -> tuple[int, str]:
    """Return how many samples of each class, and why so many."""
    spec = real.spec
    groups = spec.num_groups
    rows = spec.num_rows or 0
    if size.per_class is not None:
        return _within(size.per_class, rows, groups), "as asked for"
    if size.bytes is not None:
        count = int(8 * size.bytes / bits / groups)
        if not count:
            least = math.ceil(groups * bits / 8)
            raise UserError(f"size is {size.bytes:,.0f} bytes; a sample of each of {groups} classes takes {least:,}")
        return _within(count, rows, groups), f"what fits into {size.bytes:,.0f} bytes before compression"
    if size.share is not None:
        count = max(1, round(size.share * rows / groups))
        return _within(count, rows, groups), f"{size.share:.2%} of the rows"
    count = min(_MOST, max(1, round(_SHARE * rows / groups)))
    return count, f"a hundredth of the rows, at most {_MOST} a class; --size and --per_class say another"


def _within(count: int, rows: int, groups: int) -> int:
    if rows and count * groups > rows:
        raise UserError(f"size asks for {count * groups:,} samples, and there are {rows:,} rows: ask for less")
    return count


def _images(real: RealData, per_class: int, network: Architecture, device: torch.device) -> Made:
    """Learn few samples a class, choose many."""
    few = per_class <= _LEARNED
    learned = few or (device.type != "cpu" and per_class <= _LEARNED_GPU)
    if not learned or real.is_stream or not isinstance(network, ConvNet):
        return _coreset(real, per_class, network, device)
    groups, seen = real.spec.num_groups, 64 if few else 128
    options = [
        f"--method.synthetic.per_class={per_class}",
        f"--method.objective.pool.network={word(network)}",
        f"--method.objective.real_per_class={max(1, min(seen, *real.spec.class_counts))}",
        f"--method.objective.augment={word(usual_augment(real))}",
    ]
    if not few:
        options.append(f"--method.initial.features.network={word(network)}")
    elif per_class > 1:
        options.append('--method.initial={"class_path": "RealSamples", "init_args": {"selector": "KMeansSelector"}}')
    steps, views, reuse = _FAST if few else _SNAPSHOTS
    because = (
        "distribution matching, since few learned images beat the best chosen ones (measured at 1 a class: 74.3 "
        "against 67.3 on FashionMNIST, 95.1 against 87.3 on digits)"
        if few
        else "distribution matching in networks in training, which beat the best chosen images (82.4 against 80.6 on "
        "FashionMNIST) and want a GPU"
    )
    images = steps * views * groups * (per_class + seen / reuse)
    config = "dm_fashion_mnist_ipc1_fast" if few else "dm_fashion_mnist_ipc10_snapshots"
    return Made(config, options, "dm", because, seconds_of(real, network, images, device), per_class)


def _vectors_with_values(real: RealData, count: int, network: Architecture, device: torch.device) -> Made:
    """Learn few rows and their values, choose many."""
    if count > _LEARNED_VALUES or real.is_stream:
        return _coreset(real, count, network, device)
    because = (
        "gradient matching of rows and their values, since few learned rows beat the best chosen ones (measured on 10 "
        "patients of diabetes: .298 of the variance explained against .238)"
    )
    options = [f"--method.synthetic.per_class={count}"]
    return Made("values_diabetes", options, "gm", because, _VALUE_SECONDS, count)


def _coreset(real: RealData, per_class: int, network: Architecture, device: torch.device) -> Made:
    """Choose real samples."""
    options = [f"--method.per_class={per_class}", f"--method.features.network={word(network)}"]
    augment = usual_augment(real)
    if augment is not None:
        options.append(f"--method.features.recipe.augment={word(augment)}")
    if real.is_stream:
        raise UserError("a stream has no random access, which choosing samples needs: set --data.streaming=false")
    if min(real.spec.class_counts) < per_class and real.class_balance == "equal":
        options.append("--data.class_balance=natural")
    because = "a coreset by k-means in the features of a trained network: "
    if real.spec.kind == "image":
        because += (
            "from 10 a class on about as good as learned images (80.6 and 82.4 on FashionMNIST) and sooner made; in "
            "the same bytes more images of 2 bits were worth more (84.6), see `hf-distill configs`"
        )
    else:
        because += _HINTS.get(real.spec.kind, _UNLEARNED)
    rows = real.spec.num_rows
    images = max(_FEATURE_STEPS * min(256, rows), rows) + rows / 3
    return Made("coreset", options, "coreset", because, seconds_of(real, network, images, device), per_class)


def _texts(real: RealData, per_class: int, network: Architecture, device: torch.device) -> Made:
    """Take the words that tell the classes, in the bytes of so many average texts."""
    spec = real.spec
    words = max(
        1, per_class * (spec.form.sample_bits(spec) + spec.bits_per_label) // (_WORDS_BITS + spec.bits_per_label)
    )
    because = (
        "the words that tell the classes, four a text, in the bytes of as many average texts (measured: 73.2 against "
        "47.0 of the best chosen texts on AG News, 68.1 against 54.1 on SST-2)"
    )
    return Made("text_ag_news", [f"--method.synthetic.per_class={words}"], "words", because, 60, words)


#: How a set of a kind, or of a kind with a target, is made where nobody says.
_METHODS: dict[str | tuple[str, str], Callable[[RealData, int, Architecture, torch.device], Made]] = {
    "image": _images,
    "text": _texts,
    ("vector", "values"): _vectors_with_values,
}
# What else is to be said of a coreset of a kind.
_UNLEARNED = "learned rows were no better where that was measured (74.3 and 73.3 on the census, within the spread)"
_HINTS = {
    "audio": "whole recordings; many short ones as small spectrograms are worth more, see `hf-distill configs`",
    "frames": "whole videos; many coarse ones are worth more, see `hf-distill configs`",
}
