"""Pictures of a distilled set for its card, beside its preview."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from hf_distill.data.series import SeriesData
from hf_distill.hub.formats.class_grid import class_grid
from hf_distill.hub.plot import Panel, line_plot
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.generated import GeneratedSet

_DRAWN = 8  # channels
_PIECES = 64


@torch.no_grad()
def pictures_of(synthetic: Synthetic, real: Any, streams: Streams) -> dict[str, Image]:
    """Return the pictures of a set's card beside its preview.

    For a series its spectrum and the real one; for guided samples the real sample that is closest to the anchor of
    each, in the places of the preview.
    """
    if isinstance(synthetic, GeneratedSet) and "anchor_row" in synthetic.about:
        closest = real.train.raw(torch.tensor(synthetic.about["anchor_row"])).cpu().numpy()
        picture = class_grid(real.spec, closest, synthetic().y.cpu())
        return {"real_samples_closest_to_the_anchors.png": picture}
    return PICTURES[real.spec.kind](synthetic, real, streams) if real.spec.kind in PICTURES else {}


def _spectrum(synthetic: Synthetic, real: SeriesData, streams: Streams) -> dict[str, Image]:
    series = synthetic().x.cpu()
    pieces = [real.train.piece(len(series), streams.generator("picture", place)).cpu() for place in range(_PIECES)]
    distilled, whole = amplitude([series]), amplitude(pieces)
    names = real.spec.channels[:_DRAWN]
    panels = [
        Panel(
            name,
            {"real": whole[:, i], "distilled": distilled[:, i]},
            log=True,
            x_title=f"periods in {len(series)} steps",
        )
        for i, name in enumerate(names)
    ]
    spectrum = line_plot(panels, caption="amplitude of every frequency, in standard deviations of the source")
    return {} if spectrum is None else {"spectrum.png": spectrum}


def amplitude(series: list[Tensor]) -> Tensor:
    """Return the root of the mean power of some series ``(M, N)`` in every frequency bin, ``(M // 2 + 1, N)``."""
    power = torch.stack([torch.fft.rfft(one, dim=0, norm="ortho").abs().square() for one in series])
    return power.mean(0).sqrt()


#: Pictures of the sets of a kind.
PICTURES: dict[str, Callable[[Synthetic, Any, Streams], dict[str, Image]]] = {"series": _spectrum}
