"""Data: what every modality gives to methods and evaluators."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from typing_extensions import Self

from hf_distill.errors import UserError
from hf_distill.parts import Part


class Spec(Protocol):
    """What the samples of a dataset are: what ``DataSpec`` and ``SeriesSpec`` have in common.

    Attributes:
        task: In the Hub's terms, ``"image-classification"`` for example.
        kind: What an input is: ``image``, ``vector``, ``series``.
        target: What is learned from it: ``classes``, ``future``.
        shape: The shape of one stored row.
        num_groups: Groups that rows are sampled and selected by, classes mostly; None of a series.
        mean, std: Statistics of the training rows that inputs are normalised by.
        features: The ``datasets.Features`` of the columns as a dictionary, in the source's order.
        source: Where the data came from: ``path``, ``name``, ``revision``, ``split``, ``fingerprint``, ``license``.
        num_rows: Rows of the training split.
        bits_per_value: Bits of one stored value in the source.

    Examples:
        >>> from hf_distill import RealData
        >>> spec = RealData(path="digits").setup().spec
        >>> spec.task, spec.kind, spec.target, spec.num_groups
        ('image-classification', 'image', 'classes', 10)
    """

    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def target(self) -> str: ...  # noqa: D102
    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def num_groups(self) -> int | None: ...  # noqa: D102
    @property
    def mean(self) -> tuple[float, ...]: ...  # noqa: D102
    @property
    def std(self) -> tuple[float, ...]: ...  # noqa: D102
    @property
    def features(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def source(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def num_rows(self) -> int: ...  # noqa: D102
    @property
    def bits_per_value(self) -> int: ...  # noqa: D102

    def normalize(self, raw: Tensor) -> Tensor:
        """Turn stored values into the networks' float32 inputs."""

    def denormalize(self, x: Tensor) -> Tensor:
        """Turn inputs into what is stored."""

    def contents(self) -> str:
        """Say what a set holds, without their number: ``samples of 10 classes``."""

    def made_up(self) -> tuple[Tensor, Tensor]:
        """Return two rows of normalised inputs and their targets, to try with whether such data can be written."""

    def with_few(self, most: int) -> Spec:
        """Return the specification with so many classes at most."""

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as JSON."""


SpecT = TypeVar("SpecT", bound=Spec)


class Data(Part, Generic[SpecT]):
    """A real dataset, opened by :meth:`setup`.

    Attributes:
        path: Where it comes from.
        shares: Probabilities ``(N,)`` of training rows, or windows, in batches of a run that draws by importance; None
            is uniform.

    Examples:
        >>> from hf_distill import RealData
        >>> real = RealData(path="digits").setup()
        >>> real.spec.shape, real.spec.num_rows
        ((1, 8, 8), 1437)
    """

    path: str
    shares: Tensor | None = None

    @property
    @abstractmethod
    def spec(self) -> SpecT:
        """What the samples are; known after :meth:`setup`."""

    @abstractmethod
    def setup(self, device: torch.device | str | None = None) -> Self:
        """Open the source, infer what is not given and place the samples; the second time place them alone.

        Args:
            device: Where they go; null for the CPU, or for where they are.
        """

    def piece(self, length: int, generator: torch.Generator) -> Tensor | None:
        """Return a random piece ``(length, N)`` of the training part of a series; None where there is no series."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: which rows these are, and how far they were read where that matters."""
        drawn = {} if self.shares is None else {"shares": self.shares}
        return {"fingerprint": self.spec.source.get("fingerprint"), **drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`.

        Raises:
            UserError: The state is that of other rows.
        """
        old, new = state.get("fingerprint"), self.spec.source.get("fingerprint")
        if old is not None and new != old:
            raise UserError(
                f"the rows of {self.path} are not those that the run began with (fingerprint {old}, now {new}): "
                "restore them, or start over with --overwrite=true"
            )
        self.shares = state.get("shares")


DataT = TypeVar("DataT", bound=Data)
