"""How the classifiers of transformers take their inputs: what they are called, and which options follow from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from hf_distill.errors import UserError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Way:
    """One way to take inputs.

    Attributes:
        auto: The class of transformers that makes such a classifier from a configuration.
        argument: Its argument.
        options: Options of a configuration that follow from the shape of an input; those that it lacks are left out.
        view: Turns inputs ``(B, *shape)`` into that argument.
    """

    auto: str
    argument: str
    options: Callable[[dict[str, Any], Shape], dict[str, Any]] = lambda known, shape: {}
    view: Callable[[Tensor], Tensor] = lambda x: x


def _image_options(known: dict[str, Any], shape: Shape) -> dict[str, Any]:
    listed = isinstance(known.get("image_size"), (list, tuple)) or shape[1] != shape[2]
    return {"num_channels": shape[0], "image_size": [shape[1], shape[2]] if listed else shape[1]}


_SOUNDS = "AutoModelForAudioClassification"
_IMAGES = Way("AutoModelForImageClassification", "pixel_values", _image_options)
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

    listens = model_type in AUDIO
    if len(shape) == 1 and model_type in _SPECTROGRAMS:
        raise UserError(
            f"{model_type} classifies spectrograms, not sounds of shape {shape}: make it the network of a MelNetwork"
        )
    if len(shape) == 1 and listens:
        return _WAVES
    if len(shape) == 3 and model_type in _SPECTROGRAMS:
        return _SPECTROGRAMS[model_type]
    if len(shape) == 3 and not listens:
        return _IMAGES
    what = "sounds (samples,)" if listens else "images"
    raise UserError(f"{model_type} classifies {what}, not inputs of shape {tuple(shape)}; choose MLP instead")
