"""AudioKind: sounds ``(T,)``, stored in 16 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Audio, Value
from torch import Tensor

from hf_distill.data.audio_files import wav_bytes, wav_samples
from hf_distill.data.columns import Columns
from hf_distill.data.kinds.audio_decoder import AudioDecoder
from hf_distill.data.kinds.base import Kind
from hf_distill.data.statistics import Statistics
from hf_distill.errors import ArtifactError, UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec

_FULL = 2**15
# Of a set that is silent all through: it is divided by this.
_SILENT = 1.0


class _Loudness(Statistics):
    def __init__(self) -> None:
        super().__init__()
        self._squares = self._values = 0

    def add(self, part: Tensor) -> None:
        self._squares += int(part.long().square().sum())
        self._values += part.numel()

    def result(self) -> tuple[list[float], list[float]]:
        deviation = (self._squares / max(self._values, 1)) ** 0.5 / _FULL
        return [0.0], [deviation if deviation > 0 else _SILENT]


class AudioKind(Kind):
    """Columns of ``Audio``; one channel, divided by the root mean square of the training rows, published as WAV.

    Silence is zero for the networks too, so that a sound which is moved or cut ends in what a short one ends in.
    """

    name = "audio"
    topic = "audio"
    noun = "an Audio"
    plural = "sounds"
    values = "samples"
    options = ("sampling_rate", "audio_seconds")

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`."""
        return isinstance(feature, Audio)

    def encoded(self, feature: Any) -> Any:
        """See :class:`Kind`: its decoding needs torchcodec, and ours does not."""
        return Audio(decode=False) if isinstance(feature, Audio) else feature

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> AudioDecoder:
        """See :class:`Kind`."""
        declared = getattr(columns.feature, "sampling_rate", None)
        rate = options["sampling_rate"] or declared or 0
        return AudioDecoder(columns.inputs[0], rate, seconds=options["audio_seconds"], base=base)

    def statistics(self, decoder: AudioDecoder) -> Statistics:  # type: ignore[override]
        """See :class:`Kind`: the mean is silence, the deviation the root mean square; full scale is 1."""
        return _Loudness()

    def num_statistics(self, shape: Sequence[int]) -> int:
        """See :class:`Kind`: one for all."""
        return 1

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: AudioDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {columns.input: Audio(sampling_rate=decoder.sampling_rate)}

    def known(self, columns: Columns, decoder: AudioDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"about": {"sampling_rate": decoder.sampling_rate}}

    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """See :class:`Kind`."""
        return np.dtype(np.int16)

    def statistics_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: one for all."""
        return (1,)

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """See :class:`Kind`."""
        mean, std = spec.statistics(raw)
        return (raw.float() / _FULL - mean) / std

    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`."""
        mean, std = spec.statistics(x)
        value = (x.detach().to(torch.float32) * std + mean) * _FULL
        return value.round().clamp(-_FULL, _FULL - 1).to(torch.int16)

    def limits(self, spec: DataSpec, like: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`Kind`: full scale."""
        mean, std = spec.statistics(like)
        return (-1 - mean) / std, (1 - 1 / _FULL - mean) / std

    def mean_of(self, mean: Tensor) -> Tensor:
        """See :class:`Kind`."""
        return mean.round()

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        if spec.features[spec.input_column].get("_type") != "Audio":
            raise UserError(f"column {spec.input_column!r} is no Audio, and published sounds need one")
        rate = spec.about["sampling_rate"]
        return {spec.input_column: [{"bytes": wav_bytes(sound, rate), "path": None} for sound in stored]}

    def plain(self, feature: Any) -> Any:
        """See :class:`Kind`: as sounds, ``datasets`` would encode them again, by torchcodec."""
        return {"bytes": Value("binary"), "path": Value("string")} if isinstance(feature, Audio) else feature

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        rows = []
        for value in table[spec.input_column].to_pylist():
            try:
                samples, rate = wav_samples((value or {}).get("bytes") or b"")
            except ValueError as error:
                raise ArtifactError(f"a sound is no WAV file that can be read ({error}): it is damaged") from error
            if samples.shape != spec.shape or rate != spec.about["sampling_rate"]:
                raise ArtifactError(
                    f"a sound has {len(samples)} samples at {rate} Hz, not {spec.shape[0]} at "
                    f"{spec.about['sampling_rate']}: it is damaged"
                )
            rows.append(samples)
        return np.stack(rows)
