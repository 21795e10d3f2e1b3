"""ViewLabels: a label for each of several views of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from hf_distill.augment.random_views import RandomViews
from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.decode import view_matrices
from hf_distill.errors import UserError
from hf_distill.labels.base import Labels
from hf_distill.labels.dense import DenseLabels
from hf_distill.labels.hard import HardLabels
from hf_distill.options import Range, Seed

#: Kinds of inputs that have views.
VIEWED = ("image",)


def views_of(x: Tensor, views: int, share: float) -> list[Tensor]:
    """Return so many views of images ``(M, C, H, W)``, each of that shape: the images, and parts of them, enlarged."""
    rise, run = (torch.from_numpy(ways).to(x) for ways in view_matrices(views, share, x.shape[2], x.shape[3]))
    return [x, *(rise[view] @ x @ run[view].T for view in range(1, views))]


class ViewLabels(Labels):
    """Every image has several views, the image and parts of it, and a label for each: the training examples of a set.

    The first view is the image as it is, which is published with the likeliest class of its label. The others are parts
    of it, enlarged, at places that follow from their number, so that nothing but labels is stored of them. An example
    is one view with its label: number ``e`` is view ``e % views`` of sample ``e // views``.

    With ``draw`` the others are random views, mirrored and mixed with views of other images where that says so. They
    too follow from their number, and from a seed: what others store for each view is computed here, by the decoder that
    is published beside the set. The method :class:`~hf_distill.Relabeled` has a teacher label them.

    Source: a soft label for each crop of an image, as Shen and Xing, A Fast Knowledge Distillation Framework for Visual
    Recognition (ECCV 2022), and Sun et al., On the Diversity and Realism of Distilled Dataset (RDED, CVPR 2024), store
    for crops at random places.

    Args:
        labels: What is stored of each of the labels; null for ``DenseLabels``.
        views: Views of an image.
        share: Of an image's height and width that the parts have.
        draw: How views are drawn; null for the image and parts of it at even places.
        seed: Of the drawn ones.

    Examples:
        >>> import torch
        >>> from hf_distill import DenseLabels, RealData, ViewLabels
        >>> labels = ViewLabels(labels=DenseLabels(), views=4)
        >>> labels.initialize(torch.tensor([3, 7]), RealData().setup().spec)
        >>> labels.decode(labels.codes()).shape
        torch.Size([2, 4, 10])
    """

    rise: Tensor
    run: Tensor

    def __init__(
        self,
        *,
        labels: Labels | None = None,
        views: Annotated[int, Range(1, 1024)] = 4,
        share: Annotated[float, Range(0, 1, above=True)] = 0.5,
        draw: RandomViews | None = None,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        self.labels = DenseLabels() if labels is None else labels
        self.views = views
        self.share = share
        self.draw = draw
        self.seed = seed
        self.lr = self.labels.lr

    def suited(self, spec: DataSpec) -> Labels:
        """See :class:`Labels`.

        Raises:
            UserError: The data are no images, the views do not fit them, or the labels are hard.
        """
        super().suited(spec)
        if spec.kind not in VIEWED:
            raise UserError("ViewLabels label parts of images; choose DenseLabels or TopLabels for vectors")
        if isinstance(self.labels, (HardLabels, ViewLabels)):
            raise UserError(f"labels.labels is {type(self.labels).__name__}; choose DenseLabels or TopLabels")
        if self.draw is not None:
            self.draw.check(spec.shape)
        return self

    def initialize(self, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Labels`; ``y`` may be the probabilities of the views, ``(M, views, classes)``.

        Raises:
            UserError: The labels do not suit the data, or are not of the views that are drawn.
        """
        self.suited(spec)
        if self.draw is not None and (y.dim() == 3 or self.draw.mixes):
            raise UserError("views that are drawn are labelled by a teacher: make ViewLabels the labels of Relabeled")
        self.taught(y, spec)

    def taught(self, y: Tensor, spec: DataSpec) -> None:
        """See :class:`Labels`."""
        each = y.flatten(0, 1) if y.dim() == 3 else y.repeat_interleave(self.views, 0)
        self.labels.initialize(each, spec)
        rise, run = view_matrices(self.views, self.share, *spec.shape[1:])
        self.register_buffer("rise", torch.from_numpy(rise).to(y.device, torch.float32))
        self.register_buffer("run", torch.from_numpy(run).to(y.device, torch.float32))

    def join(self, others: Sequence[Labels]) -> None:
        """See :class:`Labels`."""
        self.labels.join([other.labels for other in others if isinstance(other, ViewLabels)])

    def view(self, decoded: Batch, index: Tensor) -> Batch:
        """See :class:`Labels`: example ``e`` is view ``e % views`` of sample ``e // views``."""
        index = index.to(decoded.x.device)
        sample, view = index // self.views, index % self.views
        if self.draw is not None:
            drawn = self.draw.replayed(decoded.x, index, self.views, self.seed)
            return Batch(drawn, decoded.y[sample, view], decoded.w[sample])
        seen = self.rise[view][:, None] @ decoded.x[sample] @ self.run[view][:, None].mT
        return Batch(seen, decoded.y[sample, view], decoded.w[sample])

    def _apart(self, values: Tensor) -> Tensor:
        return values.unflatten(0, (-1, self.views))

    def codes(self) -> dict[str, Tensor]:
        """Return those of the labels, ``(M, views, ...)``."""
        return {name: self._apart(values) for name, values in self.labels.codes().items()}

    def decode(self, codes: dict[str, Tensor]) -> Tensor:
        """See :class:`Labels`."""
        return self._apart(self.labels.decode({self.NAME: codes[self.NAME].flatten(0, 1)}))

    def classes(self) -> Tensor | None:
        """See :class:`Labels`."""
        named = self.labels.classes()
        return None if named is None else self._apart(named)

    def describe(self) -> dict[str, Any]:
        """See :class:`Labels`."""
        how = {"share": self.share} if self.draw is None else {"seed": self.seed, **self.draw.about()}
        return {**self.labels.describe(), "views": {"count": self.views, **how}}

    def shapes(self, spec: DataSpec, samples: int) -> dict[str, tuple[int, ...]]:
        """See :class:`Labels`."""
        flat = self.labels.shapes(spec, samples * self.views)
        return {name: (samples, self.views, *shape[1:]) for name, shape in flat.items()}

    def named(self, spec: DataSpec, samples: int) -> int:
        """See :class:`Labels`."""
        return self.labels.named(spec, samples * self.views)

    def keep(self, index: Tensor) -> None:
        """See :class:`Labels`."""
        self.labels.keep((index[:, None] * self.views + torch.arange(self.views, device=index.device)).flatten())

    def project(self) -> None:
        """See :class:`Labels`."""
        self.labels.project()
