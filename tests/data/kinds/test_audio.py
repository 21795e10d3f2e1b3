"""Sounds of every width, rate and number of channels are those that were written."""

from __future__ import annotations

import io
import logging
import struct
import sys
import wave

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Audio, ClassLabel, Dataset, Features, Value, load_dataset

from hf_distill.data import RealData
from hf_distill.data.audio_files import is_sound, read_sound, resampled, wav_bytes, wav_samples
from hf_distill.data.kinds.audio_decoder import LONGEST
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import tables

NUMBERS = np.random.default_rng(0)


def wav(samples, rate=8000, width=2):
    """A WAV file of whole numbers (T,) or (T, channels), full scale is 2 ** (8 * width - 1)."""
    samples = np.atleast_2d(np.asarray(samples, np.int64).T).T
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        stored = samples + 128 if width == 1 else samples
        file.writeframes(b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in stored.ravel()))
    return buffer.getvalue()


def noise(length, width=2, channels=1):
    most = 2 ** (8 * width - 1)
    return NUMBERS.integers(-most, most, (length, channels))


def table(sounds, labels=None, **feature):
    features = Features({"audio": Audio(decode=False, **feature), "label": ClassLabel(names=["a", "b"])})
    plain = Features({"audio": {"bytes": Value("binary"), "path": Value("string")}, "label": Value("int64")})
    values = [sound if isinstance(sound, dict) or sound is None else {"bytes": sound, "path": None} for sound in sounds]
    labels = [place % 2 for place in range(len(sounds))] if labels is None else labels
    made = Dataset.from_dict({"audio": values, "label": labels}, features=plain)
    return made.cast(features).cast_column("audio", Audio(**feature))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_plain_files_of_every_width(width, channels):
    numbers = noise(50, width, channels)
    samples, rate = read_sound({"bytes": wav(numbers, 11025, width), "path": None}, 0)
    assert rate == 11025
    np.testing.assert_allclose(samples, (numbers / 2 ** (8 * width - 1)).mean(1), atol=1e-9)


def test_sixteen_bits_stay_what_they_are():
    sounds = [noise(64)[:, 0] for _ in range(4)]
    real = RealData.from_dataset(table([wav(sound) for sound in sounds])).setup()
    assert real.spec.kind == "audio" and real.spec.task == "audio-classification"
    assert real.spec.shape == (64,) and real.spec.about == {"sampling_rate": 8000} and real.spec.bits_per_value == 16
    assert np.array_equal(real.train.raw(torch.arange(4)).numpy(), np.stack(sounds))
    root = np.sqrt(np.mean((np.stack(sounds) / 2**15) ** 2))
    assert real.spec.mean == (0.0,) and abs(real.spec.std[0] - root) < 1e-9
    x = real.train.batch(torch.arange(4)).x
    torch.testing.assert_close(x, torch.from_numpy(np.stack(sounds) / 2**15 / root).float())
    assert np.array_equal(real.spec.denormalize(x).numpy(), np.stack(sounds))
    loud = np.clip(100 * np.stack(sounds), -(2**15), 2**15 - 1)
    assert np.array_equal(real.spec.denormalize(100 * x).numpy(), loud)


def test_the_longest_decides_and_the_rest_is_said(caplog):
    sounds = [noise(40)[:, 0], noise(30)[:, 0], noise(40)[:, 0]]
    with caplog.at_level(logging.WARNING):
        real = RealData.from_dataset(table([wav(sound) for sound in sounds])).setup()
    raw = real.train.raw(torch.arange(3)).numpy()
    assert raw.shape == (3, 40) and np.array_equal(raw[1, :30], sounds[1]) and not raw[1, 30:].any()
    said = [record.getMessage() for record in caplog.records if "audio" in record.getMessage()]
    assert len(said) == 1 and "0.005 s at 8000 Hz" in said[0] and "1 shorter ones end in silence" in said[0]
    caplog.clear()
    real = RealData.from_dataset(table([wav(sound) for sound in sounds]), audio_seconds=35 / 8000).setup()
    assert np.array_equal(real.train.raw(torch.tensor([2])).numpy()[0], sounds[2][:35])
    assert "2 longer ones are cut, 1 shorter ones" in caplog.text


