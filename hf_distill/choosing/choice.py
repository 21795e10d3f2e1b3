"""Choice: method, size, network and recipe for data of which nothing else is said, from measured tables."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hf_distill.augment.default import default_augment
from hf_distill.augment.siamese import SiameseAugment
from hf_distill.choosing import sounds
from hf_distill.choosing.size import Size
from hf_distill.data.base import Data
from hf_distill.data.real import RealData
from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.cost import step_flops
from hf_distill.networks.default import default_network
from hf_distill.parts import Part

# Where nothing is said of the size: a hundredth of the rows, and at most so many samples of a class.
_SHARE, _MOST = 0.01, 10
# Samples of a class up to which images are learned: they beat the best coreset at 1 and 2 a class (FashionMNIST 74.3
# against 67.3; digits 95.1 and 96.4 against 87.3 and 92.4), at 10 in networks in training alone, which wants a GPU
# (82.4 against 80.6; benchmarks/README.md); between 2 and 10 nothing was measured.
_LEARNED = 5
# Of the configurations that are taken: steps of matching, those between two looks at real samples, and training steps.
_STEPS, _REUSE, _FEATURE_STEPS = 150, 15, 500
# Operations in a second: of one core, as networks of this size reach them, and of a GPU, which small ones leave idle.
_RATES = {"cpu": 5e10, "cuda": 5e12, "mps": 1e12}
# About what a text of four words takes, with its end.
_WORDS_BITS = 8 * 30
# What 384 steps of any number of channels took: eight are looked at in a step.
_SERIES_SECONDS = 270
# Times that a sound is looked at while spectrograms are matched: 40 steps of 4 views.
_SOUND_LOOKS = 160
# Channels of a network on a CPU; the field's 128 takes there fourteen times as long.
_CPU_WIDTH = 32


@dataclass(frozen=True)
class Choice:
    """What is chosen.

    Attributes:
        config: The name of a configuration of the library.
        options: What is changed in it, as words of a command line.
        name: For the output folder: data, method and size.
        size: Samples, or time steps.
        bits: What they take as they are published, not compressed.
        seconds: About how long the set takes to make.
        reasons: A line for each thing that was chosen: what, and why.
    """

    config: str
    options: list[str]
    name: str
    size: int
    bits: int
    seconds: float
    reasons: list[str] = field(default_factory=list)


def choose(data: Data, size: Size, device: torch.device) -> Choice:
    """Choose for data that are set up.

    Args:
        data: The data.
        size: How small the set is to be; an empty one leaves that open.
        device: Where it will be made and measured.

    Raises:
        UserError: The size is more than there is, or less than a sample of each class or a window.
    """
    return _CHOICES.get(data.spec.kind, _for_classes)(data, size, device)


def _for_classes(real: RealData, size: Size, device: torch.device) -> Choice:
    spec = real.spec
    bits = math.prod(spec.shape) * spec.bits_per_value + spec.bits_per_label
    per_class, why = _per_class(real, size, bits)
    words, network = _network(real, device)
    make = _METHODS.get(spec.kind, _coreset)
    config, options, method, because, seconds, made = make(real, per_class, network, device)
    samples = made * spec.num_groups
    return Choice(
        config=config,
        options=[*options, f"--evaluator.networks={json.dumps([_short(network)])}", *_recipe(real)],
        name=f"{_stem(real.path)}_{method}_{made}",
        size=samples,
        bits=per_class * spec.num_groups * bits,
        seconds=seconds,
        reasons=[
            f"data: {spec.num_rows or 'a stream of'} training rows, {spec.form.plural} of shape {tuple(spec.shape)}, "
            f"in {spec.num_groups} classes",
            f"size: {made} of each class, {samples} in all: {why}",
            f"method: {because}",
            f"network: {words}",
        ],
    )


def _for_sounds(real: RealData, size: Size, device: torch.device) -> Choice:
    """Choose whole recordings; and of a size that holds none of each class, small spectrograms."""
    spec = real.spec
    recording = math.prod(spec.shape) * spec.bits_per_value + spec.bits_per_label
    if size.bytes is None or 8 * size.bytes >= spec.num_groups * recording:
        return _for_classes(real, size, device)
    count, options = sounds.spectrograms(size.bytes, spec.num_groups, spec.bits_per_label)
    words, network = _network(real, device)
    samples = count * spec.num_groups
    return Choice(
        config=sounds.CONFIG,
        options=[*options, f"--evaluator.networks={json.dumps([_short(network)])}", *_recipe(real)],
        name=f"{_stem(real.path)}_spectrograms_{count}",
        size=samples,
        bits=int(8 * size.bytes),
        seconds=_seconds(real, network, _SOUND_LOOKS * (samples + spec.num_groups), device),
        reasons=[
            f"data: {spec.num_rows} training rows, {spec.form.plural} of shape {tuple(spec.shape)}, in "
            f"{spec.num_groups} classes",
            f"size: {count} of each class, {samples} in all: what fits into {size.bytes:,.0f} bytes in config codes",
            f"method: spectrograms of {sounds.VALUES} numbers of {sounds.BITS} bits, matched in distribution, since a "
            f"recording of each class takes {spec.num_groups * recording / 8:,.0f} bytes (measured on spoken digits: "
            "86.6 in 5 kB)",
            f"network: {words}",
        ],
    )


def _per_class(real: RealData, size: Size, bits: int) -> tuple[int, str]:
    """Return how many samples of each class, and why so many."""
    spec = real.spec
    groups = spec.num_groups
    rows = spec.num_rows or 0
    if size.per_class is not None:
        return size.per_class, "as asked for"
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


def _network(real: RealData, device: torch.device) -> tuple[str, Architecture]:
    """Return the usual network for the data, narrow on a CPU, and what to say of it."""
    network, narrow = default_network(real.spec), ""
    if device.type == "cpu" and isinstance(network, ConvNet):
        narrow = "; narrow, for a CPU"
        network = ConvNet(width=_CPU_WIDTH, depth=network.depth)
    short = _short(network)
    said = [] if isinstance(short, str) else [f"{name} {value}" for name, value in short["init_args"].items()]
    own = f" ({', '.join(said)})" if said else ""
    return f"{type(network).__name__}{own}, the usual one for such data{narrow}", network


def _short(part: Part) -> dict[str, Any] | str:
    """Describe a part by the options that are not its defaults, or by its name where none is."""
    own, usual = part.config()["init_args"], type(part)().config()["init_args"]
    options = {name: value for name, value in own.items() if value != usual[name]}
    return {"class_path": type(part).__name__, "init_args": options} if options else type(part).__name__


def _word(part: Part | None) -> str:
    short = None if part is None else _short(part)
    return short if isinstance(short, str) else json.dumps(short)


def _recipe(real: RealData) -> list[str]:
    """Return the words for how networks are trained: the field's recipe with the usual augmentation of the kind."""
    augment = _augment(real)
    return [] if augment is None else [f"--evaluator.recipe.augment={_word(augment)}"]


