"""What is made of a series: time steps by harmonic distillation."""

from __future__ import annotations

import torch

from hf_distill.choosing.choice import Choice, stem_of
from hf_distill.choosing.size import Size
from hf_distill.data.series import SeriesData
from hf_distill.errors import UserError
from hf_distill.synthetic.series import LARGEST_SHARE

# What 384 steps of any number of channels took: eight are looked at in a step.
_SERIES_SECONDS = 270


# Channels of the series that two windows suit. With fewer a set has fewer windows to learn from: on held-out rows of
# hourly electricity, one channel, the errors of three networks are .031, .020 and .020 with 384 steps, as many numbers
# as one channel of ETTh1 has, and .017, .017 and .018 with 2,688, as many as all seven.
_CHANNELS = 7

# Steps for which a network is trained on a set of seven channels or more. A step sees fewer sequences of a narrower
# series, and so it takes more of them, up to four times as many: on the same rows 384 steps of one channel have .028,
# .017 and .019 when made and trained on for 1,600 steps, and all of the data do not reach their end in 400 either.
_STEPS, _MORE = 400, 4


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
    return Choice(
        config="hdt_etth1",
        options=[
            f"--method.synthetic.length={length}",
            f"--method.objective.pool.lifetime={steps}",
            f"--evaluator.recipe.steps={steps}",
            f"--data.lookback={real.lookback}",
            f"--data.horizon={real.horizon}",
        ],
        name=f"{stem_of(real.path)}_hdt_{length}",
        size=length,
        bits=length * bits,
        seconds=_SERIES_SECONDS * min(spec.num_channels, _CHANNELS) / _CHANNELS * length / 384,
        reasons=[
            f"data: a series of {spec.num_rows} training time steps and {spec.num_channels} channels",
            f"size: {length} time steps: {why}",
            f"method: harmonic distillation, {_worth(spec.num_channels)}",
            f"recipe: {steps} training steps of a network on the set, which it is made for",
            "network: DLinear, iTransformer and xPatch, as the field measures series",
        ],
    )


def _worth(channels: int) -> str:
    """Return what was measured of sets of so many channels."""
    if channels == 1:
        return "though of one channel random pieces of this size were as good for two networks of three"
    return "whose sets beat random pieces on every longer series of several channels that was measured"


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
