"""Opening encoded sounds: their samples as numbers, with errors that name the row."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import struct
import sys
import types
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

_SAID = "pip install 'hf-distill[audio]'"
# How sounds begin: WAV, FLAC, Ogg, MP3 with and without a tag.
_HEADERS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
# More than a day in one row, or a rate that no device has, is damage.
_MOST_SAMPLES, _MOST_RATE = 2**32, 2**20


@dataclass(frozen=True)
class SoundHeader:
    """What a sound says of itself.

    Attributes:
        sampling_rate: In Hz.
        samples: Of each channel.
    """

    sampling_rate: int
    samples: int


def is_sound(data: bytes) -> bool:
    """Whether bytes begin as a sound does."""
    return data.startswith(_HEADERS) and not (data[:4] == b"RIFF" and data[8:12] not in (b"WAVE", b""))


@contextlib.contextmanager
def paths_alone() -> Iterator[None]:
    """Let ``datasets`` make tables of the paths of sounds in a block where torchcodec is missing.

    It imports an encoder before it looks whether there is anything to encode.
    """
    names = ("torchcodec", "torchcodec.encoders")
    if names[0] in sys.modules or importlib.util.find_spec(names[0]) is not None:
        yield
        return
    stand_ins = [types.ModuleType(name) for name in names]
    stand_ins[1].AudioEncoder = None  # type: ignore[attr-defined]
    sys.modules.update(zip(names, stand_ins, strict=True))
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)


def header(value: Any, row: int, base: Path | None = None) -> SoundHeader:
    """Return what a sound says of itself; see :func:`read_sound`."""
    data = _data(value, row, base)
    try:
        if (library := _library()) is not None:
            about = library.info(io.BytesIO(data))
            found = SoundHeader(about.samplerate, about.frames)
        else:
            with wave.open(io.BytesIO(data)) as file:
                found = SoundHeader(file.getframerate(), file.getnframes())
    except Exception as error:
        raise _unreadable(data, row, error) from error
    if not (0 < found.sampling_rate <= _MOST_RATE and found.samples <= _MOST_SAMPLES):
        raise UserError(f"row {row} says {found.samples} samples at {found.sampling_rate} Hz: it is damaged")
    return found


def read_sound(value: Any, row: int, base: Path | None = None) -> tuple[np.ndarray, int]:
    """Return the samples of a sound, those of all channels averaged, and its sampling rate in Hz.

    It is read by ``soundfile`` where that is installed, else by Python's own ``wave``, which knows plain WAV files.

    Args:
        value: ``{"bytes", "path"}``.
        row: Its number.
        base: The folder that a relative path starts from where there is no such file here.

    Returns:
        float64 ``(T,)``, 16-bit full scale is 1.

    Raises:
        UserError: There is no sound, or it cannot be read.
    """
    rate = header(value, row, base).sampling_rate
    data = _data(value, row, base)
    try:
        library = _library()
        samples = library.read(io.BytesIO(data), always_2d=True)[0] if library is not None else _plain(data)
    except Exception as error:
        raise _unreadable(data, row, error) from error
    mono = samples.astype(np.float64).mean(1)
    if not np.isfinite(mono).all():
        raise UserError(f"row {row} has samples that are not finite: mend it or filter the row out")
    return mono, rate


def resampled(samples: np.ndarray, old: int, new: int) -> np.ndarray:
    """Return a sound at another sampling rate, by ``scipy.signal.resample_poly``.

    Raises:
        UserError: scipy is missing.
    """
    if old == new:
        return samples
    try:
        from scipy.signal import resample_poly
    except ImportError as error:
        raise UserError(f"sounds of {old} Hz are brought to {new} Hz by scipy: {_SAID}") from error
    common = math.gcd(old, new)
    return np.asarray(resample_poly(samples, new // common, old // common))


def wav_bytes(samples: np.ndarray, sampling_rate: int) -> bytes:
    """Encode int16 samples ``(T,)`` as a WAV file of one channel."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sampling_rate)
        file.writeframes(np.ascontiguousarray(samples, "<i2").tobytes())
    return buffer.getvalue()


def wav_samples(data: bytes) -> tuple[np.ndarray, int]:
    """Read back what :func:`wav_bytes` wrote: samples and rate.

    Raises:
        ValueError: It is something else.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                raise ValueError(f"{file.getnchannels()} channels of {file.getsampwidth()} bytes")
            return np.frombuffer(file.readframes(file.getnframes()), "<i2"), file.getframerate()
    except (wave.Error, EOFError, struct.error) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _plain(data: bytes) -> np.ndarray:
    """Return the samples ``(T, channels)`` of a plain WAV file."""
    with wave.open(io.BytesIO(data)) as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    raw = raw[: len(raw) - len(raw) % (width * channels)].reshape(-1, width)
    if width == 1:  # the only width without a sign
        return (raw.astype(np.float64) - 128).reshape(-1, channels) / 128
    # The lowest bytes are left out of what has more than 32 bits, and zeros stand for those that it has not.
    filled = np.zeros((len(raw), 4), np.uint8)
    filled[:, max(0, 4 - width) :] = raw[:, max(0, width - 4) :]
    return filled.view("<i4").astype(np.float64).reshape(-1, channels) / 2**31


def _library() -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: the package without its C library
        return None
    return soundfile


def _data(value: Any, row: int, base: Path | None) -> bytes:
    if value is None or (value["bytes"] is None and not value["path"]):
        raise UserError(f"row {row} has no sound: filter such rows out first")
    if value["bytes"] is not None:
        return bytes(value["bytes"])
    path = value["path"]
    try:
        if "://" in path:  # a sound of a stream from the Hub
            with fsspec.open(path.split("::")[-1], "rb") as file:
                return bytes(file.read())
        return Path(base / path if base is not None and not Path(path).exists() else path).read_bytes()
    except OSError as error:
        raise UserError(f"row {row}: the sound {shorten(printable(path))} cannot be read ({error.strerror})") from error


def _unreadable(data: bytes, row: int, error: Exception) -> UserError:
    text = shorten(printable(str(error))) or type(error).__name__
    what = f"row {row}: the sound cannot be read ({text})"
    if _library() is None and is_sound(data):
        return UserError(f"{what}; without soundfile plain WAV files are read alone: {_SAID}")
    return UserError(f"{what}: mend it or filter the row out")
