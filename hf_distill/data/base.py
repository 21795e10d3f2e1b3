"""Data: what every modality gives to methods and evaluators."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from typing_extensions import Self

from hf_distill.parts import Part


class Data(Part):
    """A real dataset, opened by :meth:`setup`.

    Attributes:
        path: Where it comes from.
    """

    path: str

    @property
    @abstractmethod
    def spec(self) -> Any:
        """What the samples are; known after :meth:`setup`."""

    @abstractmethod
    def setup(self, device: torch.device | str = "cpu") -> Self:
        """Open the source, infer what is not given and place the samples; do nothing the second time."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs: nothing, where samples are drawn without a state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state_dict`."""
