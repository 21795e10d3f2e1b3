"""SeriesContenders: the training series that are measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hf_distill.data.series import SeriesData
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.series_split import SeriesSplit
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.initialization.base import InitialSamples
from hf_distill.seeding import Streams
from hf_distill.training.source import Source, Windows

Size = Literal["smaller", "default", "codes"]


@dataclass(frozen=True)
class SeriesContender:
    """A training series, or a draw of one for each network.

    Attributes:
        sources: What each network is trained on.
        samples: Time steps of one draw.
        bits: What a reader downloads of it; None of the full series.
    """

    sources: list[Source]
    samples: int
    bits: int | None = None

    def size(self) -> dict[str, Any]:
        """Return what a row says of it."""
        return {"samples": self.samples, "bits": self.bits}


def compared_config(artifact: DistilledDataset, size: Size) -> str:
    """Return the config whose bits are compared."""
    if size != "smaller":
        return size
    return min(artifact.bits, key=lambda name: artifact.bits[name].total)


def bits_per_row(spec: SeriesSpec, config: str) -> int:
    """Return what a time step of a real series takes: beside codes, at most 32 bits a value, which lose nothing."""
    return spec.bits_per_row if config == "default" else min(spec.bits_per_row, 32 * spec.num_channels)


def equal_rows(spec: SeriesSpec, bits: int, config: str, train: SeriesSplit) -> int:
    """Return how many real time steps take so many bits: one window at least, the training rows at most."""
    return min(max(bits // bits_per_row(spec, config), spec.window), len(train.values))


def published(artifact: DistilledDataset, networks: int, config: str, device: Any) -> SeriesContender:
    """Return a series as it is published."""
    windows = Windows(artifact.x.to(device), artifact.spec.lookback, artifact.spec.horizon)
    return SeriesContender([windows] * networks, len(artifact), artifact.bits[config].total)


def random_pieces(real: SeriesData, rows: int, config: str, streams: Sequence[Streams]) -> SeriesContender:
    """Return a random piece of the training part for each network."""
    pieces = [real.train.piece(rows, own.generator("random")) for own in streams]
    return _real(real, pieces, config)


def selected_piece(
    real: SeriesData, rows: int, config: str, streams: Sequence[Streams], selector: InitialSamples
) -> SeriesContender:
    """Return the piece of the training part that a selector takes, for all networks."""
    return _real(real, [selector.draw(real, rows, streams[0]).x] * len(streams), config)


def _real(real: SeriesData, pieces: list[Any], config: str) -> SeriesContender:
    spec, rows = real.spec, len(pieces[0])
    windows: list[Source] = [Windows(piece, spec.lookback, spec.horizon) for piece in pieces]
    return SeriesContender(windows, rows, rows * bits_per_row(spec, config))
