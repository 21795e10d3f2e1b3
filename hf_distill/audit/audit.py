"""Audit: copies of training rows in a set, and what networks trained on it betray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import Tensor, nn

from hf_distill.audit.copies import find_copies
from hf_distill.audit.membership import attack
from hf_distill.audit.nearest import stored_rows
from hf_distill.audit.picture import PAIRS, draw_pairs
from hf_distill.data.real import RealData
from hf_distill.data.splits import SomeRows, Split
from hf_distill.errors import UserError
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.evaluation.published import check_match
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.features.trained import trained_on
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks.cost import find_device
from hf_distill.networks.default import default_network
from hf_distill.options import PositiveInt, Range, Seed
from hf_distill.parts import Part
from hf_distill.seeding import Streams
from hf_distill.training.prediction import predict
from hf_distill.training.source import TensorSource
from hf_distill.training.trainer import train_networks


@dataclass(frozen=True)
class Audited:
    """What an audit found.

    Attributes:
        result: JSON: ``protocol``, ``copies``, ``classes`` and, of classes, ``membership``.
        pairs: The closest pairs: training rows are in it, and it is nothing to publish.

    Examples:
        >>> from hf_distill import Audit, ClassificationEvaluator, Coreset, RealData
        >>> real = RealData()
        >>> audited = Audit(networks=0).run(Coreset(per_class=1).distill(real), real, ClassificationEvaluator())
        >>> audited.result["copies"]["exact"]  # a coreset is real rows
        10
    """

    result: dict[str, Any]
    pairs: Image


class Audit(Part):
    """Counts the samples of a set that are copies of training rows, and attacks networks that are trained on it.

    A sample is an exact copy where every published value is that of a training row. It is a near copy where it is as
    close to one training row as few test rows are, in two measures: the distance, and the distance in units of the mean
    distance of the next rows. The first alone would call the mean of many rows a copy, which is close to all of them;
    the second alone, a sample that is far from everything. Each threshold is the quantile ``share`` of test rows, so
    that of fresh rows no more than that share is called a copy.

    The attack takes the rows of which networks that were trained on the set have a small loss for rows that the set was
    made from: all training rows are members, test rows are none. Beside it stands the same attack on a network that was
    trained on the training rows themselves.

    Args:
        features: The space of the distances; null for the values themselves, ``PixelFeatures``.
        share: Of test rows that each threshold lets pass for copies.
        neighbours: The next rows whose mean distance is the unit of the second measure.
        test_rows: Test rows that the thresholds are taken from, at most.
        networks: Networks that are trained on the set; their losses are averaged. 0 attacks nothing.
        rows: Training rows, and test rows, that are attacked, at most.
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
        seed: Seed = 0,
    ) -> None:
        self.features = PixelFeatures() if features is None else features
        self.share = share
        self.neighbours = neighbours
        self.test_rows = test_rows
        self.networks = networks
        self.rows = rows
        self.seed = seed

    def run(self, artifact: DistilledDataset, real: RealData, evaluator: ClassificationEvaluator) -> Audited:
        """Audit a set.

        Args:
            artifact: The set.
            real: The data that it was made from.
            evaluator: Network and recipe of the attack: those of its sketch.

        Raises:
            UserError: The data are not those of the set, or have no rows to compare with.
        """
        device = find_device(evaluator.device)
        real.setup(device)
        if real.spec.kind == "rows" or real.is_stream:
            raise UserError("an audit needs samples and random access to their source: not whole rows, nor a stream")
        check_match(artifact.spec, real.spec)
        features = self.features.fit(real, device=device)
        test = self._some(real.test, self.test_rows)
        copies = find_copies(artifact, real, features, test, self.neighbours, self.share)
        result = {
            "protocol": {**self.config()["init_args"], "train_rows": len(real.train)},
            "copies": copies.about,
            "classes": copies.by_class(artifact),
        }
        if self.networks and real.spec.target == "classes":
            result["membership"] = self._membership(artifact, real, evaluator.quick(), device)
        first = copies.closeness.argsort()[:PAIRS]
        rows = stored_rows(real.spec, real.train, copies.nearest.rows[first])
        return Audited(result, draw_pairs(real.spec, artifact.stored[first.numpy()], rows))

    def _membership(
        self, artifact: DistilledDataset, real: RealData, sketch: ClassificationEvaluator, device: torch.device
    ) -> list[dict[str, Any]]:
        spec = artifact.spec
        network = (sketch.networks or [default_network(spec)])[0]
        recipe = sketch.recipe.suited(spec)
        recipe.check(spec)
        streams = [Streams(self.seed, step=k) for k in range(self.networks)]
        built: list[nn.Module] = [network.build_for(spec, own.seed_for("network")) for own in streams]
        sources = [TensorSource(artifact.batch())] * len(built)
        train_networks(built, sources, streams, recipe=recipe.for_samples(len(artifact)), device=device)
        full = trained_on(real, network, recipe, streams[0], device, spec)
        splits = [SomeRows(split, self._some(split, self.rows)) for split in (real.train, real.test)]
        rows = []
        for name, networks in (("this set", built), ("full data", [full])):
            members, others = (_losses(networks, split, artifact, device) for split in splits)
            generator = np.random.default_rng(streams[0].seed_for("resamples"))
            rows.append({"trained_on": name, "networks": len(networks), **attack(members, others, generator)})
        return [{"network": network.label, "members": len(splits[0]), "others": len(splits[1]), **row} for row in rows]

    def _some(self, split: Split, most: int) -> Tensor:
        order = torch.randperm(len(split), generator=Streams(self.seed).generator("audited"))
        return order[:most].sort().values


def _losses(
    networks: Sequence[nn.Module], split: Split, artifact: DistilledDataset, device: torch.device
) -> np.ndarray:
    """Return the mean loss of some networks on each row of a split."""
    outputs = predict(networks, split, artifact.spec, device)
    losses = [F.cross_entropy(logits, split.targets, reduction="none") for logits in outputs]
    mean: np.ndarray = torch.stack(losses).double().mean(0).numpy()
    return mean
