"""Diffusion: a class-conditional pipeline in pixel space, and schedulers that guide any with no training.

What needs diffusers, which takes seconds to import, is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hf_distill.diffusion.generator import GeneratorTraining
from hf_distill.diffusion.options import Guidance
from hf_distill.errors import UserError

if TYPE_CHECKING:
    from hf_distill.diffusion.ddim import ManifoldGuidedDDIMScheduler
    from hf_distill.diffusion.ddpm import ManifoldGuidedDDPMScheduler
    from hf_distill.diffusion.pipeline import ClassConditionalPipeline

_MODULES = {
    "ClassConditionalPipeline": "pipeline",
    "ManifoldGuidedDDIMScheduler": "ddim",
    "ManifoldGuidedDDPMScheduler": "ddpm",
}

__all__ = [
    "ClassConditionalPipeline",
    "GeneratorTraining",
    "Guidance",
    "ManifoldGuidedDDIMScheduler",
    "ManifoldGuidedDDPMScheduler",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import diffusers  # noqa: F401
    except ImportError as error:
        raise UserError(f"{name} needs diffusers: pip install 'hf-distill[diffusion]'") from error
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
