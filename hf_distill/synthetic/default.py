"""The usual set of each kind of inputs."""

from __future__ import annotations

from typing import Any

from hf_distill.synthetic.mixed import MixedSet
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.synthetic.tokens import TokenSet
from hf_distill.synthetic.vector import VectorSet

#: What holds selected samples of a kind, each as it is.
SETS: dict[str, type[PixelSet]] = {
    "image": PixelSet,
    "frames": PixelSet,
    "audio": PixelSet,
    "text": TokenSet,
    "vector": VectorSet,
    "signal": VectorSet,
    "columns": VectorSet,
    "mixed": MixedSet,
}


def default_set(kind: str, **options: Any) -> PixelSet:
    """Return a set of samples of a kind."""
    return SETS[kind](**options)
