"""What is made of sounds: whole recordings, or in a few bytes small spectrograms, by ``audio_spoken_digits``."""

from __future__ import annotations

import math

import torch

from hf_distill.choosing.choice import Choice, stem_of
from hf_distill.choosing.classes import for_classes
from hf_distill.choosing.networks import chosen_network, evaluator_words, seconds_of
from hf_distill.choosing.size import Size
from hf_distill.data.real import RealData
from hf_distill.errors import UserError

CONFIG = "audio_spoken_digits"
#: Numbers of a sound, 12 bands and 12 frames, and bits of each.
VALUES, BITS = 144, 2
# Four levels of 16 bits.
_LEVELS = 64
# What the data of the configuration is, and no other is.
_OWN = ["--data.label_column=null", "--data.audio_seconds=null"]
# Times that a sound is looked at while spectrograms are matched: 40 steps of 4 views.
_LOOKS = 160


def for_sounds(real: RealData, size: Size, device: torch.device) -> Choice:
    """Choose whole recordings; and of a size that holds none of each class, small spectrograms."""
    spec = real.spec
    recording = math.prod(spec.shape) * spec.bits_per_value + spec.bits_per_label
    if size.bytes is None or 8 * size.bytes >= spec.num_groups * recording:
        return for_classes(real, size, device)
    count, options = spectrograms(size.bytes, spec.num_groups, spec.bits_per_label)
    words, network = chosen_network(real, device)
    samples = count * spec.num_groups
    return Choice(
        config=CONFIG,
        options=[*options, *evaluator_words(real, network)],
        name=f"{stem_of(real.path)}_spectrograms_{count}",
        size=samples,
        bits=int(8 * size.bytes),
        seconds=seconds_of(real, network, _LOOKS * (samples + spec.num_groups), device),
        reasons=[
            f"data: {spec.num_rows} training rows, {spec.form.plural} of shape {tuple(spec.shape)}, in "
            f"{spec.num_groups} classes",
            f"size: {count} of each class, {samples} in all: what fits into {size.bytes:,.0f} bytes in config codes",
            f"method: spectrograms of {VALUES} numbers of {BITS} bits, matched in distribution, since a "
            f"recording of each class takes {spec.num_groups * recording / 8:,.0f} bytes (measured on spoken digits: "
            "86.6 in 5 kB)",
            f"network: {words}",
        ],
    )


def spectrograms(size: float, groups: int, label_bits: int) -> tuple[int, list[str]]:
    """Return how many sounds of each class fit, and the words that change the configuration.

    Args:
        size: Bytes.
        groups: Classes.
        label_bits: Bits of a label.

    Raises:
        UserError: Not one of each class fits.
    """
    one = VALUES * BITS + label_bits
    count = int((8 * size - _LEVELS) / groups / one)
    if count < 1:
        least = math.ceil((groups * one + _LEVELS) / 8)
        raise UserError(f"size is {size:,.0f} bytes; a small spectrogram of each of {groups} classes takes {least:,}")
    return count, [*_OWN, f"--method.synthetic.budget.bits_per_class={int(8 * size / groups)}"]
