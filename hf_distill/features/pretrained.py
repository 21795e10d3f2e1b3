"""PretrainedFeatures: what a vision model of transformers sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from hf_distill.data.real import RealData
from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.features.base import Extractor, Features
from hf_distill.features.models import loading, weights_of
from hf_distill.networks.base import Architecture
from hf_distill.options import Text


class PretrainedFeatures(Extractor):
    """Features of a vision model of transformers: what it pools, or the mean over its positions.

    Images are resized to its size and normalised as its ``preprocessor_config.json`` says, grey ones repeated.

    Args:
        model: A local folder or a Hub id (``facebook/dinov2-small``).
        cache: Keep the features of training rows below datasets' cache folder, for the next time.

    Examples:
        In YAML:

            method:
              class_path: Coreset
              init_args:
                per_class: 10
                selector: HerdingSelector
                features: {class_path: PretrainedFeatures, init_args: {model: facebook/dinov2-small}}
    """

    def __init__(self, *, model: Text, cache: bool = True) -> None:
        self.model = model
        self.cache = cache

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["model"]

    def weights(self) -> Any:
        """See :class:`Extractor`.

        Raises:
            UserError: transformers is missing, or there is no such model.
        """
        with loading(type(self).__name__, "vision", self.model):
            return weights_of(self.model)

    def fit(
        self,
        real: RealData,
        *,
        spec: DataSpec | None = None,
        network: Architecture | None = None,
        device: torch.device | None = None,
    ) -> Features:
        """See :class:`Extractor`.

        Raises:
            UserError: The samples are no images, transformers is missing, or there is no such model.
        """
        spec, device = spec or real.spec, device or real.train.device
        if spec.kind != "image":
            raise UserError(f"PretrainedFeatures needs images and {spec.input_column!r} holds {spec.form.plural}")
        with loading(type(self).__name__, "vision", self.model):
            from transformers import AutoModel, ImageProcessingMixin

            model = AutoModel.from_pretrained(self.model).to(device).eval()
            # The processor's class would need torchvision; its numbers do not.
            values, _ = ImageProcessingMixin.get_image_processor_dict(self.model)
        config = model.config.to_dict()
        channels = config.get("num_channels", 3)
        size = _size(values.get("crop_size") or values.get("size") or config["image_size"])
        mean, std = (torch.tensor(values[key]).view(1, -1, 1, 1) for key in ("image_mean", "image_std"))

        def extract(x: Tensor) -> Tensor:
            image = spec.denormalize(x).float().to(device) / 255
            if image.shape[1] != channels:
                image = image[:, :1].expand(-1, channels, -1, -1)
            image = interpolate(image, size, mode="bicubic", antialias=True).clamp(0, 1)
            output = model(pixel_values=(image - mean.to(image)) / std.to(image))
            pooled = output.get("pooler_output")
            if pooled is None:
                hidden = output.last_hidden_state
                pooled = hidden.mean(1) if hidden.ndim == 3 else hidden.flatten(2).mean(2)
            return pooled.flatten(1)

        return Features(extract, spec, device, {"model": self.model, "image_size": list(size)})


def _size(value: Any) -> tuple[int, int]:
    """Read a size as ``preprocessor_config.json`` writes it: a number, a pair, or a dictionary."""
    if isinstance(value, dict):
        value = value.get("shortest_edge") or (value["height"], value["width"])
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
