"""How the classifiers of transformers take their inputs: what they are called, and which options follow from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.tokens import PADDING, embedded, present

Shape = tuple[int, ...]

#: Outputs that the head is first built with, so that it is told apart from every other layer; it is replaced anyway.
MARKER = 977


@dataclass(frozen=True)
class Way:
    """One way to take inputs.

    Attributes:
        auto: The class of transformers that makes such a classifier from a configuration, or is it.
        argument: Its argument.
        options: Options of a configuration that follow from the shape of an input; those that it lacks are left out.
        view: Turns inputs ``(B, *shape)`` into that argument.
        arguments: Makes all arguments, of a model and inputs, where there are more than that one.
        more: Arguments of the class that makes the model.
        logits: What of its result are the logits.
    """

    auto: str
    argument: str
    options: Callable[[dict[str, Any], Shape], dict[str, Any]] = lambda known, shape: {}
    view: Callable[[Tensor], Tensor] = lambda x: x
    arguments: Callable[[nn.Module, Tensor], dict[str, Tensor]] | None = None
    more: dict[str, Any] = field(default_factory=dict)
    logits: str = "logits"

    def of(self, model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        """Return the arguments of a model for inputs."""
        return {self.argument: self.view(x)} if self.arguments is None else self.arguments(model, x)


def _image_options(known: dict[str, Any], shape: Shape) -> dict[str, Any]:
    listed = isinstance(known.get("image_size"), (list, tuple)) or shape[1] != shape[2]
    return {"num_channels": shape[0], "image_size": [shape[1], shape[2]] if listed else shape[1]}


def _series_options(known: dict[str, Any], shape: Shape) -> dict[str, Any]:
    return {"num_input_channels": shape[0], "context_length": shape[1], "num_targets": MARKER}


def _text_options(known: dict[str, Any], shape: Shape) -> dict[str, Any]:
    # Some count positions from after that of padding.
    places = max(known.get("max_position_embeddings") or 0, shape[0] + 2)
    return {"pad_token_id": PADDING, "max_position_embeddings": places}


def _text_arguments(model: Any, x: Tensor) -> dict[str, Tensor]:
    """Give numbers of tokens as such, and shares of them, which have a gradient, as vectors."""
    weight = model.get_input_embeddings().weight
    tokens = {"input_ids": x.long() % len(weight)} if x.dim() == 2 else {"inputs_embeds": embedded(weight, x)}
    return {**tokens, "attention_mask": present(x).detach().round()}


_SOUNDS = "AutoModelForAudioClassification"
_IMAGES = Way("AutoModelForImageClassification", "pixel_values", _image_options)
_TEXTS = Way(
    "AutoModelForSequenceClassification",
    "input_ids",
    _text_options,
    arguments=_text_arguments,
    # Fused attention has no second derivative, which methods that train on the set ask for.
    more={"attn_implementation": "eager"},
)
_SERIES = {
    model_type: Way(name, "past_values", _series_options, lambda x: x.transpose(1, 2), logits=logits)
    for model_type, name, logits in (
        ("patchtst", "PatchTSTForClassification", "prediction_logits"),
        ("patchtsmixer", "PatchTSMixerForTimeSeriesClassification", "prediction_outputs"),
    )
}
_WAVES = Way(_SOUNDS, "input_values")
# Of those that take spectrograms (B, 1, bands, frames), as MelNetwork makes them.
_SPECTROGRAMS = {
    "audio-spectrogram-transformer": Way(
        _SOUNDS,
        "input_values",
        lambda known, shape: {"num_mel_bins": shape[1], "max_length": shape[2]},
        lambda x: x[:, 0].transpose(1, 2),
    ),
    "whisper": Way(
        _SOUNDS,
        "input_features",
        lambda known, shape: {"num_mel_bins": shape[1], "max_source_positions": shape[2] // 2},
        lambda x: x[:, 0],
    ),
    "wav2vec2-bert": Way(
        _SOUNDS,
        "input_features",
        lambda known, shape: {"feature_projection_input_dim": shape[1]},
        lambda x: x[:, 0].transpose(1, 2),
    ),
}


def way_of(model_type: str, shape: Shape) -> Way:
    """Return how a classifier takes inputs of a shape.

    Raises:
        UserError: It does not take them.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES as AUDIO
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as TEXT

    listens = model_type in AUDIO
    if len(shape) == 1 and model_type in _SPECTROGRAMS:
        raise UserError(
            f"{model_type} classifies spectrograms, not sounds of shape {shape}: make it the network of a MelNetwork"
        )
    if len(shape) == 1 and listens:
        return _WAVES
    if len(shape) == 1 and model_type in TEXT:
        return _TEXTS
    if len(shape) == 3 and model_type in _SPECTROGRAMS:
        return _SPECTROGRAMS[model_type]
    if len(shape) == 2 and model_type in _SERIES:
        return _SERIES[model_type]
    if len(shape) == 3 and not listens and model_type not in _SERIES:
        return _IMAGES
    series = "series (channels, steps)" if model_type in _SERIES else "images"
    what = "sounds (samples,)" if listens else series
    raise UserError(f"{model_type} classifies {what}, not inputs of shape {tuple(shape)}; choose MLP instead")
