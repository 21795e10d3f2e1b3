"""AutoAttack: several attacks without a parameter to tune, one after another on what is still right."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeInt, PositiveInt
from hf_distill.robustness.harm import Harm, Levels, in_levels
from hf_distill.seeding import Streams


class AutoAttack(Harm):
    """APGD by the cross-entropy, APGD by the difference of logits, then the square attack, which needs no gradient.

    Each attacks the images that the network still knows. They are those of the Adversarial Robustness Toolbox (extra
    ``robust``); the fourth of the paper's ensemble, FAB, is left out, as ART has none. With two classes the difference
    of logits, which needs three, is left out too.

    Source: Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
    attacks (ICML 2020), where it is 100 iterations and 5,000 queries.

    Args:
        eps: How far a pixel may be moved, in levels of 255: 8 is the field's 8/255.
        iterations: Of both forms of APGD.
        queries: Of the square attack; 0 leaves it out, which takes most of the time.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                robustness: {harms: [{class_path: AutoAttack, init_args: {eps: 8, queries: 0}}]}
    """

    def __init__(self, *, eps: Levels = 2.0, iterations: PositiveInt = 100, queries: NonNegativeInt = 1000) -> None:
        self.eps = eps
        self.iterations = iterations
        self.queries = queries

    @property
    def label(self) -> str:
        """See :class:`Harm`."""
        return f"AutoAttack {in_levels(self.eps)}"

    def check(self, spec: DataSpec) -> None:
        """See :class:`Harm`."""
        super().check(spec)
        if importlib.util.find_spec("art") is None:
            raise UserError(
                "AutoAttack needs the package adversarial-robustness-toolbox: pip install 'hf-distill[robust]'"
            )

    def apply(self, network: nn.Module, x: Tensor, y: Tensor, spec: DataSpec, streams: Streams) -> Tensor:
        """See :class:`Harm`."""
        mean, std = spec.statistics(x)
        pixels = (x * std + mean).clamp(0, 1).cpu().numpy()
        with _quiet(streams.seed_for("auto attack")):
            moved = self._ensemble(network, x, spec).generate(pixels, y.cpu().numpy())
        return (torch.from_numpy(moved).to(x) - mean) / std

    def _ensemble(self, network: nn.Module, x: Tensor, spec: DataSpec) -> Any:
        from art.attacks.evasion import AutoAttack as Ensemble
        from art.attacks.evasion import AutoProjectedGradientDescent, SquareAttack
        from art.estimators.classification import PyTorchClassifier

        classifier = PyTorchClassifier(
            _OfPixels(network, *spec.statistics(x)),
            loss=nn.CrossEntropyLoss(),
            input_shape=spec.shape,
            nb_classes=spec.num_classes,
            clip_values=(0.0, 1.0),
            device_type="cpu" if x.device.type == "cpu" else "gpu",
        )
        eps, size = self.eps / 255, len(x)
        losses = ["cross_entropy", "difference_logits_ratio"][: 2 if spec.num_classes > 2 else 1]
        attacks: list[Any] = [
            AutoProjectedGradientDescent(
                classifier,
                eps=eps,
                eps_step=2 * eps,  # the paper's first step
                max_iter=self.iterations,
                nb_random_init=1,
                batch_size=size,
                loss_type=loss,
                verbose=False,
            )
            for loss in losses
        ]
        if self.queries:
            attacks.append(
                SquareAttack(classifier, eps=eps, max_iter=self.queries, nb_restarts=1, batch_size=size, verbose=False)
            )
        return Ensemble(classifier, eps=eps, eps_step=2 * eps, attacks=attacks, batch_size=size)


class _OfPixels(nn.Module):
    """A network of pixels in [0, 1]."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: Tensor) -> Tensor:
        return self.network((x - self.mean) / self.std)


@contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Seed numpy's and torch's global generators, which ART draws from, and leave both as they were."""
    state = np.random.get_state()
    logger = logging.getLogger("art")
    level = logger.level
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logger.setLevel(logging.ERROR)
            np.random.seed(seed % 2**32)
            torch.manual_seed(seed)
            yield
    finally:
        np.random.set_state(state)
        logger.setLevel(level)
