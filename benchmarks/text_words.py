"""Texts at equal bits on held-out training rows: random ones, words that tell the class, what is learned from these.

`python benchmarks/text_words.py configs/text_ag_news.yaml --data.path=../shared/data/ag_news_10k`: all sets take at
most the bits of ten average texts a class. A fifth of the training rows, 2,000 at most, is measured on.

Other options are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import copy
import statistics
from pathlib import Path
from typing import Any

import torch
from held_out import parted
from record import save
from series_row import build

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.data.splits import SomeRows
from hf_distill.errors import UserError
from hf_distill.initialization import InitialSamples, KeywordSamples
from hf_distill.labels import DenseLabels
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.metrics.functions import accuracy
from hf_distill.objectives import UnrolledMatching
from hf_distill.pools import TrainedOnSet
from hf_distill.quantization import UniformQuantizer
from hf_distill.seeding import Streams
from hf_distill.synthetic import QuantizedSet, TokenSet
from hf_distill.synthetic.base import all_examples
from hf_distill.training import TensorSource, train_networks
from hf_distill.training.prediction import predict

PER_CLASS, ROWS, SEEDS, STEPS = 10, 2000, 5, 40
WORDS = ((1, "plain"), (1, "per_byte"), (4, "plain"), (4, "per_byte"), (12, "plain"), (30, "plain"))


class Given(InitialSamples[RealData]):
    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        return copy.deepcopy(self.batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    args, rest = parser.parse_known_args()
    objects = build([f"--config={args.config}", *rest])
    real = parted(objects.data, 0, 5).setup()
    spec, evaluator = real.spec, objects.evaluator
    budget = PER_CLASS * spec.num_groups * (spec.form.sample_bits(spec) + spec.bits_per_label)
    test = SomeRows(real.test, torch.arange(min(ROWS, len(real.test))))
    lines: list[dict[str, Any]] = []

    def measure(name: str, batches: list[Batch], label_bits: int, **about: Any) -> None:
        line = {"set": name, **about, "samples": len(batches[0])}
        line["bits"] = round(statistics.fmean(text_bits(real, batch) + label_bits * len(batch) for batch in batches))
        for network in evaluator.networks:
            built = [network.build_for(spec, Streams(seed).seed_for("network")) for seed in range(SEEDS)]
            sources = [TensorSource(batches[seed % len(batches)]) for seed in range(SEEDS)]
            recipe = evaluator.recipe.for_samples(len(batches[0]))
            streams = [Streams(seed) for seed in range(SEEDS)]
            train_networks(built, sources, streams, recipe=recipe, device=torch.device("cpu"))
            scores = [100 * accuracy(own, test.labels) for own in predict(built, test, spec, torch.device("cpu"))]
            line[network.label] = [statistics.fmean(scores), statistics.stdev(scores)]
        print(line, flush=True)
        lines.append(line)

    hard = spec.bits_per_label
    random = [real.draw(PER_CLASS * spec.num_groups, Streams(seed).generator("random")) for seed in range(SEEDS)]
    measure("random texts", random, hard)
    for words, ranked in WORDS:
        found = largest(real, KeywordSamples(words=words, measure=ranked), budget, hard)
        if found is not None:
            measure("words", [found], hard, words=words, measure=ranked)
    for name, label_bits, labels, lr in (
        ("words, learned labels of 4 bits a class", 4 * spec.num_classes, DenseLabels(lr=1.0), 0.02),
        ("words, learned tokens, rate 0.3", hard, None, 0.3),
        ("words, learned tokens, rate 0.03", hard, None, 0.03),
    ):
        start = largest(real, KeywordSamples(), budget, label_bits)
        assert start is not None
        inner = TokenSet(per_class=len(start) // spec.num_groups, learned=labels is None, length=4, labels=labels)
        rounded = labels is not None
        synthetic = QuantizedSet(synthetic=inner, quantizer=UniformQuantizer(bits=4)) if rounded else inner
        pool = TrainedOnSet(networks=evaluator.networks, steps=5, size=2, lr=0.01, batch=64, lifetime=200)
        method = OptimizedDistillation(
            synthetic=synthetic,
            objective=UnrolledMatching(pool=pool, real_batch=256),
            initial=Given(start),
            steps=STEPS,
            optimizer="adam",
            lr=lr,
            schedule="cosine",
        )
        learned = method.fit(real, Run(progress=False))
        with torch.no_grad():
            found = all_examples(learned, learned())
        measure(name, [found], label_bits, words=4, measure="plain")
    title = f"{objects.data.path.rsplit('/', 1)[-1]}: texts at equal bits, held-out training rows"
    note = f"{len(test):,} held-out training rows; mean and standard deviation over {SEEDS} networks; {budget:,} bits"
    save(f"{args.config.stem}_words", lines, title=title, note=note)


def text_bits(real: RealData, batch: Batch) -> int:
    """Return the bits of texts, written out where they are no source's."""
    spec = real.spec
    return int(spec.form.stored_bits(spec, spec.form.store(spec, batch.x)))


def largest(real: RealData, initial: KeywordSamples, budget: int, label_bits: int) -> Batch | None:
    """Return the most words that fit into some bits, or None where a class has too few of its own."""
    size, best = budget // (real.spec.num_groups * 64 * initial.words) + 1, None
    for _ in range(12):
        try:
            batch = initial.draw(real, size, Streams(0))
        except UserError:
            return best
        used = text_bits(real, batch) + label_bits * len(batch)
        if used <= budget and (best is None or len(batch) > len(best)):
            best = batch
        following = max(1, size * budget // used) if used > budget else size + max(1, size * (budget - used) // used)
        if best is not None and following * real.spec.num_groups <= len(best):
            return best
        size = following
    return best


if __name__ == "__main__":
    main()