_Method = tuple[str, list[str], str, str, float, int]
"""Configuration, options, a short name, why, seconds, and samples of each class."""


def _images(real: RealData, per_class: int, network: Architecture, device: torch.device) -> _Method:
    """Learn a few samples a class, choose many."""
    if per_class > _LEARNED or real.is_stream or not isinstance(network, ConvNet):
        return _coreset(real, per_class, network, device)
    one = per_class == 1
    smallest = min(real.spec.class_counts)
    options = [
        f"--method.synthetic.per_class={per_class}",
        f"--method.objective.pool.network={_word(network)}",
        f"--method.objective.real_per_class={max(1, min(64, smallest))}",
        f"--method.objective.augment={_word(_augment(real))}",
    ]
    if not one:
        options.append('--method.initial={"class_path": "RealSamples", "init_args": {"selector": "KMeansSelector"}}')
    because = (
        "distribution matching, since few learned images beat the best chosen ones (measured at 1 a class: 74.3 "
        "against 67.3 on FashionMNIST, 95.1 against 87.3 on digits)"
    )
    images = per_class * real.spec.num_groups + 64 * real.spec.num_groups / (3 * _REUSE)
    return (
        "dm_fashion_mnist_ipc1_fast",
        options,
        "dm",
        because,
        _seconds(real, network, images * _STEPS, device),
        per_class,
    )


def _augment(real: RealData) -> Part | None:
    """Return the usual augmentation of the kind; grey images are not mirrored, they may be digits or letters."""
    augment = default_augment(real.spec)
    if isinstance(augment, SiameseAugment) and real.spec.shape[0] == 1:
        augment = SiameseAugment(strategy="color_crop_cutout_scale_rotate")
    return augment


