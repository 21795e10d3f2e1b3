"""The likelihood-ratio attack: sets of random halves of the rows, and which rows networks of each betray."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from hf_distill.audit.membership import attack_rows
from hf_distill.audit.trained import networks_on, usual_recipe
from hf_distill.data.real import RealData
from hf_distill.data.some_rows import with_rows
from hf_distill.errors import UserError
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.features.trained import trained_on
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.methods.method import Method, Run
from hf_distill.networks.default import default_network
from hf_distill.parts import rebuilt
from hf_distill.seeding import Streams
from hf_distill.training.prediction import predict

# A deviation no smaller than this, of log odds: networks of one half may all say the same.
_LEAST = 1e-6


def attack_shadows(
    artifact: DistilledDataset,
    real: RealData,
    sketch: ClassificationEvaluator,
    count: int,
    rows: Tensor,
    seed: int,
    device: torch.device,
) -> list[dict[str, Any]]:
    """Distil random halves of the rows, and attack a network of each set with the others as shadows.

    Args:
        artifact: The set, whose record says by which method.
        real: The data.
        sketch: Whose network and recipe are taken.
        count: Halves; each row is in half of them.
        rows: Numbers of the training rows that take part.
        seed: Of halves, sets and networks.
        device: Where.

    Returns:
        JSON: for networks of the sets, and for networks of the halves themselves, what the likelihood ratio finds and
        what a threshold on the loss does.

    Raises:
        UserError: The record names no method of this library.
    """
    described = artifact.config.get("method")
    if described is None:
        raise UserError("the set's record names no method to distil halves by: set --audit.shadows=0")
    network = (sketch.networks or [default_network(artifact.spec)])[0]
    inside = halves(count, len(rows), np.random.default_rng(Streams(seed).seed_for("halves")))
    pool = with_rows(real, rows)
    seen: dict[str, list[np.ndarray]] = {"sets of halves": [], "halves": []}
    for shadow, own in enumerate(inside):
        half, streams = with_rows(real, rows[torch.from_numpy(own)]), Streams(seed, step=shadow)
        made = rebuilt(described, Method).distill(half, Run(progress=False, seed=seed + shadow)).published()
        recipe = usual_recipe(sketch, half.spec)
        (of_set,) = networks_on(made, sketch, [streams], device)
        of_half = trained_on(half, network, recipe, streams, device, artifact.spec)
        for signals, trained in zip(seen.values(), (of_set, of_half), strict=True):
            (outputs,) = predict([trained], pool.train, artifact.spec, device)
            signals.append(log_odds(outputs, pool.train.targets).numpy())
    attacks = {"likelihood ratio": likelihood_ratios, "loss": lambda signals, inside: signals}
    return [
        {
            "trained_on": f"{name}, {attack}",
            "shadows": count,
            "rows": len(rows),
            **attack_rows(
                scores(np.stack(signals), inside), inside, np.random.default_rng(Streams(seed).seed_for("resamples"))
            ),
        }
        for name, signals in seen.items()
        for attack, scores in attacks.items()
    ]


def halves(count: int, rows: int, generator: np.random.Generator) -> np.ndarray:
    """Return which rows are in each of some random halves ``(count, rows)``: each row in half of them."""
    return generator.permuted(np.tile(np.arange(count) < count // 2, (rows, 1)), axis=1).T


def log_odds(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the logarithm of the odds that networks give the right class, ``(N,)``; nearly normal over networks."""
    right = outputs.double().gather(1, labels[:, None])[:, 0]
    others = outputs.double().scatter(1, labels[:, None], -torch.inf).logsumexp(1)
    return right - others


def likelihood_ratios(signals: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return how much likelier each signal is if the row was in than if it was out, as a logarithm ``(S, N)``.

    Each network is the target once, and all others are its shadows (Carlini et al., Membership Inference Attacks From
    First Principles, S&P 2022, the online attack). The means are those of a row, the deviations those of all rows, as
    the paper has it where shadows are few.

    Args:
        signals: Log odds that network s gives row n ``(S, N)``.
        inside: Whether row n was in what network s was trained on ``(S, N)``.
    """
    ratios = np.empty(signals.shape)
    for target in range(len(signals)):
        others = np.arange(len(signals)) != target
        fits = [_fitted(signals[others], own[others]) for own in (inside, ~inside)]
        (is_in, spread_in), (is_out, spread_out) = fits
        ratios[target] = (
            ((signals[target] - is_out) / spread_out) ** 2 / 2
            - ((signals[target] - is_in) / spread_in) ** 2 / 2
            + np.log(spread_out / spread_in)
        )
    return ratios


def _fitted(signals: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mean of each row's chosen signals, and the deviation of all of them from these."""
    counts = chosen.sum(0)
    means = np.where(chosen, signals, 0).sum(0) / counts
    freedom = max(int((counts - 1).sum()), 1)
    squares = np.where(chosen, signals - means, 0) ** 2
    return means, max(float(np.sqrt(squares.sum() / freedom)), _LEAST)
