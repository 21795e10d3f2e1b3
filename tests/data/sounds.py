"""Sounds for tests: a low and a high tone of random phase and loudness."""

from __future__ import annotations

import numpy as np
from datasets import Audio, ClassLabel, Dataset, Features, Value

from hf_distill.data import RealData
from hf_distill.data.audio_files import wav_bytes


def tone_rows(
    count: int = 12, length: int = 800, rate: int = 8000, names: tuple[str, ...] = ("low", "high")
) -> Dataset:
    """As many sounds of every class, in a column ``audio``."""
    numbers, sounds = np.random.default_rng(0), []
    for label in range(len(names)):
        for _ in range(count):
            turns = (400 + 2400 * label / max(1, len(names) - 1)) * np.arange(length) / rate + numbers.random()
            noise = 0.02 * numbers.standard_normal(length)
            loud = 0.1 + 0.4 * numbers.random()
            sounds.append(wav_bytes(np.rint(loud * 32000 * (0.8 * np.sin(2 * np.pi * turns) + noise)), rate))
    plain = Features({"audio": {"bytes": Value("binary"), "path": Value("string")}, "label": Value("int64")})
    values = {"audio": [{"bytes": sound, "path": None} for sound in sounds]}
    made = Dataset.from_dict(values | {"label": np.repeat(range(len(names)), count)}, features=plain)
    return made.cast(Features({"audio": Audio(sampling_rate=rate), "label": ClassLabel(names=list(names))}))


def tones(count: int = 12, length: int = 800) -> RealData:
    """The same as data, with themselves to measure on."""
    rows = tone_rows(count, length)
    return RealData.from_dataset(rows, rows).setup()
