"""DistributionMatching: equal mean features in random networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from hf_distill.augment.base import Augment, AugmentParams
from hf_distill.augment.default import default_augment
from hf_distill.augment.siamese import AnyAugment
from hf_distill.data.base import Data
from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor
from hf_distill.features.pixels import PixelFeatures
from hf_distill.learners.task import Task, task_of
from hf_distill.networks.base import Architecture, FeatureNetwork
from hf_distill.networks.chunked import chunked, is_samplewise
from hf_distill.networks.compiled import CompiledFeatures, compiling_pays
from hf_distill.networks.convnet import ConvNet
from hf_distill.objectives.base import Objective
from hf_distill.objectives.class_means import class_means
from hf_distill.objectives.distances import Distance, differences
from hf_distill.objectives.real_chunks import real_chunks
from hf_distill.objectives.target_cells import USUAL_SIZE, TargetCells
from hf_distill.objectives.view import Eyes, View, means_of, with_features
from hf_distill.options import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Range
from hf_distill.pools.base import Pool, device_of
from hf_distill.pools.fresh import FreshNetworks
from hf_distill.seeding import Streams, seeded
from hf_distill.selection.cells import Cells
from hf_distill.synthetic.base import Synthetic, all_examples


class DistributionMatching(Objective[RealData]):
    """Squared distance of the class means of real and synthetic samples in the features of random networks.

    ``sum_c || mean psi(A_w(B_c)) - mean psi(A_w(S_c)) ||^2``, where psi is a freshly initialised network that is never
    trained, read before its last layer, and A_w one augmentation with the same random parameters for both sides.

    Source: Zhao and Bilen, Dataset Condensation with Distribution Matching (WACV 2023). There every step has a new
    network and new real samples, which is ``views=1, reuse=1``. The real side has no gradient and is nearly all of the
    work, so that using each view ``reuse`` times makes a step cheaper; ``views`` of them take turns.

    With a ``cell_size``, k-means divides the real samples of each class into cells, as many as there are groups of so
    many synthetic samples, and the means of every cell are matched: one mean leaves many samples of a class free to be
    all alike. This is ours, after DREAM (Liu et al., ICCV 2023), which draws real batches from such clusters. Where
    there are no classes (real values, several labels) the cells are those of what is learned, quantiles of a real
    value, and the mean target of every cell is matched too, which teaches ``ValueLabels``.

    Additions of later work, all off by default. ``distance`` compares more of the samples than their mean: M3D (Zhang
    et al., AAAI 2024), NCFM (Wang et al., CVPR 2025). ``normalize`` divides by the distances of the real class means
    from their centre: a step then means the same for every network, width and dataset. ``discrimination`` adds the term
    of CAFE (Wang et al., CVPR 2022): real samples are classified by the synthetic class means, so that these do not
    only lie where the real ones do but also tell the classes apart. Here the logits are negative squared distances over
    ``temperature`` times a unit. ``calibration`` adds what a network that is trained on the real data makes of the set
    (IDM, Zhao et al., CVPR 2023): with ``InterpolatedNetworks`` DANCE (Zhang et al., IJCAI 2024), or NCFM.

    Args:
        pool: The networks psi; null for fresh ones, which are never trained.
        network: Architecture of fresh networks, in place of a pool; null for ``ConvNet``.
        augment: Siamese augmentation; ``auto`` for the usual one of the kind of data, null for none.
        real_per_class: Real samples of each class in a view.
        views: Views that take turns.
        reuse: Steps that each view is used for before a new one takes its place.
        distance: ``mean``: squared, of the class means. ``mmd``: squared maximum mean discrepancy by five Gaussian
            kernels. ``characteristic``: absolute difference of the characteristic functions of features of length 1.
        normalize: Divide the distances by those of the real class means from their centre.
        discrimination: Weight of the discrimination term.
        temperature: Of the discrimination term's logits, in ``temperature_unit``.
        temperature_unit: ``spread`` is the mean squared distance of the real class means from their centre;
            ``calibrated`` is the temperature at which these means classify the real samples with the least cross
            entropy. Where classes overlap, as in photographs, the spread is far smaller (benchmarks/calibration.py).
        calibration: Weight of the loss of a trained network of the pool on the set. Learned labels do not heed it.
        cell_size: Synthetic samples that match the mean of one cell of their class; 0 for all of a class. Each sample
            stays in the cell to which it is closest at the start: start from ``RealSamples`` with a
            ``CellSelector`` of the same size and the same ``features``. Null for 0, or 2 where there are no classes.
        features: The space in which k-means makes the cells; null for pixels.
        chunk: Images in one forward pass; 0 chooses 256 on a CPU and 4096 elsewhere. A set of more than four times as
            many is computed twice instead of being held for its gradient.
        compile_network: ``torch.compile`` of the network: ``auto`` where the run is long enough to win its time back.

    Examples:
        >>> from hf_distill import DistributionMatching, OptimizedDistillation
        >>> OptimizedDistillation(objective=DistributionMatching(distance="mmd"), steps=1000).objective.distance
        'mmd'
    """

    paper = "Zhao and Bilen, Dataset Condensation with Distribution Matching, WACV 2023"
    citation = """@inproceedings{zhao2023distribution,
  title = {Dataset Condensation with Distribution Matching},
  author = {Zhao, Bo and Bilen, Hakan},
  booktitle = {IEEE/CVF Winter Conference on Applications of Computer Vision},
  year = {2023}
}
@inproceedings{wang2022cafe,
  title = {CAFE: Learning to Condense Dataset by Aligning Features},
  author = {Wang, Kai and Zhao, Bo and Peng, Xiangyu and Zhu, Zheng and Yang, Shuo and Wang, Shuo and Huang, Guan and
    Bilen, Hakan and Wang, Xinchao and You, Yang},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022}
}"""

    def __init__(
        self,
        *,
        pool: Pool | None = None,
        network: Architecture | None = None,
        augment: AnyAugment | Literal["auto"] | None = "auto",
        real_per_class: Annotated[int, Range(1, 100_000)] = 256,
        views: Annotated[int, Range(1, 1000)] = 1,
        reuse: PositiveInt = 1,
        distance: Distance = "mean",
        normalize: bool = False,
        discrimination: NonNegativeFloat = 0.0,
        temperature: PositiveFloat = 0.2,
        temperature_unit: Literal["spread", "calibrated"] = "spread",
        calibration: NonNegativeFloat = 0.0,
        cell_size: NonNegativeInt | None = None,
        features: Extractor | None = None,
        chunk: NonNegativeInt = 0,
        compile_network: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        super().__init__()
        if pool is not None and network is not None:
            raise UserError("objective.pool and objective.network both say which networks: leave one of them out")
        self.pool = FreshNetworks(network=network or ConvNet()) if pool is None else pool
        self.network = None  # said by the pool
        self.augment = augment
        self._siamese: Augment | None = None
        self.real_per_class = real_per_class
        self.views = views
        self.reuse = reuse
        self.distance = distance
        self.normalize = normalize
        self.discrimination = discrimination
        self.temperature = temperature
        self.temperature_unit = temperature_unit
        self.calibration = calibration
        self.cell_size = cell_size
        self.features = PixelFeatures() if features is None else features
        self.chunk = chunk
        self.compile_network = compile_network
        self._views: dict[int, View] = {}
        self._compiled: CompiledFeatures | None = None
        self._cells: Cells | TargetCells | None = None
        self._member: Tensor | None = None
        self._present: Tensor | None = None

    def get_extra_state(self) -> dict[str, Tensor | None]:
        """Return which cell every synthetic sample belongs to and which classes are matched, for checkpoints."""
        return {"member": self._member, "present": self._present}

    def set_extra_state(self, state: dict[str, Tensor | None]) -> None:
        """Go on with the cells and classes of a checkpoint: those of the set by then may be others."""
        self._member, self._present = state["member"], state["present"]

    def forward(self, synthetic: Synthetic, real: RealData, streams: Streams) -> dict[str, Tensor]:
        """See :class:`Objective`; returns ``features`` and what else has a weight."""
        view = self._view(synthetic, real, streams)
        batch, eyes = all_examples(synthetic, synthetic()), view.eyes
        with seeded(streams.seed_for("dropout")):
            features = self._features(eyes.network, batch.x, eyes.params, self._part(eyes.network, batch))
        means = self._means(features if view.waves is None else view.waves(features), batch, real)
        distance = differences(means, view.means, self.distance).sum()
        terms = {"features": distance / (len(means) * view.spread) if self.normalize else distance}
        if isinstance(self._cells, TargetCells) and batch.y.requires_grad:
            targets = class_means(batch.y, self._grouped(batch, real.spec), self._groups(real))
            terms["targets"] = (targets - self._cells.means.to(targets)).square().sum(1).mean()
        if view.samples is not None:
            means = means if view.waves is None else self._means(features, batch, real)
            terms["discrimination"] = self.discrimination * view.discrimination(means, self.temperature)
        if eyes.judge is not None:
            with seeded(streams.seed_for("judge", "dropout")):
                outputs = self._seen(eyes.judge, batch.x, eyes.params, self._part(eyes.judge, batch))
            loss = _task(real).loss(outputs, Batch(batch.x, batch.y.detach(), batch.w))
            terms["calibration"] = self.calibration * loss
        return terms

    def _features(self, network: FeatureNetwork, x: Tensor, params: AugmentParams | None, chunk: int) -> Tensor:
        look = network.features if self._compiled is None else partial(self._compiled, network)
        return self._seen(look, x, params, chunk)

    def _seen(self, network: Callable[[Tensor], Tensor], x: Tensor, params: AugmentParams | None, chunk: int) -> Tensor:
        """Return what a network makes of augmented samples, some of them at a time."""
        siamese = None if params is None else self._siamese

        def of(part: Tensor) -> Tensor:
            return network(part if siamese is None or params is None else siamese.apply(part, params))

        return chunked(of, x, chunk, recompute=self._compiled is None)

    def _part(self, network: nn.Module, batch: Batch) -> int:
        return self._chunk(batch.x.device.type) if is_samplewise(network) else len(batch)

    def _means(self, features: Tensor, batch: Batch, real: RealData) -> Tensor:
        means = class_means(features, self._grouped(batch, real.spec), self._groups(real))
        return means if self._present is None else means[self._present]

    def _grouped(self, batch: Batch, spec: DataSpec) -> Batch:
        """Return a batch with what its samples are averaged by: cells, classes or their probabilities, or all alike."""
        if self._member is not None:
            return Batch(batch.x, self._member, batch.w)
        return batch if spec.target == "classes" else Batch(batch.x, spec.goal.group_of(batch.y), batch.w)

    def _groups(self, real: RealData) -> int:
        """Return how many means are matched: those of the classes, or of the cells."""
        return real.spec.num_groups if self._cells is None else len(self._cells.rows)

    @torch.no_grad()
    def prepare(self, synthetic: Synthetic, real: RealData, steps: int) -> None:
        """See :class:`Objective`: choose whether to compile, and find the cells, or the classes that the set has."""
        task = _task(real)
        if self.pool.follows_set and (self.views > 1 or self.reuse > 1):
            raise UserError(
                f"objective.pool {type(self.pool).__name__} goes on with the set, so that no view is used twice: set "
                "objective.views and objective.reuse to 1"
            )
        if self.calibration:
            self.pool.require_real("objective.calibration")
        batch = all_examples(synthetic, synthetic())
        labels = real.spec.goal.group_of(batch.y)
        counts = torch.bincount(labels, minlength=real.spec.num_groups)
        cell_size = self._cell_size(real)
        if not cell_size and not counts.all() and self._present is None:
            self._present = counts.nonzero()[:, 0]
        if cell_size and real.spec.target != "classes":
            self._cells = TargetCells.of(real, len(batch), cell_size)
            self._member = self._cells.assign(batch.y) if self._member is None else self._member
        elif cell_size:
            self._cells = Cells.of(real, counts.tolist(), cell_size, self.features)
            self._member = self._cells.assign(batch.x, labels) if self._member is None else self._member
        if self._member is not None:
            self._member = self._member.to(labels.device)
        image = self.pool.work(task, 1)
        # Three passes are counted for an image; the real side makes one, once in ``reuse`` steps.
        images = len(batch) + real.spec.num_groups * self.real_per_class / (3 * self.reuse)
        wanted = compiling_pays(image * images * steps) and len(self.pool.kinds) == 1
        if self.compile_network == "always" or (self.compile_network == "auto" and wanted):
            self._compiled = CompiledFeatures(with_features(self.pool.example(task)))

    def _cell_size(self, real: RealData) -> int:
        """Return the size of the cells; samples without classes have some, unless they are a stream."""
        usual = 0 if real.spec.target == "classes" or real.is_stream else USUAL_SIZE
        return usual if self.cell_size is None else self.cell_size

    def work(self, synthetic: Synthetic, real: RealData) -> float:
        """See :class:`Objective`: a chunk of the real side, as if it had a gradient."""
        images = min(self._chunk("cpu"), real.spec.num_groups * self.real_per_class)
        return self.pool.work(_task(real), images)

    def cycle(self) -> tuple[int, int]:
        """See :class:`Objective`: new views are made, and then used again."""
        return (self.views * self.reuse, self.views) if self.reuse > 1 else (1, 0)

    def _chunk(self, device: str) -> int:
        return self.chunk or (256 if device == "cpu" else 4096)

    def _view(self, synthetic: Synthetic, real: RealData, streams: Streams) -> View:
        """Return this step's view, made now unless the step before it with the same place has left it.

        The step at which a view is made, and so all its randomness, follows from the step alone: a resumed run makes
        the same one again.
        """
        place = streams.step % self.views
        made_at = streams.at(streams.step - streams.step % (self.views * self.reuse) + place)
        view = self._views.get(place)
        if view is None or view.eyes.streams != made_at:
            view = self._views[place] = self._make_view(synthetic, real, made_at)
        return view

    @torch.no_grad()
    def _make_view(self, synthetic: Synthetic, real: RealData, streams: Streams) -> View:
        spec = real.spec
        siamese = self._siamese = default_augment(spec) if self.augment == "auto" else self.augment
        if siamese is not None and spec.kind not in siamese.kinds:
            raise UserError(f"augmentation needs {siamese.noun}; set --method.objective.augment=null")
        params = None if siamese is None else siamese.sample(streams.generator("augment"))
        task, chunk = _task(real), self._chunk(device_of(synthetic).type)
        network = with_features(self.pool.draw(task, synthetic, streams)).requires_grad_(False)
        judge = self.pool.trained(task, synthetic, streams).requires_grad_(False) if self.calibration else None
        centres, chunks = [], []
        count, drawn = self.real_per_class, streams.generator("real")
        for batch in real_chunks(real, drawn, count, chunk, self._cells, self._present):
            with seeded(streams.seed_for("dropout", int(batch.y[0]))):
                found = self._features(network, batch.x, params, chunk)
            centres.append(means_of(found, batch))
            if self.discrimination or self.distance != "mean":
                chunks.append(Batch(found, batch.y, batch.w))
        unit = self.temperature_unit if self.discrimination else None
        return View.of(Eyes(streams, network, params, judge), torch.cat(centres), chunks, self.distance, unit)


def _task(real: Data) -> Task:
    if real.spec.num_groups is None:
        raise UserError("DistributionMatching needs samples with classes: choose HarmonicMatching for a time series")
    return task_of(real)
