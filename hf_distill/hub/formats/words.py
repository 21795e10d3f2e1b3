"""What a card says of each kind of inputs, beside its template ``card_inputs_KIND.md.jinja``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Words of one kind.

    Attributes:
        units: How test data is brought to the units of the card's script.
        file: What files the published inputs are in.
    """

    units: str = "(value - mean) / std"
    file: str = "parquet"


#: The words of every kind.
WORDS: dict[str, Words] = {
    "image": Words(units="(pixels / 255 - mean) / std", file="PNG in parquet"),
    "vector": Words(),
}
