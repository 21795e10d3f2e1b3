"""Whether a run has destroyed what it learns: values that are not finite, images of black and white alone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from hf_distill.errors import DivergenceError
from hf_distill.runs.checkpoint import Checkpoints
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.quantized import QuantizedSet

# Share of grey pixels, those neither black nor white, below which a set has none left, and above which it had some.
_NONE_LEFT, _SOME = 0.01, 0.1

#: What is learned, where it stands among the values of a step.
LEARNED = "the stored variables"


class Watch:
    """Refuses what is not finite in a run, and says what to do.

    Args:
        lr: The learning rate of the run.
        checkpoints: Where it keeps its state; None without a folder.
    """

    def __init__(self, lr: float, checkpoints: Checkpoints | None) -> None:
        self.remedy = f"lower --method.lr (now {lr})"
        self.checkpoints = checkpoints

    @property
    def last_good(self) -> str:
        """What to do, and the checkpoint to go on from."""
        kept = self.checkpoints
        return f"{self.remedy}; {kept.last_good() if kept else 'there are no checkpoints: the run has no folder'}"

    def check_losses(self, step: int, losses: Mapping[str, float]) -> None:
        """Check the values of a step, counted from 0.

        Raises:
            DivergenceError: One is not finite.
        """
        bad = ", ".join(name for name, value in losses.items() if not math.isfinite(value))
        if LEARNED in losses:
            raise DivergenceError(f"{LEARNED} not finite after step {step}; {self.last_good}")
        if bad:
            no_rate = first_step(bad, "--method.objective")
            raise DivergenceError(f"{bad} not finite at step {step + 1}; {self.last_good}" if step else no_rate)

    def check_update(self, learned: Iterable[Tensor], step: int) -> None:
        """Check what the update of a step, counted from 1, has made of what is learned.

        Raises:
            DivergenceError: It is not finite.
        """
        size = float(largest(learned))
        if not math.isfinite(size):
            self.check_losses(step, {LEARNED: size})


def largest(tensors: Iterable[Tensor]) -> Tensor:
    """Return the largest absolute value of some tensors, a scalar that is not finite where one of them is not.

    Nothing waits for it: it is read together with what else is.
    """
    sizes = [tensor.detach().abs().amax() for tensor in tensors if tensor.numel()]
    return torch.stack(sizes).amax() if sizes else torch.zeros(())


def first_step(subject: str, options: str) -> str:
    """Say that something is not finite before any update: the learning rate cannot be the reason."""
    return (
        f"{subject} not finite at step 1, where no learning rate has had an effect: look at the data's values (not "
        f"finite, or far too large) and at the options of {options}"
    )


@torch.no_grad()
def grey_share(synthetic: Synthetic) -> float | None:
    """Return the share of a set's pixels that are neither black nor white as they are stored; None without images.

    Of a quantized set, that of the values before they are rounded: with few levels all may rightly be black or white.
    """
    inner = synthetic.synthetic if isinstance(synthetic, QuantizedSet) else synthetic
    return grey_pixels(inner.spec.denormalize(inner().x)) if inner.spec.kind == "image" else None


def grey_pixels(images: Tensor) -> float:
    """Return the share of the pixels of uint8 images that are neither black nor white."""
    return float(((images > 0) & (images < 255)).float().mean())


def check_grey(before: float | None, after: float | None, remedy: str, *, strict: bool = True) -> None:
    """Refuse images of black and white alone that were made from others.

    A rate that is far too high throws every pixel to one end of what can be stored, where clipping keeps it finite.

    Args:
        before: Share of grey pixels of the samples that the images were made from; None without images.
        after: That of the images.
        remedy: What to do, the end of the message.
        strict: Raise where nothing is left; else warn.

    Raises:
        DivergenceError: Fewer than 1 % are left of more than 10 %. Fewer than a tenth of what they were are a warning.
    """
    if before is None or after is None or after >= before / 10:
        return
    message = f"{1 - after:.1%} of the pixels are black or white, and {1 - before:.1%} were at the start: {remedy}"
    if strict and after < _NONE_LEFT and before > _SOME:
        raise DivergenceError(message)
    warnings.warn(message, stacklevel=2)
