"""Contenders: the training sets that are measured side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.evaluation.baselines import BASELINES, Baseline, Chosen
from hf_distill.evaluation.size import download_bits, real_bits
from hf_distill.features.base import Extractor
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.soft_examples import SoftExamples
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
    source: Source = TensorSource(artifact.batch())
    if soft:
        source = SoftExamples.of(artifact.x, artifact.w, artifact.packed)
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
    if not real.is_stream and real.class_balance == "equal":
        count = min(count, spec.num_groups * min(real.spec.class_counts))  # bits that all of the data fit into
    for name in names:
        if name not in BASELINES or (real.is_stream and name != "random"):
            continue
        if name == "class_mean" and not spec.form.has_means:
            continue
        draws = streams if name == "random" else streams[:1]
        made = [BASELINES[name](real, spec, count, own, extractor) for own in draws]
        sizes = [_bits(real, spec, draw) for draw in made]
        if name != "random":
            made, sizes = _fitted(BASELINES[name], real, spec, count, draws[0], extractor, made[0], bits)
        sources: list[Source] = [TensorSource(draw.batch) for draw in made]
        sources = sources if name == "random" else sources * len(streams)
        found[name] = Contender(sources, sum(sizes) // len(sizes), rows=torch.cat([draw.rows for draw in made]))
    return found


def _bits(real: RealData, spec: DataSpec, chosen: Chosen) -> int:
    """Return the exact bits of a baseline's samples with their labels."""
    source = real.train.source(chosen.rows) if len(chosen.rows) and spec.form.varies(spec) else None
    if source is None:
        return len(chosen.batch) * real_bits(spec)
    return spec.form.stored_bits(spec, source) + len(source) * spec.bits_per_label


def _fitted(
    baseline: Baseline,
    real: RealData,
    spec: DataSpec,
    count: int,
    streams: Streams,
    extractor: Extractor,
    chosen: Chosen,
    bits: int,
) -> tuple[list[Chosen], list[int]]:
    """Return chosen samples that fit into some bits where samples differ in size, fewer of them if need be."""
    size = _bits(real, spec, chosen)
    while spec.form.varies(spec) and size > bits and count > spec.num_groups:
        count = max(spec.num_groups, min(count - spec.num_groups, count * bits // size))
        chosen = baseline(real, spec, count, streams, extractor)
        size = _bits(real, spec, chosen)
    return [chosen], [size]
