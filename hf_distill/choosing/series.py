"""What is made of a series: time steps by harmonic distillation."""

from __future__ import annotations

import torch

from hf_distill.choosing.choice import Choice, stem_of
from hf_distill.choosing.classes import Made
from hf_distill.choosing.size import Size
from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import UserError
from hf_distill.synthetic.harmonic import harmonics_within
from hf_distill.synthetic.series import LARGEST_SHARE

# What 384 steps of any number of channels took: eight are looked at in a step.
_SERIES_SECONDS = 270
# To choose a piece of one channel.
_PIECE_SECONDS = 30

# Channels of the series that two windows suit. With fewer a set has fewer windows to learn from: on held-out rows of
# hourly electricity, one channel, the errors of three networks are .031, .020 and .020 with 384 steps, as many numbers
# as one channel of ETTh1 has, and .017, .017 and .018 with 2,688, as many as all seven.
_CHANNELS = 7

# Steps for which a network is trained on a set of seven channels or more. A step sees fewer sequences of a narrower
# series, and so it takes more of them, up to four times as many: on the same rows 384 steps of one channel have .028,
# .017 and .019 when made and trained on for 1,600 steps, and all of the data do not reach their end in 400 either.
_STEPS, _MORE = 400, 4

# Time steps of one channel for a number of 32 bits. On held-out rows of hourly electricity all 18,412 in the bits of
# 2,688 have .0151, .0145, .0146, and 2,688 learned ones .0153, .0169, .0170 (the whole data .0150, .0145, .0141).
_STEPS_A_NUMBER = 7


def for_series(real: SeriesData, size: Size, device: torch.device) -> Choice:
    """Choose time steps, by window, channels and rows where nothing is said.

    Raises:
        UserError: The size is more than there is, or less than a window.
    """
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
        length, why = _usual_length(window, spec.num_channels, spec.num_rows)
    if length < window:
        raise UserError(
            f"size is {length} time steps, and a window takes {window}: ask for more, or shorten --data.lookback and "
            "--data.horizon"
        )
    if length > spec.num_rows:
        raise UserError(f"size asks for {length:,} time steps, and {spec.num_rows:,} are trained on: ask for less")
    steps = _training_steps(spec.num_channels)
    made = (_by_harmonics if spec.num_channels == 1 else _learned)(length, spec)
    return Choice(
        config=made.config,
        options=[
            *made.options,
            f"--evaluator.recipe.steps={steps}",
            f"--data.lookback={real.lookback}",
            f"--data.horizon={real.horizon}",
        ],
        name=f"{stem_of(real.path)}_{made.method}_{made.count}",
        size=length,
        bits=length * bits,
        seconds=made.seconds,
        reasons=[
            f"data: a series of {spec.num_rows} training time steps and {spec.num_channels} channels",
            f"size: {length} time steps: {why}",
            f"method: {made.because}",
            f"recipe: {steps} training steps of a network on the set",
            "network: DLinear, iTransformer and xPatch, as the field measures series",
        ],
    )


def _learned(length: int, spec: SeriesSpec) -> Made:
    """Learn a short series."""
    channels = spec.num_channels
    options = [f"--method.synthetic.length={length}", f"--method.objective.pool.lifetime={_training_steps(channels)}"]
    because = (
        "harmonic distillation, whose sets beat random pieces on every longer series of several channels that was "
        "measured"
    )
    seconds = _SERIES_SECONDS * min(channels, _CHANNELS) / _CHANNELS * length / 384
    return Made("hdt_etth1", options, "hdt", because, seconds, length)


def _by_harmonics(length: int, spec: SeriesSpec) -> Made:
    """Store a longer real piece by its strongest harmonics, in the bits of so many time steps."""
    steps = min(spec.num_rows, _STEPS_A_NUMBER * length)
    harmonics = harmonics_within(32 * length, steps)
    because = (
        f"{steps:,} real time steps by their {harmonics:,} strongest harmonics, in half precision and not learned: of "
        "one channel that was better than a shorter learned series of equal bits"
    )
    options = [f"--method.synthetic.length={steps}", f"--method.synthetic.harmonics={harmonics}"]
    return Made("harmonics_electricity", options, "harmonics", because, _PIECE_SECONDS, harmonics)


def _training_steps(channels: int) -> int:
    """Return for how many steps a network is trained on a set: more where a window has few channels."""
    return round(_STEPS * min(_MORE, max(1.0, _CHANNELS / channels)))


def _usual_length(window: int, channels: int, rows: int) -> tuple[int, str]:
    """Return time steps and why: twice a window of seven channels or more, as many numbers of fewer, and never most."""
    length, why = 2 * window, "twice a window"
    if channels < _CHANNELS:
        length, why = 2 * window * _CHANNELS // channels, f"as many numbers as twice a window of {_CHANNELS} channels"
    largest = max(window, int(rows * LARGEST_SHARE))
    if length > largest:
        length, why = largest, "a third of the training time steps" if largest > window else "one window"
    return length, f"{why}; --size says another"
