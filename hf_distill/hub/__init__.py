"""The artifact: a folder that equals its Hub repository.

``DistilledDataset`` writes, publishes and reads it; ``render_card`` writes its card. Names are imported on first use:
``storage`` alone needs nothing but the standard library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hf_distill.hub.artifact import DistilledDataset
    from hf_distill.hub.card import render_card
    from hf_distill.hub.plot import Panel, line_plot
    from hf_distill.hub.preview import render_preview
    from hf_distill.hub.storage import replace_folder

__all__ = ["DistilledDataset", "Panel", "line_plot", "render_card", "render_preview", "replace_folder"]

_MODULES = {
    "DistilledDataset": "artifact",
    "Panel": "plot",
    "line_plot": "plot",
    "render_card": "card",
    "render_preview": "preview",
    "replace_folder": "storage",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
