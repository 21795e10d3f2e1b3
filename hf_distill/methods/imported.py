"""Imported: a set that another library made."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.exchange.found import Found, LabelForm
from hf_distill.exchange.image_folder import class_folders, numbers_of, read_image_folder
from hf_distill.exchange.layouts import as_inputs, class_numbers, read_file
from hf_distill.exchange.scales import KNOWN, SCALES, WHITENINGS, normalized, scale_of_values
from hf_distill.files import user_path
from hf_distill.labels.base import Labels
from hf_distill.labels.dense import DenseLabels
from hf_distill.labels.hard import HardLabels
from hf_distill.methods.method import Method, Run
from hf_distill.options import NonNegativeInt, OneOf, PositiveFloat, Text
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.default import default_set

# Kinds of inputs that are tensors of one shape.
_KINDS = ("image", "vector", "columns")
# The share of clipped values that is worth a word, and by how much rounding may exceed black and white.
_FEW, _SLACK = 0.01, 1e-3


class Imported(Method[RealData]):
    """A set in a file of another library's, published and measured as those that are made here.

    Tensors (``.pt``) of DatasetCondensation, MTT, DATM and DD-Ranking, arrays (``.npz``) of FRePo and RFAD, and folders
    of images of SRe2L, RDED and DD-Ranking are known by what is in them. Nothing in a file is run.

    Args:
        path: The file, or the folder.
        labels: The file of its labels, where they are not in it or beside it; of a folder of images, soft ones.
        normalization: What its numbers are: ``unit`` (pixels in [0, 1]), ``raw`` (the source's own, 0 to 255),
            ``source`` (mean 0 and deviation 1 of the training rows), ``mnist``, ``fashion_mnist``, ``svhn``,
            ``cifar10``, ``cifar100`` or ``imagenet`` (the constants of the field's code), ``zca`` (whitened as in MTT,
            DATM and DD-Ranking), ``zca_frepo`` or ``zca_rfad``. ``auto`` takes what name and values tell.
        label_form: What the numbers of soft labels are: ``probabilities``, ``logits``, or ``centred`` (FRePo's and
            RFAD's: one at the class and zero elsewhere, less 1 / classes). ``auto`` takes what the layout has.
        classes: The source's names of the file's classes, in the file's order, ``[owl, cat]``; by default in that of
            the source.
        learned_rate: The learning rate that belongs to the set; by default the one beside it.
        experiment: Which set of a file with several.

    Examples:
        >>> import tempfile
        >>> import torch
        >>> from hf_distill import Imported, RealData
        >>> with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        ...     torch.save([torch.rand(20, 1, 8, 8), torch.arange(20) // 2], file.name)
        ...     len(Imported(path=file.name, normalization="unit").distill(RealData()))
        20
    """

    def __init__(
        self,
        *,
        path: Text,
        labels: Text | None = None,
        normalization: Annotated[str, OneOf(("auto", *SCALES))] = "auto",
        label_form: Literal["auto", "probabilities", "logits", "centred"] = "auto",
        classes: list[str | int] | None = None,
        learned_rate: PositiveFloat | None = None,
        experiment: NonNegativeInt = 0,
    ) -> None:
        self.path = path
        self.labels = labels
        self.normalization = normalization
        self.label_form = label_form
        self.classes = classes
        self.learned_rate = learned_rate
        self.experiment = experiment

    def fit(self, real: RealData, run: Run) -> Synthetic:
        """See :class:`Method`.

        Raises:
            UserError: The file is none of the known ones, does not fit the data, or does not tell what its numbers are.
        """
        self.open(real)
        spec = real.spec
        if spec.kind not in _KINDS or spec.target != "classes":
            raise UserError(f"images and vectors with classes are imported, and {real.path} holds {spec.form.plural}")
        found = self._read(spec)
        y, part = self._labels(found, spec)
        scale = self._scale(found)
        x = normalized(as_inputs(found.images, spec.shape), scale, spec, real.train)
        run.notes.timing |= {"layout": found.layout, "normalization": scale}
        if (outside := _outside(x, spec)) > _FEW:
            warnings.warn(
                f"{outside:.1%} of its numbers are darker than black or lighter than white: the published images are "
                "clipped, config codes holds all as they are",
                stacklevel=2,
            )
        rate = self.learned_rate or found.rate
        if rate is not None:
            run.notes.recipe["lr"] = rate
        options = {"clip": False} if spec.kind == "image" else {}
        synthetic = default_set(spec.kind, per_class=-(-len(x) // spec.num_classes), labels=part, **options)
        synthetic.initialize(x.float().cpu(), y, spec)
        return synthetic

    def _read(self, spec: DataSpec) -> Found:
        path = user_path(self.path)
        if not path.exists():
            raise UserError(f"no file or folder {self.path}")
        labels = None if self.labels is None else user_path(self.labels)
        if labels is not None and not labels.is_file():
            raise UserError(f"no file {self.labels}")
        if class_folders(path):
            return read_image_folder(path, spec, labels)
        return read_file(path, labels, self.experiment)

    def _scale(self, found: Found) -> str:
        if self.normalization != "auto":
            return self.normalization
        known = scale_of_values(found.images) or found.scale
        if known is None:
            low, high = (float(value) for value in found.images.aminmax())
            raise UserError(
                f"its numbers are {low:.3g} to {high:.3g}, and nothing says how they were normalised: add "
                f"--normalization={', '.join(KNOWN)} (the constants of the field), source (ours), unit or raw "
                f"(pixels), or {', '.join(WHITENINGS)} if it was whitened"
            )
        return known

    def _labels(self, found: Found, spec: DataSpec) -> tuple[Tensor, Labels]:
        """Return numbers of classes or probabilities in the source's order, and what stores them."""
        names = [str(name) for name in self.classes] if self.classes else found.names
        order = torch.tensor(numbers_of(names, spec.classes) if names else range(spec.num_classes))
        numbers = class_numbers(found.labels)
        if numbers is not None:
            if not 0 <= int(numbers.min()) <= int(numbers.max()) < len(order):
                raise UserError(
                    f"its labels are {int(numbers.min())} to {int(numbers.max())}, and there are {len(order)} classes"
                )
            return order[numbers], HardLabels()
        if found.labels.dim() != 2 or found.labels.shape[1] != len(order):
            raise UserError(
                f"its labels are {tuple(found.labels.shape)}, and the source has {spec.num_classes} classes: a number "
                "of a class or a number for each is wanted"
            )
        shares = torch.zeros(len(found.labels), spec.num_classes)
        shares[:, order] = probabilities_of(found.labels.float(), self._form(found))
        return shares, DenseLabels(learned=False)

    def _form(self, found: Found) -> LabelForm:
        if self.label_form != "auto":
            return self.label_form
        values = found.labels.float()
        sums = torch.allclose(values.sum(1), values.new_ones(len(values)), atol=1e-3)
        if sums and float(values.min()) >= 0:
            return "probabilities"
        centred = values + 1 / values.shape[1]
        return "centred" if torch.allclose(centred, centred.round().clamp(0, 1), atol=1e-3) else found.form


def _outside(x: Tensor, spec: DataSpec) -> float:
    """Return the share of the values that no stored image can hold."""
    limits = spec.limits(x)
    return 0.0 if limits is None else float(((x < limits[0] - _SLACK) | (x > limits[1] + _SLACK)).float().mean())


def probabilities_of(values: Tensor, form: LabelForm) -> Tensor:
    """Return soft labels ``(N, classes)`` as probabilities: of those that are less than none, zero.

    Args:
        values: The labels as a file has them.
        form: What they are.

    Raises:
        UserError: Some label is nothing for any class.
    """
    if form == "logits":
        return values.softmax(1)
    shares = (values + 1 / values.shape[1] if form == "centred" else values).clamp_min(0)
    if not (shares.sum(1) > 0).all():
        raise UserError(f"some labels have no class as {form}: name what they are with --label_form")
    return F.normalize(shares, p=1, dim=1)