def _coreset(real: RealData, per_class: int, network: Architecture, device: torch.device) -> _Method:
    """Choose real samples."""
    options = [f"--method.per_class={per_class}", f"--method.features.network={_word(network)}"]
    augment = _augment(real)
    if augment is not None:
        options.append(f"--method.features.recipe.augment={_word(augment)}")
    if real.is_stream:
        raise UserError("a stream has no random access, which choosing samples needs: set --data.streaming=false")
    if min(real.spec.class_counts) < per_class and real.class_balance == "equal":
        options.append("--data.class_balance=natural")
    because = "a coreset by k-means in the features of a trained network: "
    if real.spec.kind == "image":
        because += "from 10 a class on about as good as learned images (80.6 and 82.4 on FashionMNIST) and sooner made"
    else:
        because += _HINTS.get(real.spec.kind, _UNLEARNED)
    rows = real.spec.num_rows
    images = max(_FEATURE_STEPS * min(256, rows), rows) + rows / 3
    return "coreset", options, "coreset", because, _seconds(real, network, images, device), per_class


def _texts(real: RealData, per_class: int, network: Architecture, device: torch.device) -> _Method:
    """Take the words that tell the classes, in the bytes of so many average texts."""
    spec = real.spec
    words = max(
        1, per_class * (spec.form.sample_bits(spec) + spec.bits_per_label) // (_WORDS_BITS + spec.bits_per_label)
    )
    because = (
        "the words that tell the classes, four a text, in the bytes of as many average texts (measured: 73.2 against "
        "47.0 of the best chosen texts on AG News, 68.1 against 54.1 on SST-2)"
    )
    return "text_ag_news", [f"--method.synthetic.per_class={words}"], "words", because, 60, words


def _seconds(real: RealData, network: Architecture, images: float, device: torch.device) -> float:
    """Return about how long so many images take, forward and backward."""
    built = network.build_for(real.spec, 0)
    return images * step_flops(built, torch.zeros(1, *real.spec.shape), 1) / _RATES[device.type]


#: How a set of a kind is made where nobody says.
_METHODS: dict[str, Callable[[RealData, int, Architecture, torch.device], _Method]] = {
    "image": _images,
    "text": _texts,
}
# What else is to be said of a coreset of a kind.
_UNLEARNED = "learned rows were no better where that was measured (74.3 and 73.3 on the census, within the spread)"
_HINTS = {
    "audio": "whole recordings; many short ones as small spectrograms are worth more, see `hf-distill configs`",
    "frames": "whole videos; many coarse ones are worth more, see `hf-distill configs`",
}


def _for_series(real: SeriesData, size: Size, device: torch.device) -> Choice:
    spec = real.spec
    window = real.lookback + real.horizon
    bits = 32 * spec.num_channels
    if size.per_class is not None:
        raise UserError("per_class is for data with classes, and this is a series: say --size=1% or --size=10kB")
    if size.bytes is not None:
        length, why = int(8 * size.bytes / bits), f"what fits into {size.bytes:,.0f} bytes as float32"
    elif size.share is not None:
        length, why = round(size.share * spec.num_rows), f"{size.share:.2%} of the training time steps"
    else:
        length, why = 2 * window, "twice a window; --size says another"
    if length < window:
        raise UserError(
            f"size is {length} time steps, and a window takes {window}: ask for more, or shorten --data.lookback and "
            "--data.horizon"
        )
    if length > spec.num_rows:
        raise UserError(f"size asks for {length:,} time steps, and {spec.num_rows:,} are trained on: ask for less")
    return Choice(
        config="hdt_etth1",
        options=[
            f"--method.synthetic.length={length}",
            f"--data.lookback={real.lookback}",
            f"--data.horizon={real.horizon}",
        ],
        name=f"{_stem(real.path)}_hdt_{length}",
        size=length,
        bits=length * bits,
        seconds=_SERIES_SECONDS * length / 384,
        reasons=[
            f"data: a series of {spec.num_rows} training time steps and {spec.num_channels} channels",
            f"size: {length} time steps: {why}",
            "method: harmonic distillation, whose sets beat random pieces on every series that was measured",
            "network: DLinear, iTransformer and xPatch, as the field measures series",
        ],
    )


#: How data of a kind are chosen for; all others have classes.
_CHOICES: dict[str, Callable[[Any, Size, torch.device], Choice]] = {"series": _for_series, "audio": _for_sounds}


def _stem(path: str) -> str:
    """Return the last part of a path or id, as the name of a folder."""
    name = Path(path).expanduser().resolve().name if Path(path).expanduser().exists() else path.rsplit("/", 1)[-1]
    stem = name.split(".")[0] or name
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem)[:80] or "data"
