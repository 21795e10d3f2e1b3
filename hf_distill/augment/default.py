"""The usual augmentation of each kind of inputs."""

from __future__ import annotations

from collections.abc import Callable

from hf_distill.augment.base import Augment
from hf_distill.augment.siamese import SiameseAugment
from hf_distill.augment.sounds import SoundAugment
from hf_distill.augment.videos import FramesAugment

#: What ``auto`` stands for; kinds without a line have none.
AUGMENTS: dict[str, Callable[[], Augment]] = {
    "image": SiameseAugment,
    "frames": FramesAugment,
    "audio": SoundAugment,
}


def default_augment(kind: str) -> Augment | None:
    """Return the usual augmentation of a kind, or None."""
    return AUGMENTS[kind]() if kind in AUGMENTS else None
