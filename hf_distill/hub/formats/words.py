"""What a card says of each kind of inputs and of each target, beside ``card_inputs_KIND`` and ``card_target_NAME``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Words of one kind.

    Attributes:
        units: How test data is brought to the units of the card's script.
        file: What files the published inputs are in.
        shown: What the card's first script prints of ``samples``.
        values: What a stored value is, where that is more than its bits.
    """

    units: str = "(value - mean) / std"
    file: str = "parquet"
    shown: str = "samples[0]"
    values: str = ""


#: The words of every kind.
WORDS: dict[str, Words] = {
    "image": Words(units="(pixels / 255 - mean) / std", file="PNG in parquet"),
    "frames": Words(units="(pixels / 255 - mean) / std", file="PNG in parquet"),
    "audio": Words(units="samples / 32768 / std", file="WAV in parquet", shown="len(samples)"),
    "text": Words(units="tokenizer.encode_batch(texts)", values="UTF-8"),
    "vector": Words(),
    "signal": Words(),
    "columns": Words(units="inputs(table)", values="cells"),
    "mixed": Words(units="inputs(table)", values="cells"),
}


@dataclass(frozen=True)
class Goal:
    """Words of one target.

    Attributes:
        loss: The loss of the card's script, a function of ``torch.nn.functional``.
        each: What follows its single losses to make one of them a sample.
    """

    loss: str
    each: str = ""


#: The words of every target.
GOALS: dict[str, Goal] = {
    "classes": Goal("cross_entropy"),
    "labels": Goal("binary_cross_entropy_with_logits", ".mean(1)"),
    "values": Goal("mse_loss", ".mean(1)"),
}
