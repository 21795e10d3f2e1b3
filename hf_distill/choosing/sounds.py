"""How many sounds fit into a few bytes as the small spectrograms of the configuration ``audio_spoken_digits``."""

from __future__ import annotations

import math

from hf_distill.errors import UserError

CONFIG = "audio_spoken_digits"
#: Numbers of a sound, 12 bands and 12 frames, and bits of each.
VALUES, BITS = 144, 2
# Four levels of 16 bits.
_LEVELS = 64
# What the data of the configuration is, and no other is.
_OWN = ["--data.label_column=null", "--data.audio_seconds=null"]


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
