"""Robustness: what networks still know of test images that were changed."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from hf_distill.data.spec import DataSpec
from hf_distill.data.splits import Split
from hf_distill.errors import UserError
from hf_distill.options import NotEmpty, PositiveInt
from hf_distill.parts import Part
from hf_distill.robustness.fgsm import FGSM
from hf_distill.robustness.harm import Harm
from hf_distill.robustness.pgd import PGD
from hf_distill.seeding import Streams

_BATCH = 256


class Robustness(Part):
    """Changes test images and asks a network for their classes again.

    An adversary knows the network and attacks each one for itself. An attack that a network was not made for says
    nothing of others: read the strongest one.

    Args:
        harms: What is done to the images; null for ``FGSM`` and ``PGD`` as they are.
        rows: Test images that it is done to at most, chosen at random, the same ones for every network.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                robustness: {harms: [FGSM, PGD], rows: 200}
    """

    def __init__(self, *, harms: Annotated[list[Harm], NotEmpty()] | None = None, rows: PositiveInt = 1000) -> None:
        self.harms = [FGSM(), PGD()] if harms is None else harms
        self.rows = rows

    def check(self, spec: DataSpec) -> None:
        """Refuse data or harms that cannot be had, before any work.

        Raises:
            UserError: The data are no images with classes, a package is missing, or two harms are called alike.
        """
        labels = [harm.label for harm in self.harms]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise UserError(f"evaluator.robustness.harms has {twice} twice: leave one out")
        for harm in self.harms:
            harm.check(spec)

    def chosen(self, test: Split, streams: Streams) -> Tensor:
        """Return the numbers of the test rows that are changed, in their order."""
        order = torch.randperm(len(test), generator=streams.generator("harmed rows"))
        return order[: self.rows].sort().values

    def outputs(
        self, network: nn.Module, test: Split, rows: Tensor, spec: DataSpec, device: torch.device, streams: Streams
    ) -> dict[str, Tensor]:
        """Return a network's logits ``(rows, classes)`` on the CPU after each harm, by its label.

        Args:
            network: In evaluation mode.
            test: The split to measure on.
            rows: Which of its rows.
            spec: The specification whose units the network knows.
            device: Where it is.
            streams: Randomness.
        """
        found: dict[str, list[Tensor]] = {harm.label: [] for harm in self.harms}
        for place, part in enumerate(rows.split(_BATCH)):
            x = spec.normalize(test.raw(part)).to(device)
            y = test.labels[part].to(device)
            for harm in self.harms:
                harmed = harm.apply(network, x, y, spec, streams.at(place))
                with torch.no_grad():
                    found[harm.label].append(network(harmed).cpu())
        return {label: torch.cat(parts) for label, parts in found.items()}
