"""Audit: copies of training rows in a set, and what networks trained on it betray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import Tensor

from hf_distill.audit.backdoor import planted, search_backdoor
from hf_distill.audit.copies import find_copies
from hf_distill.audit.membership import attack
from hf_distill.audit.nearest import stored_rows
from hf_distill.audit.picture import PAIRS, draw_pairs
from hf_distill.audit.shadows import attack_shadows
from hf_distill.audit.trained import Trained
from hf_distill.audit.whole_rows import row_copies
from hf_distill.audit.windows import series_copies
from hf_distill.data.real import RealData
from hf_distill.data.splits import SomeRows, Split
from hf_distill.errors import UserError
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.evaluation.published import check_match
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks.cost import find_device
from hf_distill.options import NonNegativeInt, PositiveFloat, PositiveInt, Range, Seed
from hf_distill.parts import Part
from hf_distill.seeding import Streams

# Test rows that marks are tried on.
_MARKED = 1000
# How copies are counted in what has no samples, by kind.
_OTHERS: dict[str, Callable[..., dict[str, Any]]] = {"series": series_copies, "rows": row_copies}


@dataclass(frozen=True)
class Audited:
    """What an audit found.

    Attributes:
        result: JSON: ``protocol``, ``copies``, ``classes`` and, of networks, ``membership``, ``shadows``, ``backdoor``,
            ``poison``.
        pairs: The closest pairs, of samples: training rows are in it, and it is nothing to publish.

    Examples:
        >>> from hf_distill import Audit, ClassificationEvaluator, Coreset, RealData
        >>> real = RealData()
        >>> audited = Audit(networks=0).run(Coreset(per_class=1).distill(real), real, ClassificationEvaluator())
        >>> audited.result["copies"]["exact"]  # a coreset is real rows
        10
    """

    result: dict[str, Any]
    pairs: Image | None


class Audit(Part):
    """Counts the samples of a set that are copies of training rows, and attacks networks that are trained on it.

    A sample is an exact copy where every published value is that of a training row. It is a near copy where it is as
    close to one training row as few test rows are, in two measures: the distance, and the distance in units of the mean
    distance of the next rows. The first alone would call the mean of many rows a copy, which is close to all of them;
    the second alone, a sample that is far from everything. Each threshold is the quantile ``share`` of test rows, so
    that of fresh rows no more than that share is called a copy.

    Of a series, the samples are pieces of it, as long as what a forecaster sees, and training rows every such piece of
    theirs; the distance alone counts. Whole rows are published as they are: all are copies.

    The attack takes the rows of which networks that were trained on the set have a small loss for rows that the set was
    made from: all training rows are members, test rows are none. Beside it stands the same attack on a network that was
    trained on the training rows themselves.

    A stronger attack knows the method: it distils random halves of the training rows, trains a network on each of these
    sets and learns what the networks say of a row that was in, and of one that was out (LiRA: Carlini et al.,
    Membership Inference Attacks From First Principles, S&P 2022). Each half is attacked with the others as shadows, so
    that what is measured is the method on these data. It takes ``shadows`` distillations.

    A backdoor is looked for in the same networks: of images, the smallest mark for each class that sends test rows of
    other classes to it (Wang et al., Neural Cleanse, S&P 2019), beside that of the network of all training rows. It
    is only found where these rows are clean. Where the data name a poison, the share of triggered test rows that are
    taken for its target is measured too.

    Args:
        features: The space of the distances; null for the values themselves, ``PixelFeatures``.
        share: Of test rows that each threshold lets pass for copies.
        neighbours: The next rows whose mean distance is the unit of the second measure.
        test_rows: Test rows that the thresholds are taken from, at most.
        networks: Networks that are trained on the set; their losses are averaged. 0 attacks nothing.
        rows: Training rows, and test rows, that are attacked, at most.
        shadows: Halves of the training rows that are distilled for the likelihood-ratio attack, an even number; 0
            distils none.
        mark_steps: Steps of the search for the smallest mark of each class; 0 searches for none.
        anomaly: A class is suspected where its mark is smaller than that of the network of all rows by more than that
            of the median class is, by so many powers of two.
        seed: Of which rows, networks and resamples.

    Examples:
        >>> from hf_distill import Audit
        >>> Audit(networks=0, share=0.05)  # hf-distill audit outputs/dm_digits --audit.networks=0 --audit.share=0.05
        Audit(features=PixelFeatures(), share=0.05, networks=0)
    """

    def __init__(
        self,
        *,
        features: Extractor | None = None,
        share: Annotated[float, Range(0, 0.5, above=True)] = 0.01,
        neighbours: PositiveInt = 10,
        test_rows: PositiveInt = 2000,
        networks: Annotated[int, Range(0, 100)] = 4,
        rows: PositiveInt = 5000,
        shadows: Annotated[int, Range(0, 1000)] = 0,
        mark_steps: NonNegativeInt = 200,
        anomaly: PositiveFloat = 0.5,
        seed: Seed = 0,
    ) -> None:
        self.features = PixelFeatures() if features is None else features
        self.share = share
        self.neighbours = neighbours
        self.test_rows = test_rows
        self.networks = networks
        self.rows = rows
        self.shadows = shadows
        self.mark_steps = mark_steps
        self.anomaly = anomaly
        self.seed = seed

    def run(self, artifact: DistilledDataset, real: Any, evaluator: ClassificationEvaluator | None = None) -> Audited:
        """Audit a set.

        Args:
            artifact: The set.
            real: The data that it was made from.
            evaluator: Network and recipe of the attack, those of its sketch; null for the usual ones.

        Raises:
            UserError: The data are not those of the set, or have no rows to compare with.
        """
        evaluator = ClassificationEvaluator() if evaluator is None else evaluator
        device = find_device(evaluator.device)
        real.setup(device)
        if real.spec.kind not in _OTHERS:
            return self._samples(artifact, real, evaluator, device)
        protocol = {**self.config()["init_args"], "train_rows": real.spec.num_rows}
        copies = _OTHERS[real.spec.kind](artifact, real, self.share, self.test_rows, self.seed)
        return Audited({"protocol": protocol, "copies": copies, "classes": []}, None)

    def _samples(
        self, artifact: DistilledDataset, real: RealData, evaluator: ClassificationEvaluator, device: torch.device
    ) -> Audited:
        if real.is_stream:
            raise UserError("an audit needs random access to the source: set --data.streaming=false")
        check_match(artifact.spec, real.spec)
        if self.shadows % 2 or self.shadows == 2:
            raise UserError(f"audit.shadows is {self.shadows}: choose 0, 4 or another even number")
        features = self.features.fit(real, spec=artifact.spec, device=device)
        test = self._some(real.test, self.test_rows)
        copies = find_copies(artifact, real, features, test, self.neighbours, self.share)
        result = {
            "protocol": {**self.config()["init_args"], "train_rows": len(real.train)},
            "copies": copies.about,
            "classes": copies.by_class(artifact),
        }
        if self.networks and real.spec.target == "classes":
            streams = [Streams(self.seed, step=k) for k in range(self.networks)]
            result |= self._trained(Trained.on(artifact, real, evaluator.quick(), streams, device), real)
        if self.shadows and real.spec.target == "classes":
            pool = self._some(real.train, self.rows)
            result["shadows"] = attack_shadows(artifact, real, evaluator.quick(), self.shadows, pool, self.seed, device)
        first = copies.closeness.argsort()[:PAIRS]
        rows = stored_rows(real.spec, real.train, copies.nearest.rows[first])
        return Audited(result, draw_pairs(real.spec, artifact.stored[first.numpy()], rows))

    def _trained(self, trained: Trained, real: RealData) -> dict[str, Any]:
        """Return what the networks of a set tell."""
        found: dict[str, Any] = {"membership": self._membership(trained, real)}
        if real.poison is not None:
            found["poison"] = planted(trained, real.poison, real.test)
        if self.mark_steps and real.spec.kind == "image":
            shown = SomeRows(real.test, self._some(real.test, _MARKED))
            generator = Streams(self.seed).generator("marks")
            found["backdoor"] = search_backdoor(trained, shown, self.mark_steps, self.anomaly, generator)
        return found

    def _membership(self, trained: Trained, real: RealData) -> list[dict[str, Any]]:
        splits = [SomeRows(split, self._some(split, self.rows)) for split in (real.train, real.test)]
        sizes = {"members": len(splits[0]), "others": len(splits[1])}
        rows = []
        for name, networks in trained.groups.items():
            members, others = (_losses(trained.outputs(name, split), split) for split in splits)
            generator = np.random.default_rng(Streams(self.seed).seed_for("resamples"))
            about = {"network": trained.label, **sizes, "trained_on": name, "networks": len(networks)}
            rows.append({**about, **attack(members, others, generator)})
        return rows

    def _some(self, split: Split, most: int) -> Tensor:
        order = torch.randperm(len(split), generator=Streams(self.seed).generator("audited"))
        return order[:most].sort().values


def _losses(outputs: Sequence[Tensor], split: Split) -> np.ndarray:
    """Return the mean loss of some networks on each row of a split."""
    losses = [F.cross_entropy(logits, split.targets, reduction="none") for logits in outputs]
    mean: np.ndarray = torch.stack(losses).double().mean(0).numpy()
    return mean
