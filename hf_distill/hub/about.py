"""About: what the maker of a set says of it on its card."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from hf_distill.options import Text


@dataclass(frozen=True)
class About:
    """What the card says in the words of whoever made the set; what is left out, the source tells as far as it can.

    Args:
        title: The card's title.
        license: The licence of the set, as the Hub names it (``cc-by-4.0``); by default that of the source.
        author: Who made the source, or whom it belongs to.
        tags: Further tags.
    """

    title: Text | None = None
    license: Text | None = None
    author: Text | None = None
    tags: list[Text] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return what is said, JSON."""
        return {name: value for name, value in asdict(self).items() if value}
