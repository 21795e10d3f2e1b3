"""OptimizedDistillation: one Accelerate loop over any synthetic set and any objective."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from torch import Tensor

from hf_distill.data.base import Data
from hf_distill.errors import DivergenceError, Interrupted, UserError
from hf_distill.networks.cost import ONE_THREAD, one_thread
from hf_distill.objectives.base import Objective
from hf_distill.objectives.distribution import DistributionMatching
from hf_distill.options import NonNegativeInt, PositiveFloat, PositiveInt, ShareBelowOne
from hf_distill.seeding import Streams
from hf_distill.selection.initial import InitialSamples, RealSamples
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.training.checkpoint import Checkpoints
from hf_distill.training.interrupt import StopRequest
from hf_distill.training.method import Method, Run
from hf_distill.training.reporting import Reporter

_CHECKPOINTS = "checkpoints"


class OptimizedDistillation(Method):
    """Gradient descent on the stored variables of a synthetic set.

    Every rank draws its own network and its own real samples; gradients are averaged over the ranks and every rank
    takes the same step, so that the ranks' sets stay equal.

    Args:
        synthetic: The set that is learned.
        objective: What it is learned for.
        initial: The samples that it starts from.
        steps: Optimiser steps.
        optimizer: ``sgd`` or ``adam``.
        lr: Learning rate of the stored variables, in the networks' units (normalised pixels).
        momentum: Of ``sgd``.
        schedule: ``constant`` or ``cosine`` (to zero).
        checkpoint_every: Steps between checkpoints; 0 makes one only when the run is interrupted.
        preview_every: Steps between preview pictures; 0 makes none.
        log_every: Steps between log entries.
    """

    def __init__(
        self,
        *,
        synthetic: Synthetic = PixelSet(),  # noqa: B008 - a description, copied before it is filled
        objective: Objective = DistributionMatching(),  # noqa: B008
        initial: InitialSamples = RealSamples(),  # noqa: B008
        steps: PositiveInt = 20_000,
        optimizer: Literal["sgd", "adam"] = "sgd",
        lr: PositiveFloat = 1.0,
        momentum: ShareBelowOne = 0.5,
        schedule: Literal["constant", "cosine"] = "constant",
        checkpoint_every: NonNegativeInt = 100,
        preview_every: NonNegativeInt = 500,
        log_every: NonNegativeInt = 10,
    ) -> None:
        self.synthetic = synthetic
        self.objective = objective
        self.initial = initial
        self.steps = steps
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.schedule = schedule
        self.checkpoint_every = checkpoint_every
        self.preview_every = preview_every
        self.log_every = log_every

    @property
    def citation(self) -> str:  # type: ignore[override]
        """The objective's."""
        return self.objective.citation

    def fit(self, real: Data, run: Run) -> Synthetic:
        """See :class:`Method`.

        Raises:
            UserError: The folder holds an unfinished or a different run, or a choice does not fit the data.
            DivergenceError: The loss is not finite.
            Interrupted: SIGINT or SIGTERM arrived; the state was saved.
        """
        accelerator = Accelerator(log_with=list(run.trackers) or None, project_dir=run.folder)
        checkpoints = Checkpoints(run.folder / _CHECKPOINTS, self.run_config(real, run)) if run.folder else None
        real.setup(accelerator.device)
        synthetic, optimizer = self._start(real, Streams(run.seed), accelerator)
        # A copy: its state is this run's.
        objective = copy.deepcopy(self.objective).to(accelerator.device)
        parts = {"synthetic": synthetic, "optimizer": optimizer, "real": real}
        start = self._resume(checkpoints, run, parts, objective, accelerator.process_index) if checkpoints else 0
        accelerator.wait_for_everyone()
        if run.trackers:
            accelerator.init_trackers("hf_distill", config={"steps": self.steps, "lr": self.lr, "seed": run.seed})
        objective.prepare(synthetic, real, self.steps)
        streams = Streams(run.seed, accelerator.process_index)
        reporter = Reporter(
            run,
            accelerator,
            start=start,
            steps=self.steps,
            log_every=self.log_every,
            preview_every=self.preview_every,
        )
        small = accelerator.device.type == "cpu" and objective.work(synthetic, real) < ONE_THREAD
        with reporter, StopRequest() as stop, one_thread(small):
            for step in range(start, self.steps):
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * self._decay(step)
                synthetic.advance(step / self.steps)
                terms = {**objective(synthetic, real, streams.at(step)), **synthetic.penalties()}
                losses, stopping = self._step(terms, synthetic, optimizer, accelerator, stop.requested)
                if not all(math.isfinite(value) for value in losses.values()):
                    raise DivergenceError(self._divergence(step, losses, checkpoints))
                objective.on_step_end(synthetic)
                done = step + 1
                reporter.step(done, losses, synthetic)
                due = self.checkpoint_every and (done % self.checkpoint_every == 0 or done == self.steps)
                if checkpoints and (due or stopping):
                    state = self._state(parts, objective, accelerator)
                    if accelerator.is_main_process:
                        checkpoints.save(done, state)
                if stopping and done < self.steps:
                    kept = "add --resume=true to go on" if checkpoints else "nothing was kept: it has no folder"
                    raise Interrupted(f"stopped after step {done} of {self.steps}; {kept}")
        synthetic.advance(1.0)
        if run.trackers:
            accelerator.end_training()
        return synthetic

    def finish(self, folder: Path) -> None:
        """See :class:`Method`."""
        Checkpoints(folder / _CHECKPOINTS, {}).clear()

    def is_unfinished(self, folder: Path) -> bool:
        """See :class:`Method`."""
        return Checkpoints(folder / _CHECKPOINTS, {}).latest() is not None

    def _start(self, real: Data, streams: Streams, accelerator: Accelerator) -> tuple[Synthetic, torch.optim.Optimizer]:
        """Make the set and its optimiser; rank 0's samples are everybody's."""
        synthetic = copy.deepcopy(self.synthetic)
        synthetic.plan(real.spec)
        x, y = self.initial.draw(real, synthetic.size, streams)
        if synthetic.replan(x, y, real.spec):
            x, y = self.initial.draw(real, synthetic.size, streams)
        synthetic.initialize(x.cpu(), y.cpu(), real.spec)
        synthetic.to(accelerator.device)
        for tensor in (*synthetic.parameters(), *synthetic.buffers()):
            tensor.data.copy_(broadcast(tensor.data))
        groups = synthetic.param_groups(self.lr)
        for group in groups:
            group["initial_lr"] = group["lr"]
        if self.optimizer == "adam":
            return synthetic, torch.optim.Adam(groups)
        return synthetic, torch.optim.SGD(groups, momentum=self.momentum)

    def _decay(self, step: int) -> float:
        return 1.0 if self.schedule == "constant" else 0.5 * (1 + math.cos(math.pi * step / self.steps))

    def _step(
        self,
        terms: dict[str, Tensor],
        synthetic: Synthetic,
        optimizer: torch.optim.Optimizer,
        accelerator: Accelerator,
        stop: bool,
    ) -> tuple[dict[str, float], bool]:
        """Average gradients, losses and the wish to stop over the ranks; step unless something is not finite."""
        optimizer.zero_grad(set_to_none=True)
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        parameters = [p for p in synthetic.parameters() if p.grad is not None]
        gradients = [p.grad.reshape(-1) for p in parameters if p.grad is not None]
        report = torch.stack([total.detach(), *(term.detach() for term in terms.values())])
        flag = report.new_tensor([float(stop)])
        flat = torch.cat([report, flag, *gradients])
        if accelerator.num_processes > 1:
            flat = accelerator.reduce(flat, "mean")
        head, mean = flat[: len(report) + 1], flat[len(report) + 1 :]
        values = torch.cat([head, mean.square().sum()[None]]).tolist()
        losses = dict(zip(("loss", *terms), values, strict=False)) if len(terms) > 1 else {"loss": values[0]}
        losses["gradient"] = math.sqrt(values[-1])
        if all(math.isfinite(value) for value in losses.values()):
            for parameter, part in zip(parameters, mean.split([p.numel() for p in parameters]), strict=True):
                parameter.grad = part.view_as(parameter)
            optimizer.step()
            synthetic.project()
        return losses, values[len(report)] > 0

    def _divergence(self, step: int, losses: dict[str, float], checkpoints: Checkpoints | None) -> str:
        last = checkpoints.latest() if checkpoints else None
        bad = ", ".join(name for name, value in losses.items() if not math.isfinite(value))
        return (
            f"{bad} not finite at step {step + 1}; lower --method.lr (now {self.lr}); the last good "
            f"checkpoint is {last or 'none: it is before the first one'}"
        )

    @staticmethod
    def _state(parts: dict[str, Any], objective: Objective, accelerator: Accelerator) -> dict[str, Any]:
        """Return what a checkpoint holds; every rank's objective has a state of its own."""
        state = {name: part.state_dict() for name, part in parts.items()}
        own = [objective.state_dict()]
        return {**state, "objective": gather_object(own) if accelerator.num_processes > 1 else own}

    @staticmethod
    def _resume(checkpoints: Checkpoints, run: Run, parts: dict[str, Any], objective: Objective, rank: int) -> int:
        """Return the step to start with, after loading the last checkpoint if that is wanted."""
        path = checkpoints.latest()
        if path is None:
            return 0
        if run.resume:
            step, state = checkpoints.load(path)
            for name, part in parts.items():
                part.load_state_dict(state[name])
            objective.load_state_dict(state["objective"][rank % len(state["objective"])])
            return step
        if not run.overwrite:
            raise UserError(
                f"{checkpoints.folder} holds an unfinished run ({path.stem}): add --resume=true to go on with it or "
                "--overwrite=true to start over"
            )
        return 0
