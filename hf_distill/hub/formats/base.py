"""Format: what differs between tasks when a distilled dataset is written, drawn and described."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Generic

import numpy as np
import pyarrow as pa
from datasets import Dataset
from PIL import Image as PILImage
from torch import Tensor

from hf_distill.data.base import SpecT
from hf_distill.synthetic.base import Bits, Packed


class Format(ABC, Generic[SpecT]):
    """How the sets of some tasks are published; without a state.

    Attributes:
        tasks: The tasks, in the Hub's terms.
        template: File of the card's Jinja template.
        noun: What a row is, in the plural.
        divides: Rows can be written some at a time.
    """

    tasks: tuple[str, ...]
    template: str
    noun: str
    divides: bool = False

    @abstractmethod
    def read_spec(self, values: dict[str, Any]) -> SpecT:
        """Rebuild a specification from the record."""

    def hub_tasks(self, spec: SpecT) -> list[str]:
        """Return the Hub's tasks that such data is for."""
        return [spec.task]

    @abstractmethod
    def shape(self, spec: SpecT) -> tuple[int, ...]:
        """Return the shape of one row of the published values."""

    def values(self, spec: SpecT) -> int:
        """Return how many numbers the inputs of a row are; 0 of what is stored as it is and has no inputs."""
        return math.prod(self.shape(spec))

    @abstractmethod
    def labels(self, spec: SpecT, x: Tensor, y: Tensor) -> Tensor:
        """Return the published targets of what a synthetic set decodes to; zeros where there are none."""

    def counts(self, spec: SpecT, y: Tensor) -> list[int] | None:
        """Return how many rows each class has, where there are classes."""
        return None

    def layout(self, spec: SpecT, x: Tensor, w: Tensor, packed: Packed) -> dict[str, Any]:
        """Return what a reader must know beside the rows to rebuild inputs and weights, JSON.

        Args:
            spec: What the samples are.
            x: Inputs, normalised.
            w: Weights ``(M,)``.
            packed: The exact stored variables: of soft labels the probabilities are published beside the classes.
        """
        return {}

    def features(self, spec: SpecT, layout: dict[str, Any]) -> dict[str, Any]:
        """Return the feature types of config ``default`` by column, as ``datasets.Features`` describes itself."""
        return spec.features

    @abstractmethod
    def rows(self, x: Tensor) -> int:
        """Return how many rows ``x`` is published as."""

    def varies(self, spec: SpecT) -> bool:
        """Whether published rows differ in size."""
        return False

    @abstractmethod
    def row_bits(self, spec: SpecT) -> Bits:
        """Return the size of one row: values in the source's types, and the hard label."""

    def published_bits(
        self, spec: SpecT, rows: int, layout: dict[str, Any] | None = None, stored: np.ndarray | None = None
    ) -> Bits:
        """Return the exact size of config ``default``.

        Without a layout, of so many rows without weights; without the published values, of so many average ones, where
        they differ in size. A column of class probabilities does not count: who trains on hard labels leaves it out,
        and who trains on soft ones is counted those of the codes, which are the same.
        """
        one = self.row_bits(spec)
        return Bits(data=rows * one.data, labels=rows * one.labels)

    @abstractmethod
    def store(self, spec: SpecT, x: Tensor) -> np.ndarray:
        """Turn normalised inputs into the published values ``(rows, *shape)``."""

    @abstractmethod
    def load(self, spec: SpecT, stored: np.ndarray, layout: dict[str, Any]) -> Tensor:
        """Turn published values into normalised inputs, the inverse of :meth:`store`."""

    @abstractmethod
    def to_dataset(
        self,
        spec: SpecT,
        stored: np.ndarray,
        y: Tensor,
        w: Tensor,
        layout: dict[str, Any],
        labels: pa.Table | None = None,
    ) -> Dataset:
        """Make the table of config ``default``: the source's column names and feature types, and weights if any.

        ``labels`` are the label columns, where targets do not tell all of them.
        """

    @abstractmethod
    def from_table(self, table: pa.Table, spec: SpecT, layout: dict[str, Any]) -> tuple[np.ndarray, Tensor, Tensor]:
        """Read back what :meth:`to_dataset` wrote: published values, class indices and weights."""

    def code_features(self, spec: SpecT) -> dict[str, Any]:
        """Return feature types of columns of config ``codes`` that their values do not tell."""
        return {}

    @abstractmethod
    def preview(self, spec: SpecT, stored: np.ndarray, y: Tensor) -> PILImage.Image | None:
        """Draw the published values."""

    @abstractmethod
    def value_kind(self, spec: SpecT) -> str:
        """Say what a stored value is, ``8-bit pixels`` for example."""

    def file(self, spec: SpecT) -> str:
        """Say what files config ``default`` is in."""
        return "parquet"

    @abstractmethod
    def card_variables(self, spec: SpecT, record: dict[str, Any]) -> dict[str, Any]:
        """Return what the template needs beside what all cards have."""
