"""ExpertTraining: how expert trajectories are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from hf_distill.data.base import Data
from hf_distill.errors import UserError
from hf_distill.experts.store import ExpertStore
from hf_distill.options import Few
from hf_distill.parts import Part
from hf_distill.progress import progress_bar
from hf_distill.seeding import Streams
from hf_distill.training.building import Network, build_network
from hf_distill.training.fitting import Group, fit_group
from hf_distill.training.losses import LOSSES
from hf_distill.training.optimizers import SGD
from hf_distill.training.plan import TOGETHER_MOST, Plan, make_plan
from hf_distill.training.recipe import Recipe
from hf_distill.training.schedules import Constant
from hf_distill.training.source import Source, SplitSource, WindowSource
from hf_distill.training.workers import side_by_side


class ExpertTraining(Part):
    """Networks that are trained on all real training rows, of which every epoch is kept.

    An expert depends on its number, the seed and the data alone, not on the processes among which they are shared, nor
    on how often the work was interrupted.

    Source: Cazenavette et al., Dataset Distillation by Matching Training Trajectories (CVPR 2022).

    Args:
        network: What is trained.
        recipe: How; null for MTT's: 50 epochs of plain gradient descent at 0.01 in batches of 256. Augmentation, for
            which MTT and DATM take that of the set, stands in it; DATM trains for 100 epochs.
        count: Experts. MTT and DATM take 100.

    Examples:
        >>> from hf_distill import ConvNet, ExpertTraining, RealData
        >>> training = ExpertTraining(network=ConvNet(width=32, depth=2), count=5)  # what hf-distill experts does
        >>> training.recipe_for(RealData().setup()).total_epochs
        50
    """

    def __init__(self, *, network: Network, recipe: Recipe | None = None, count: Few = 20) -> None:
        self.network = network
        usual = Recipe(epochs=50, optimizer=SGD(momentum=0.0, weight_decay=0.0), schedule=Constant())
        self.recipe = usual if recipe is None else recipe
        self.count = count

    def describe(self, real: Data, seed: int = 0) -> dict[str, Any]:
        """Return the record of such experts of some data; see :class:`ExpertStore`.

        Raises:
            UserError: The data have no random access, or network or recipe do not fit them.
        """
        source = source_of(real)
        recipe = self.recipe_for(real)
        steps, each = (function(len(source), source.width) for function in (recipe.total_steps, recipe.steps_per_epoch))
        if steps % each:
            raise UserError(
                f"the recipe of the experts has {steps} steps and an epoch {each}: only whole epochs are stored, "
                f"{steps // each * each or each} steps for example"
            )
        spec = real.spec
        network = build_network(self.network, spec, 0)
        return {
            "network": self.network.config(),
            "recipe": self.recipe.config(),
            "seed": seed,
            "data": {
                "fingerprint": spec.source.get("fingerprint"),
                "rows": len(source),
                "kind": spec.kind,
                "target": spec.target,
                "shape": list(spec.shape),
                "mean": list(spec.mean),
                "std": list(spec.std),
            },
            "epochs": steps // each,
            "weights": {name: list(value.shape) for name, value in network.named_parameters()},
        }

    def recipe_for(self, real: Data) -> Recipe:
        """Return the recipe with the loss of the data's target.

        Raises:
            UserError: Its augmentation is for other data.
        """
        recipe = self.recipe.suited(real.spec)
        recipe.check(real.spec)
        return recipe

    def train(
        self, real: Data, store: ExpertStore, *, rank: int = 0, ranks: int = 1, progress: bool = True
    ) -> list[int]:
        """Train the experts that a folder does not have yet and return their numbers.

        Args:
            real: The data, where the training is to take place.
            store: The folder, begun with :meth:`describe`.
            rank: Which of several processes this is; each takes its share.
            ranks: How many there are.
            progress: Show a progress bar.

        Raises:
            DivergenceError: The training of one diverged.
        """
        source, recipe = source_of(real), self.recipe_for(real)
        steps = recipe.total_steps(len(source), source.width)
        sample = source.batch(torch.zeros(1, dtype=torch.long)).x
        plan = make_plan(
            build_network(self.network, real.spec, 0).to(sample.device),
            sample,
            batch=min(recipe.batch(source.width), len(source)),
            steps=steps * self.count,
            count=self.count,
            joins=source.joins,
            device=sample.device,
        )
        size = TOGETHER_MOST if plan.together else 1
        groups = [list(range(first, min(first + size, self.count))) for first in range(0, self.count, size)]
        have = set(store.finished())
        # A group is trained as a whole, also where some of it is there: who trains beside decides the last bits.
        # Shared before they are looked at: another process may finish one meanwhile.
        missing = [group for group in groups[rank::ranks] if not have.issuperset(group)]
        job = _Job(self.network, real.spec, recipe, source, plan, store, uuid4().hex)
        total = steps * sum(map(len, missing))
        with progress_bar(total, "training experts", "step", disable=not progress or not missing) as bar:
            side_by_side(partial(_train, job=job), missing, plan.workers, bar.update)
        return sorted({number for group in missing for number in group} - have)

    def trained(self, real: Data, store: ExpertStore) -> list[nn.Module]:
        """Return the experts as they were in the end, in evaluation mode, where the data are.

        Raises:
            UserError: One is missing, damaged or of another network, recipe or data.
        """
        self.check(real, store)
        device = source_of(real).batch(torch.zeros(1, dtype=torch.long)).x.device
        networks = []
        for number in range(self.count):
            network = build_network(self.network, real.spec, 0)
            network.load_state_dict(store.read(number, store.epochs), strict=False)  # of buffers there are none
            networks.append(network.to(device).eval())
        return networks

    def check(self, real: Data, store: ExpertStore) -> None:
        """Refuse a folder that does not hold these experts.

        Raises:
            UserError: One is missing, damaged or of another network, recipe or data.
        """
        store.require(self.describe(real))
        for number in range(self.count):
            store.verify(number)


@dataclass(frozen=True)
class _Job:
    """What all groups of experts share; see :class:`ExpertTraining`."""

    network: Network
    spec: Any
    recipe: Recipe
    source: Source
    plan: Plan
    store: ExpertStore
    call: str


def _train(numbers: Sequence[int], progress: Callable[[int], object], *, job: _Job) -> None:
    """Train a group of experts and store those that are not there."""
    streams = [Streams(job.store.record["seed"], step=number) for number in numbers]
    device = job.source.batch(torch.zeros(1, dtype=torch.long)).x.device
    networks = [build_network(job.network, job.spec, own.seed_for("expert")).to(device).train() for own in streams]
    path: list[dict[str, Tensor]] = []

    def keep(stack: dict[str, Tensor]) -> None:
        path.append({name: value.to("cpu", copy=True) for name, value in stack.items()})

    keep({name: value.detach() for name, value in stack_module_state(networks)[0].items()})
    fit_group(
        Group(networks, [job.source] * len(networks), streams, [f"expert {number}" for number in numbers], job.recipe),
        progress,
        device=device,
        plan=job.plan,
        call=job.call,
        snapshot=keep,
    )
    for place, number in enumerate(numbers):
        if not job.store.path(number).exists():
            job.store.write(number, {name: torch.stack([own[name][place] for own in path]) for name in path[0]})


def source_of(real: Data) -> Source:
    """Return the training rows of some data, or the windows of a series, as what networks are trained on.

    Raises:
        UserError: They are a stream, or have no target.
    """
    data: Any = real
    target = real.spec.target
    if target not in LOSSES:
        raise UserError(f"experts are trained on samples or series, not on {real.spec.contents()}")
    source: Source = WindowSource(data.train) if target == "future" else SplitSource(data.train, data.spec)
    source.order = ("expert order",)
    source.layers = ("expert layers",)
    return source
