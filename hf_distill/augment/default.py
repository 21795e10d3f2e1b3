"""The usual augmentation of each kind of inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from hf_distill.augment.base import Augment
from hf_distill.augment.mixed import MixedAugment
from hf_distill.augment.siamese import SiameseAugment
from hf_distill.augment.sounds import SoundAugment
from hf_distill.augment.videos import FramesAugment


class Inputs(Protocol):
    """What is asked of a ``DataSpec``.

    Attributes:
        kind: What an input is.
        about: Facts of the kind.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def about(self) -> dict[str, Any]: ...  # noqa: D102


def _for_mixed(spec: Inputs) -> Augment | None:
    """Return the usual augmentation of every column, or None where no column has one."""
    parts = spec.about["parts"]
    usual = {str(place): AUGMENTS[part["kind"]](spec) for place, part in enumerate(parts) if part["kind"] in AUGMENTS}
    known = {place: augment for place, augment in usual.items() if augment is not None}
    return MixedAugment(shapes=[part["shape"] for part in parts], augments=known) if known else None


#: What ``auto`` stands for; kinds without a line have none.
AUGMENTS: dict[str, Callable[[Inputs], Augment | None]] = {
    "image": lambda spec: SiameseAugment(),
    "frames": lambda spec: FramesAugment(),
    "audio": lambda spec: SoundAugment(),
    "mixed": _for_mixed,
}


def default_augment(spec: Inputs) -> Augment | None:
    """Return the usual augmentation of some data, or None."""
    return AUGMENTS[spec.kind](spec) if spec.kind in AUGMENTS else None
