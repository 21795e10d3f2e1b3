"""Kind: what an input is."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from hf_distill.data.statistics import Statistics

if TYPE_CHECKING:
    from hf_distill.data.columns import Columns
    from hf_distill.data.spec import DataSpec


class Kind(ABC):
    """What an input is: recognised, read, normalised, stored and written. Without a state, one instance a class.

    What upper floors do differently for a kind (networks, pictures, words on a card) stands in their own tables, by
    its name.

    Attributes:
        name: In tables and records.
        topic: The first word of the Hub's tasks on it: ``image`` of ``image-classification``.
        noun: What a column of it holds, in messages, with its article.
        plural: What its samples are, in messages.
        values: What its stored values are, in the plural.
        keeps_source: Selected samples are published as the source holds them, which inputs do not tell all of.
        has_means: The mean of some samples is one that could be another sample.
        continuous: An input changed a little is an input: it can be learned as it is.
        options: Those of :class:`~hf_distill.data.RealData` that are for this kind; others refuse them.
        instead_of: The kind that a column is taken for whose feature does not tell, unless one of :attr:`options` is
            given; empty where the feature does.
    """

    name: ClassVar[str]
    topic: ClassVar[str]
    noun: ClassVar[str]
    plural: ClassVar[str]
    values: ClassVar[str] = "values"
    has_means: ClassVar[bool] = True
    continuous: ClassVar[bool] = True
    keeps_source: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    instead_of: ClassVar[str] = ""

    @abstractmethod
    def takes(self, feature: Any) -> bool:
        """Whether a column of this feature of ``datasets`` alone is an input of this kind."""

    def joins(self, features: Sequence[Any]) -> bool:
        """Whether columns of these features together are an input of this kind."""
        return False

    def mixes(self, feature: Any) -> bool:
        """Whether a column of this feature may be an input together with others where nobody names the input."""
        return False

    def reads(self, feature: Any, spec: DataSpec) -> bool:
        """Whether a column of this feature can be read as one that the inputs of a set were made of."""
        return self.takes(feature)

    def candidates(self, features: Mapping[str, Any], label: str, row: Mapping[str, Any]) -> list[str]:
        """Return the columns that may be meant where nobody names one, of which there must be one.

        Args:
            features: The source's columns.
            label: The label column, which is none.
            row: The first row, as it is stored.
        """
        return [name for name, feature in features.items() if name != label and self.takes(feature)]

    def settled(self, columns: Columns, table: Any, named: bool) -> Columns:
        """Return the input columns after a look at the rows, and say what is left out.

        Args:
            columns: The choice.
            table: The training split.
            named: The user named them.
        """
        return columns

    def encoded(self, feature: Any) -> Any:
        """Return the feature by which ``datasets`` leaves such a column undecoded."""
        return feature

    @abstractmethod
    def decoder(self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None) -> Any:
        """Return the decoder of the input columns, after the first row.

        Args:
            columns: The input columns.
            first: The first row, as it is stored.
            options: Values of :attr:`options`.
            base: The folder that relative paths of files start from.

        Raises:
            UserError: The first value is missing or cannot be read, or an option does not fit it.
        """

    def statistics(self, decoder: Any) -> Statistics:
        """Return what sums up decoded samples, which come part by part ``(B, *shape)``, for mean and deviation."""
        return Statistics()

    def num_statistics(self, shape: Sequence[int]) -> int:
        """Return how many means and deviations there are, of inputs of some shape."""
        return shape[0]

    @abstractmethod
    def published(self, columns: Columns, features: Mapping[str, Any], decoder: Any) -> dict[str, Any]:
        """Return the features of the input columns that are written."""

    def known(self, columns: Columns, decoder: Any) -> dict[str, Any]:
        """Return the fields of the specification that are this kind's own: ``about``, JSON, unless it has others."""
        return {}

    # What a specification says of its inputs.

    def numbering(self, spec: DataSpec) -> Any:
        """Return what the training rows gave numbers to, and in which order: tokens, categories; None where nothing."""
        return None

    def hub_tasks(self, spec: DataSpec) -> list[str]:
        """Return the Hub's tasks that such data is for."""
        return [spec.task]

    @abstractmethod
    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """Return the type of one stored value."""

    def bits_per_value(self, spec: DataSpec) -> int:
        """Return the bits of one stored value in the source."""
        return self.value_dtype(spec).itemsize * 8

    def statistics_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """Return the shape in which mean and deviation broadcast against ``(B, *shape)``."""
        return spec.shape

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """Turn stored values into the networks' float32 inputs of the same shape."""
        mean, std = spec.statistics(raw)
        return (raw.float() - mean) / std

    @abstractmethod
    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """Turn inputs ``(B, *shape)`` into what is stored, clipped and rounded."""

    def made_up(self, spec: DataSpec, count: int) -> Tensor:
        """Return so many inputs that could be stored, the mean of the data."""
        return torch.zeros(count, *spec.shape)

    def stored_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """Return the shape of one sample as :meth:`store` gives it."""
        return spec.shape

    def store(self, spec: DataSpec, x: Tensor) -> np.ndarray:
        """Turn inputs ``(B, *shape)`` into what is published, in its own type."""
        return spec.denormalize(x).numpy().astype(spec.value_dtype, copy=False)

    def load(self, spec: DataSpec, stored: np.ndarray) -> Tensor:
        """Turn what is published into inputs, as networks get them."""
        return spec.normalize(torch.from_numpy(np.ascontiguousarray(stored)))

    def sample_bits(self, spec: DataSpec) -> int:
        """Return the bits of an input in the source, on average where they differ."""
        return int(np.prod(spec.shape)) * self.bits_per_value(spec)

    def stored_bits(self, spec: DataSpec, stored: np.ndarray) -> int:
        """Return the exact bits of published inputs."""
        return len(stored) * self.sample_bits(spec)

    def varies(self, spec: DataSpec) -> bool:
        """Whether published inputs differ in size."""
        return False

    def chosen(self, spec: DataSpec, rows: pa.Table) -> np.ndarray | None:
        """Return what is published of rows of the source, None where their inputs tell all of it.

        Args:
            spec: The specification.
            rows: Their input columns, as they are stored.
        """
        return None

    def flat(self, spec: DataSpec, x: Tensor) -> Tensor:
        """Return inputs as points that have distances, ``(B, D)``."""
        return x.flatten(1)

    def limits(self, spec: DataSpec, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the smallest and the largest input that can be stored, or None where there are none."""
        return None

    def mean_of(self, mean: Tensor) -> Tensor:
        """Return the mean of some stored values as one that can be stored."""
        return mean

    @abstractmethod
    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """Return the published input columns of stored values ``(M, *shape)``, as ``datasets`` takes them."""

    def plain(self, feature: Any) -> Any:
        """Return the feature of what :meth:`write` returns, where ``datasets`` does not take it as the published one.

        A table of it is made first and then seen as the published feature, which stores the same.
        """
        return feature

    @abstractmethod
    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """Read back what :meth:`write` wrote.

        Raises:
            ArtifactError: A row is none that the specification allows.
        """


def undecoded(dataset: Any, kinds: Iterable[Kind], columns: Iterable[str]) -> Any:
    """Leave columns encoded: our decoders check what they read and name the row that they cannot."""
    from datasets import Dataset

    features = dataset.features  # a copy, made anew at every access
    for name in columns:
        feature = features[name]
        raw = next((raw for kind in kinds if (raw := kind.encoded(feature)) != feature), feature)
        if raw == feature:
            continue
        if hasattr(raw, "decode") or not isinstance(dataset, Dataset):
            dataset = dataset.cast_column(name, raw)
        else:  # what is stored is the same: ``datasets`` would write a copy of it
            dataset = copy.deepcopy(dataset)
            dataset._info.features[name] = raw
            dataset._data = dataset._data.cast(dataset.features.arrow_schema)
    return dataset
