"""Contenders: the training sets that are measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.evaluation.baselines import BASELINES
from hf_distill.evaluation.size import download_bits, real_bits
from hf_distill.features.base import Extractor
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.seeding import Streams
from hf_distill.training.source import Source, TensorSource


@dataclass(frozen=True)
class Contender:
    """A training set, or a draw of one for each network.

    Attributes:
        sources: What each network is trained on.
        bits: What a reader downloads of it.
        soft: It has soft labels.
        rows: Numbers of the training rows that it holds, of any draw.
    """

    sources: list[Source]
    bits: int
    soft: bool = False
    rows: Tensor | None = None

    @property
    def samples(self) -> int:
        """Samples of one draw."""
        return len(self.sources[0])


def published(artifact: DistilledDataset, networks: int, soft: bool) -> Contender:
    """Return a set as it is published."""
    source = TensorSource(artifact.batch("soft" if soft else "hard"))
    return Contender([source] * networks, download_bits(artifact, soft), soft)


def baselines(
    names: Sequence[str],
    real: RealData,
    distilled: DistilledDataset,
    bits: int,
    streams: Sequence[Streams],
    extractor: Extractor,
) -> dict[str, Contender]:
    """Return baselines of as many real samples as fit into some bits; of a stream the random ones alone.

    Args:
        names: Which.
        real: The data.
        distilled: The set that they are compared with.
        bits: What it takes.
        streams: Those of each network; ``random`` is drawn anew for each.
        extractor: The space that selectors choose in.
    """
    spec, found = distilled.spec, {}
    count = max(spec.num_groups, bits // real_bits(spec))
    for name in names:
        if name not in BASELINES or (real.is_stream and name != "random"):
            continue
        draws = streams if name == "random" else streams[:1]
        made = [BASELINES[name](real, spec, count, own, extractor) for own in draws]
        sources: list[Source] = [TensorSource(draw.batch) for draw in made]
        sources = sources if name == "random" else sources * len(streams)
        found[name] = Contender(
            sources, len(sources[0]) * real_bits(spec), rows=torch.cat([draw.rows for draw in made])
        )
    return found
