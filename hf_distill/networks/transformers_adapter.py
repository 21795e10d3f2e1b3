"""TransformersClassifier: a classifier of the transformers library, with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture, FeatureNetwork, Inputs
from hf_distill.networks.configuration import read_configuration
from hf_distill.networks.head import find_head, take_head
from hf_distill.networks.transformers_inputs import MARKER, Way, way_of


class _Body(nn.Module):
    def __init__(self, model: nn.Module, way: Way) -> None:
        super().__init__()
        self.model = model
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = getattr(self.model(**self.way.of(self.model, x)), self.way.logits)
        return logits.flatten(1)


class TransformersClassifier(Architecture):
    """A classifier of transformers, of images, sounds, texts or series, built from a configuration with random weights.

    Channels, size (or mel bands and frames) and the number of classes follow the data; the linear head is a fresh one,
    and what enters it are the features. Needs no network. What classifies waveforms (``wav2vec2``, ``hubert``) takes
    sounds; what classifies spectrograms (``audio-spectrogram-transformer``, ``whisper``) is the network of a
    ``MelNetwork``. What classifies sequences (``bert``, ``gpt2``) takes texts; it has as many tokens as the data,
    unless the configuration has a ``vocab_size``. ``patchtst`` and ``patchtsmixer`` take series with a class each.

    Args:
        model: A transformers configuration: a dictionary with ``model_type`` (``{"model_type": "resnet", "depths":
            [2, 2], "hidden_sizes": [32, 64], "embedding_size": 16}``), the path of a
            ``config.json`` or its folder, or a Hub id that has one (its configuration is taken, not its weights).
        name: Name in tables; the model type where it is not given.

    Examples:
        >>> import torch
        >>> from hf_distill import TransformersClassifier
        >>> small = {"model_type": "resnet", "depths": [1, 1], "hidden_sizes": [8, 16], "embedding_size": 8}
        >>> network = TransformersClassifier(model=small).build((3, 32, 32), 10, seed=0)
        >>> network(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, *, model: dict[str, Any] | str, name: str | None = None) -> None:
        self.model = model
        self.name = name

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`: a path, and a configuration that names code."""
        model = options.get("model")
        return [] if isinstance(model, dict) and "auto_map" not in model else ["model"]

    @property
    def label(self) -> str:
        """Name in tables."""
        return self.name or str(self._values()["model_type"])

    def config(self) -> dict[str, Any]:
        """See :class:`Part`; the configuration is written out, also where it was given as a path."""
        init_args = {"model": self._values(), "name": self.name}
        return {"class_path": type(self).__name__, "init_args": init_args}

    def _values(self) -> dict[str, Any]:
        values = read_configuration(self.model)
        if "model_type" not in values:
            raise UserError("a transformers configuration needs the key model_type, 'resnet' or 'vit' for example")
        return values

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`."""
        values = dict(self._values())
        model_type = values.pop("model_type")
        try:
            import transformers
            from transformers import AutoConfig
        except ImportError as error:
            raise UserError(
                "TransformersClassifier needs transformers: pip install 'hf-distill[transformers]'"
            ) from error
        way = way_of(model_type, shape)
        for key in ("id2label", "label2id", "num_labels"):
            values.pop(key, None)
        try:
            known = AutoConfig.for_model(model_type).to_dict()
        except ValueError as error:
            raise UserError(
                f"transformers knows no model_type {model_type!r}; 'resnet' or 'vit' are two that it has"
            ) from error
        values |= {key: value for key, value in way.options(known, shape).items() if key in known}
        try:
            maker = getattr(transformers, way.auto)
            config = AutoConfig.for_model(model_type, num_labels=MARKER, **values)
            model = maker.from_config(config, **way.more) if way.auto.startswith("Auto") else maker(config)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            what = "audio" if "Audio" in way.auto else "image" if way.auto.startswith("Auto") else "series"
            raise UserError(f"transformers builds no {what} classifier of type {model_type!r}: {reason}") from error
        name = find_head(model, MARKER)
        if name is None:
            raise UserError(f"the transformers classifier {model_type!r} has no linear head to take features from")
        take_head(model, name)
        return _Body(model.float(), way)

    def build_for(self, spec: Inputs, seed: int) -> FeatureNetwork:
        """See :class:`Architecture`; knows how many tokens there are."""
        values = self._values()
        if spec.kind != "text" or "vocab_size" in values:
            return super().build_for(spec, seed)
        model = {**values, "vocab_size": spec.about["tokens"]}
        return TransformersClassifier(model=model, name=self.name).build(spec.shape, spec.num_outputs, seed)

    def build(self, shape: tuple[int, ...], num_classes: int, seed: int) -> FeatureNetwork:
        """See :class:`Architecture`."""
        try:
            return super().build(shape, num_classes, seed)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            reason = str(error).splitlines()[0]
            raise UserError(
                f"the transformers classifier {self.label!r} does not run on inputs of shape {tuple(shape)} "
                f"({reason}); adapt its configuration, patch_size or the number of stages for example"
            ) from error
