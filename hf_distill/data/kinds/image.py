"""ImageKind: pictures ``(C, H, W)``, stored in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from datasets import Features, Image
from torch import Tensor

from hf_distill.data.columns import Columns
from hf_distill.data.kinds.base import Kind
from hf_distill.data.kinds.decoder import Decoder
from hf_distill.data.kinds.image_decoder import ImageDecoder
from hf_distill.data.png import decode_png, encode_png
from hf_distill.errors import UserError
from hf_distill.large import mapped, room

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


class ImageKind(Kind):
    """Columns of ``Image``; normalised per channel, from pixels in [0, 1], and published as PNG without loss."""

    name = "image"
    topic = "image"
    noun = "an Image"
    plural = "images"
    values = "pixels"
    options: ClassVar[tuple[str, ...]] = ("image_size", "image_mode")

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`."""
        return isinstance(feature, Image)

    def encoded(self, feature: Any) -> Any:
        """See :class:`Kind`."""
        return Image(decode=False) if isinstance(feature, Image) else feature

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> Decoder:
        """See :class:`Kind`."""
        column = columns.inputs[0]
        return ImageDecoder.like(column, first[column], declared=columns.feature.mode, base=base, **options)

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: ImageDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {columns.input: Image() if decoder.scale is not None else columns.feature}

    def known(self, columns: Columns, decoder: ImageDecoder) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"scale": decoder.scale}

    def value_dtype(self, spec: DataSpec) -> np.dtype:
        """See :class:`Kind`."""
        return np.dtype(np.uint8)

    def statistics_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: per channel."""
        return (-1,) + (1,) * (len(spec.shape) - 1)

    def normalize(self, spec: DataSpec, raw: Tensor) -> Tensor:
        """See :class:`Kind`."""
        mean, std = spec.statistics(raw)
        return mapped(lambda part: (part.float() / 255).sub_(mean).div_(std), raw)

    def denormalize(self, spec: DataSpec, x: Tensor) -> Tensor:
        """See :class:`Kind`."""
        mean, std = spec.statistics(x)

        def stored(part: Tensor) -> Tensor:
            value = part.to(torch.float32) * std
            return value.add_(mean).clamp_(0, 1).mul_(255).round_().to(torch.uint8)

        return mapped(stored, x.detach())

    def limits(self, spec: DataSpec, like: Tensor) -> tuple[Tensor, Tensor]:
        """See :class:`Kind`: black and white."""
        mean, std = spec.statistics(like)
        return -mean / std, (1 - mean) / std

    def mean_of(self, mean: Tensor) -> Tensor:
        """See :class:`Kind`."""
        return mean.round()

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        feature = Features.from_dict(spec.features)[spec.input_column]
        if not isinstance(feature, Image):
            raise UserError(f"column {spec.input_column!r} is {feature}; published images need Image")
        return {spec.input_column: [{"bytes": encode_png(image), "path": None} for image in stored]}

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        pictures = table[spec.input_column]
        stored = room(len(pictures), *spec.shape, like=torch.empty(0, dtype=torch.uint8)).numpy()
        for place, picture in enumerate(pictures):
            value = picture.as_py()
            stored[place] = decode_png(value and value["bytes"], spec.shape)
        return stored
