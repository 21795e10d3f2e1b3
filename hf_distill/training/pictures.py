"""Pictures of a distilled series for its card."""

from __future__ import annotations

import torch
from PIL.Image import Image
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.data.series import SeriesData
from hf_distill.hub.plot import Panel, line_plot
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic

_DRAWN = 8  # channels
_PIECES = 64


@torch.no_grad()
def pictures_of(synthetic: Synthetic, real: Data, streams: Streams) -> dict[str, Image]:
    """Return the pictures of a set's card beside its preview: for a series, its spectrum and the real one."""
    if not isinstance(real, SeriesData):
        return {}
    series = synthetic().x.cpu()
    pieces = [real.train.piece(len(series), streams.generator("picture", place)).cpu() for place in range(_PIECES)]
    distilled, whole = amplitude([series]), amplitude(pieces)
    names = real.spec.channels[:_DRAWN]
    panels = [
        Panel(name, {"real": whole[:, i], "distilled": distilled[:, i]}, log=True) for i, name in enumerate(names)
    ]
    return {"spectrum.png": line_plot(panels, caption="amplitude of every frequency bin")}


def amplitude(series: list[Tensor]) -> Tensor:
    """Return the root of the mean power of some series ``(M, N)`` in every frequency bin, ``(M // 2 + 1, N)``."""
    power = torch.stack([torch.fft.rfft(one, dim=0, norm="ortho").abs().square() for one in series])
    return power.mean(0).sqrt()