def test_very_long_sounds_are_cut():
    sounds = [wav(np.zeros(100 * 30, int), 100), wav(np.zeros(100, int), 100)]
    assert RealData.from_dataset(table(sounds)).setup().spec.shape == (100 * LONGEST,)


def test_the_most_common_rate_decides(caplog):
    pytest.importorskip("scipy")
    tone = {rate: np.sin(2 * np.pi * 200 * np.arange(rate // 4) / rate) * 20000 for rate in (8000, 16000)}
    sounds = [wav(tone[rate], rate) for rate in (16000, 8000, 8000)]
    real = RealData.from_dataset(table(sounds)).setup()
    assert real.spec.about["sampling_rate"] == 8000 and "1 of other rates are resampled" in caplog.text
    raw = real.train.raw(torch.arange(3)).double()
    assert (raw[0] - raw[1])[200:-200].abs().max() < 200
    for options, feature in (({"sampling_rate": 4000}, {}), ({}, {"sampling_rate": 4000})):
        real = RealData.from_dataset(table(sounds, **feature), **options).setup()
        assert real.spec.about["sampling_rate"] == 4000 and real.spec.shape == (1000,)
    assert np.array_equal(resampled(np.arange(5.0), 100, 100), np.arange(5.0))


@pytest.mark.parametrize("storage", ["memory", "arrow"])
def test_tables_and_streams_give_the_same(storage):
    made = table([wav(noise(length)[:, 0]) for length in (20, 30, 30, 25)])
    real = RealData.from_dataset(made, made, storage=storage).setup()
    stream = RealData.from_dataset(made.to_iterable_dataset(), made).setup()
    assert real.spec.shape == stream.spec.shape == (30,) and real.spec.std == stream.spec.std
    generator = torch.Generator().manual_seed(0)
    found = [{tuple(row.tolist()) for row in data.sample([0, 1], 2, generator).x} for data in (real, stream)]
    assert found[0] == found[1] and len(found[0]) == 4
    assert torch.equal(real.test.raw(torch.arange(4)), real.train.raw(torch.arange(4)))


def test_what_is_published_is_played_by_anyone(tmp_path):
    real = RealData.from_dataset(table([wav(noise(30)[:, 0]) for _ in range(4)])).setup()
    stored = real.train.raw(torch.arange(4)).numpy()
    made = tables.to_dataset(real.spec, stored, torch.tensor([0, 1, 0, 1]))
    tables.write_parquet([made], tmp_path / "train.parquet")
    read = load_dataset("parquet", data_files=str(tmp_path / "train.parquet"), cache_dir=str(tmp_path / "c"))["train"]
    assert read.features["audio"] == Audio(sampling_rate=8000)
    for row, sound in zip(read.cast_column("audio", Audio(decode=False)), stored, strict=True):
        with wave.open(io.BytesIO(row["audio"]["bytes"])) as file:
            assert (file.getnchannels(), file.getframerate()) == (1, 8000)
            assert np.array_equal(np.frombuffer(file.readframes(99), "<i2"), sound)
    again, y = tables.from_table(pq.read_table(tmp_path / "train.parquet"), real.spec)
    assert np.array_equal(again, stored) and y.tolist() == [0, 1, 0, 1]
    assert RealData(path=str(tmp_path / "train.parquet")).setup().spec.shape == (30,)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no WAV file that can be read"),
        ({"bytes": b"RIFF1234WAVE", "path": None}, "no WAV file that can be read"),
        ({"bytes": wav_bytes(np.zeros(30), 4000), "path": None}, "30 samples at 4000 Hz, not 30 at 8000"),
        ({"bytes": wav_bytes(np.zeros(31), 8000), "path": None}, "31 samples at 8000 Hz, not 30"),
        ({"bytes": wav(noise(30, channels=2)), "path": None}, "2 channels"),
    ],
)
def test_damaged_sounds_of_a_set_are_refused(value, said):
    real = RealData.from_dataset(table([wav(noise(30)[:, 0]) for _ in range(2)])).setup()
    struct_type = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    damaged = pa.table({"audio": pa.array([value], struct_type), "label": [0]})
    with pytest.raises(ArtifactError, match=said):
        tables.from_table(damaged, real.spec)


def test_parquet_files_of_other_writers(tmp_path):
    sounds = [wav(noise(30)[:, 0]) for _ in range(4)]
    for place, column in enumerate(([{"bytes": s, "path": "x.wav"} for s in sounds], sounds)):
        path = tmp_path / f"{place}.parquet"
        pq.write_table(pa.table({"clip": column, "label": ["a", "b"] * 2}), path)
        spec = RealData(path=str(path)).setup().spec
        assert spec.kind == "audio" and spec.input_column == "clip"


def test_a_folder_of_sounds(tmp_path):
    for split in ("Train", "Test"):
        for label in ("no", "yes"):
            (tmp_path / "words" / split / label).mkdir(parents=True)
            for place in range(2):
                (tmp_path / "words" / split / label / f"{place}.wav").write_bytes(wav(noise(30)[:, 0]))
    real = RealData(path=str(tmp_path / "words")).setup()
    assert real.spec.classes == ("no", "yes") and len(real.train) == len(real.test) == 4
    assert real.train.raw(torch.arange(4)).ne(0).any(1).all() and "torchcodec" not in sys.modules


@pytest.mark.parametrize(
    ("sounds", "said"),
    [
        ([None, b""], "row 0 has no sound: filter such rows out first"),
        ([wav([1, 2]), {"bytes": None, "path": None}], "row 1 has no sound"),
        ([wav([1, 2]), b"RIFF\x10\x00\x00\x00WAVEfmt "], "row 1: the sound cannot be read"),
        ([wav([1, 2]), {"bytes": None, "path": "no/such.wav"}], "row 1: the sound no/such.wav cannot be read"),
        ([wav([1, 2]), wav([])], "row 1 holds a sound without a sample"),
    ],
)
def test_bad_rows_are_named(sounds, said):
    with pytest.raises(UserError, match=said):
        RealData.from_dataset(table(sounds)).setup()


def test_without_soundfile_other_formats_are_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(UserError, match=r"row 3: .*without soundfile plain WAV files are read alone: pip install"):
        read_sound({"bytes": b"fLaC" + bytes(60), "path": None}, 3)


def test_options_of_other_kinds_are_refused():
    pictures = Dataset.from_dict({"x": [[1.0, 2.0], [0.0, 1.0]], "label": ["a", "b"]})
    with pytest.raises(UserError, match=r"data.audio_seconds is for .*sounds"):
        RealData.from_dataset(pictures, audio_seconds=1.0).setup()


def test_flac_by_soundfile(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    numbers = noise(50)[:, 0].astype(np.int16)
    soundfile.write(tmp_path / "x.flac", numbers, 8000)
    samples, rate = read_sound({"bytes": (tmp_path / "x.flac").read_bytes(), "path": None}, 0)
    assert rate == 8000 and np.array_equal(np.rint(samples * 2**15), numbers)


def test_how_sounds_begin():
    assert is_sound(wav([1])) and is_sound(b"fLaC....") and is_sound(b"ID3")
    assert not is_sound(b"\x89PNG") and not is_sound(b"RIFF" + struct.pack("<I", 4) + b"WEBP") and not is_sound(b"")
    samples, rate = wav_samples(wav_bytes(np.array([1, -2]), 16000))
    assert samples.tolist() == [1, -2] and rate == 16000
