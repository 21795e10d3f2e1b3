"""CutSamples: the parts of real images that a teacher is surest of, put together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.augment.random_views import RandomViews
from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.large import room
from hf_distill.options import Few, PositiveInt
from hf_distill.ranks import Ranks
from hf_distill.seeding import Streams
from hf_distill.training.experts import Experts
from hf_distill.training.teacher import Teacher

# Shorter side from which images are put together of four pieces.
_LARGE = 64


class CutSamples(InitialSamples[RealData]):
    """Random parts of real images, those with the lowest cross-entropy under a teacher, tiled to images of full size.

    As ``Undistilled`` publishes them they are the images of RDED, and before ``OptimizedDistillation`` what EDC begins
    with; ``Relabeled`` adds the labels. Parts are scored as they are enlarged to the size of an image; the authors'
    code scores them small, in a corner of a grey image. Ranks share the classes, and each ends with all images.

    Args:
        teacher: Scores the parts; null for a ``Teacher`` that is trained on the data.
        candidates: Real images of each class that parts are cut from, at random; all that are needed at least.
        crops: Parts that are tried of each, of which the best is kept.
        pieces: Pieces a side of an image; null for 2 from 64 pixels on and 1 below.
        views: How parts are drawn; null for 8 % to all of the image's area, not mirrored.

    Examples:
        >>> from hf_distill import CutSamples, MLP, RealData, Recipe, Teacher
        >>> from hf_distill.seeding import Streams
        >>> teacher = Teacher(network=MLP(width=16), recipe=Recipe(epochs=1))
        >>> CutSamples(teacher=teacher, candidates=8, crops=2, pieces=1).draw(RealData().setup(), 1, Streams(0)).x.shape
        torch.Size([10, 1, 8, 8])
    """

    citation = """@inproceedings{sun2024rded,
  title = {On the Diversity and Realism of Distilled Dataset: An Efficient Dataset Distillation Paradigm},
  author = {Sun, Peng and Shi, Bei and Yu, Daiwei and Lin, Tao},
  booktitle = {CVPR},
  year = {2024}
}"""

    def __init__(
        self,
        *,
        teacher: Teacher | None = None,
        candidates: PositiveInt = 300,
        crops: Few = 5,
        pieces: PositiveInt | None = None,
        views: RandomViews | None = None,
    ) -> None:
        self.teacher = Teacher() if teacher is None else teacher
        self.candidates = candidates
        self.crops = crops
        self.pieces = pieces
        self.views = RandomViews(flip=0.0) if views is None else views

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: The data are no images with classes, a class has fewer images than there are pieces, or these do
                not fill an image.
        """
        spec = real.spec
        if spec.kind != "image" or spec.target != "classes":
            raise UserError(f"CutSamples cuts images with classes, not {spec.form.plural} with {spec.target}")
        if self.views.mixes:
            raise UserError("initial.views mix images, and a piece is of one: set initial.views.mix to none")
        pieces = self.pieces or (2 if min(spec.shape[1:]) >= _LARGE else 1)
        RandomViews(patches=pieces).check(spec.shape)
        quota = real.quota(size)
        for label, count in enumerate(quota):
            if count * pieces**2 > spec.class_counts[label]:
                raise UserError(
                    f"{spec.group_name(label)} has {spec.class_counts[label]} images, fewer than the "
                    f"{count * pieces**2} pieces of {count} samples: ask for fewer, or set initial.pieces to 1"
                )
        experts = self.teacher.experts(real)
        y = torch.arange(len(quota)).repeat_interleave(torch.tensor(quota))

        def cut(label: int) -> Tensor:
            generator = streams.generator("cut", label)
            return self._of_class(real, experts, label, quota[label], pieces, generator).cpu()

        x, device = room(len(y), *spec.shape, like=torch.empty(0)), real.train.device
        for label, images in enumerate(Ranks.together().shared(cut, len(quota))):
            x[y == label] = images
        return Batch.of(x.to(device), y.to(device))

    @torch.no_grad()
    def _of_class(
        self, real: RealData, experts: Experts, label: int, count: int, pieces: int, generator: torch.Generator
    ) -> Tensor:
        """Return the images of a class, those of the best pieces first."""
        rows = real.train.class_index(label)
        drawn = torch.randperm(len(rows), generator=generator)[: max(self.candidates, count * pieces**2)]
        x = real.train.batch(rows[drawn]).x
        best, cost = x, torch.full((len(x),), torch.inf, device=x.device)
        for _ in range(self.crops):
            parts = self.views.apply(x, self.views.sample(generator, len(x)))
            own = -experts.probabilities(parts)[:, label].clamp_min(1e-30).log()
            better = own < cost
            best = torch.where(better[:, None, None, None], parts, best)
            cost = torch.where(better, own, cost)
        chosen = best[cost.argsort(stable=True)[: count * pieces**2]]
        height, width = x.shape[2] // pieces, x.shape[3] // pieces
        small = F.adaptive_avg_pool2d(chosen, (height, width)).unflatten(0, (count, pieces, pieces))
        return small.permute(0, 3, 1, 4, 2, 5).reshape(count, *x.shape[1:])
