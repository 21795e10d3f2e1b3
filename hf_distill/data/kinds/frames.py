"""FramesKind: videos ``(T, C, H, W)``, lists of images of 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from datasets import Image, LargeList, List
from torch import Tensor

from hf_distill.data.columns import Columns
from hf_distill.data.kinds.frames_decoder import FramesDecoder
from hf_distill.data.kinds.image import ImageKind
from hf_distill.data.kinds.image_decoder import ImageDecoder
from hf_distill.data.png import decode_png, encode_png
from hf_distill.data.statistics import Statistics
from hf_distill.errors import ArtifactError, UserError

if TYPE_CHECKING:
    from hf_distill.data.spec import DataSpec


class _FrameStatistics(Statistics):
    def add(self, part: Tensor) -> None:
        super().add(part.flatten(0, 1))


class FramesKind(ImageKind):
    """Columns of ``List(Image)``; frames are read, normalised and published as images are."""

    name = "frames"
    topic = "video"
    noun = "a List of images"
    plural = "videos"
    options = ("image_size", "image_mode", "frames")

    def takes(self, feature: Any) -> bool:
        """See :class:`Kind`."""
        return isinstance(feature, (List, LargeList)) and isinstance(feature.feature, Image)

    def encoded(self, feature: Any) -> Any:
        """See :class:`Kind`."""
        if not self.takes(feature):
            return feature
        return LargeList(Image(decode=False)) if isinstance(feature, LargeList) else List(Image(decode=False))

    def decoder(
        self, columns: Columns, first: Mapping[str, Any], options: dict[str, Any], base: Path | None
    ) -> FramesDecoder:
        """See :class:`Kind`."""
        column, count = columns.inputs[0], options["frames"]
        if not first[column]:
            raise UserError(f"row 0 has no frames in column {column!r}: filter such rows out first")
        images = ImageDecoder.like(
            column,
            first[column][0],
            declared=columns.feature.feature.mode,
            image_size=options["image_size"],
            image_mode=options["image_mode"],
            base=base,
        )
        return FramesDecoder(images, count or len(first[column]), count is not None)

    def statistics(self, decoder: FramesDecoder) -> Statistics:  # type: ignore[override]
        """See :class:`Kind`."""
        return _FrameStatistics()

    def num_statistics(self, shape: Sequence[int]) -> int:
        """See :class:`Kind`: of every channel."""
        return shape[1]

    def published(self, columns: Columns, features: Mapping[str, Any], decoder: FramesDecoder) -> dict[str, Any]:  # type: ignore[override]
        """See :class:`Kind`."""
        return {columns.input: List(Image(mode=columns.feature.feature.mode))}

    def known(self, columns: Columns, decoder: FramesDecoder) -> dict[str, Any]:  # type: ignore[override]
        """See :class:`Kind`."""
        return {"scale": decoder.images.scale}

    def statistics_shape(self, spec: DataSpec) -> tuple[int, ...]:
        """See :class:`Kind`: per channel."""
        return (-1, 1, 1)

    def write(self, spec: DataSpec, stored: np.ndarray) -> dict[str, list[Any]]:
        """See :class:`Kind`."""
        frames = [[{"bytes": encode_png(frame), "path": None} for frame in video] for video in stored]
        return {spec.input_column: frames}

    def read(self, spec: DataSpec, table: pa.Table) -> np.ndarray:
        """See :class:`Kind`."""
        videos = []
        for value in table[spec.input_column].to_pylist():
            if not value or len(value) != spec.shape[0]:
                raise ArtifactError(f"a video has {len(value or ())} frames, not {spec.shape[0]}: it is damaged")
            videos.append([decode_png(frame and frame["bytes"], spec.shape[1:]) for frame in value])
        return np.array(videos, np.uint8)
