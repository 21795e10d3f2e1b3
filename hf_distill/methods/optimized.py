"""OptimizedDistillation: one Accelerate loop over any synthetic set and any objective."""

from __future__ import annotations

import copy
import math
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn

from hf_distill.batches.base import Batches, uniform_again
from hf_distill.data.base import Data
from hf_distill.errors import DivergenceError, Interrupted, UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.real import RealSamples
from hf_distill.methods.average import Average
from hf_distill.methods.chunks import CHUNKS, in_chunks
from hf_distill.methods.method import Method, Run
from hf_distill.methods.reporting import Reporter
from hf_distill.methods.start import save_start
from hf_distill.networks.cost import ONE_THREAD, one_thread
from hf_distill.objectives.base import Objective
from hf_distill.objectives.distribution import DistributionMatching
from hf_distill.options import NonNegativeInt, PositiveFloat, PositiveInt, ShareBelowOne
from hf_distill.runs.alone import Alone
from hf_distill.runs.checkpoint import Checkpoints
from hf_distill.runs.divergence import LEARNED, Watch, check_grey, grey_share, largest
from hf_distill.runs.interrupt import StopRequest
from hf_distill.runs.pace import Pace
from hf_distill.runs.processes import check_processes
from hf_distill.runs.run_state import restore, state_of
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.pixel import PixelSet
from hf_distill.synthetic.planner import filled
from hf_distill.synthetic.quantized import QuantizedSet
from hf_distill.training.schedules import cosine

_CHECKPOINTS = "checkpoints"


class OptimizedDistillation(Method[Data]):
    """Gradient descent on the stored variables of a synthetic set.

    Every rank draws its own network and its own real samples; gradients are averaged over the ranks and every rank
    takes the same step, so that the ranks' sets stay equal. With ``chunk`` the ranks share the chunks instead, and the
    set is that of one process.

    Args:
        synthetic: The set that is learned; null for a ``PixelSet``.
        objective: What it is learned for; null for ``DistributionMatching``.
        initial: The samples that it starts from; null for ``RealSamples``.
        batches: Which real rows the objective is given, by importance and with unbiased weights; null draws uniformly.
        steps: Optimiser steps.
        optimizer: ``sgd`` or ``adam``.
        lr: Learning rate of the stored variables, in the networks' units (normalised pixels).
        momentum: Of ``sgd``.
        schedule: ``constant`` or ``cosine`` (to zero).
        average: Decay of a moving average of the set, which the run ends with (DATM: 0.995, 0.9995); 0 for none.
        checkpoint_every: Steps between checkpoints; 0 makes one only when the run is interrupted.
        preview_every: Steps between preview pictures; 0 makes none.
        log_every: Steps between log entries.
        chunk: Samples of each class that are optimised at a time, each chunk by one of the ranks; null for all.

    Examples:
        >>> from hf_distill import OptimizedDistillation, PixelSet, RealData, Run
        >>> method = OptimizedDistillation(synthetic=PixelSet(per_class=2), steps=1)
        >>> len(method.distill(RealData(), Run(progress=False)))
        20
    """

    def __init__(
        self,
        *,
        synthetic: Synthetic | None = None,
        objective: Objective | None = None,
        initial: InitialSamples | None = None,
        batches: Batches | None = None,
        steps: PositiveInt = 20_000,
        optimizer: Literal["sgd", "adam"] = "sgd",
        lr: PositiveFloat = 1.0,
        momentum: ShareBelowOne = 0.5,
        schedule: Literal["constant", "cosine"] = "constant",
        average: ShareBelowOne = 0.0,
        checkpoint_every: NonNegativeInt = 100,
        preview_every: NonNegativeInt = 500,
        log_every: NonNegativeInt = 10,
        chunk: PositiveInt | None = None,
    ) -> None:
        self.synthetic: Synthetic = PixelSet() if synthetic is None else synthetic
        self.objective: Objective = DistributionMatching() if objective is None else objective
        self.initial: InitialSamples = RealSamples() if initial is None else initial
        self.batches = batches
        self.steps = steps
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.schedule = schedule
        self.average = average
        self.checkpoint_every = checkpoint_every
        self.preview_every = preview_every
        self.log_every = log_every
        self.chunk = chunk

    def fit(self, real: Data, run: Run) -> Synthetic:
        """See :class:`Method`.

        Raises:
            UserError: The folder holds an unfinished or a different run, or a choice does not fit the data.
            DivergenceError: The loss or what is learned is not finite, or images are black and white alone.
            Interrupted: SIGINT or SIGTERM arrived; the state was saved.
        """
        accelerator = Accelerator(log_with=list(run.trackers) or None, project_dir=run.folder)
        check_processes(accelerator)
        self.open(real, accelerator.device)
        self.objective.check(real)
        if self.chunk is not None:
            return in_chunks(self, real, run)
        return self.optimized(self.start(real, run.seed), real, run, accelerator)

    def start(self, real: Data, seed: int) -> Synthetic:
        """Return the set, filled with what it starts from."""
        return filled(self.synthetic, lambda size: self.initial.draw(real, size, Streams(seed)), real.spec)

    def optimized(self, synthetic: Synthetic, real: Data, run: Run, accelerator: Accelerator) -> Synthetic:
        """Return a filled set after all steps, made by the processes of ``accelerator`` together; see :meth:`fit`."""
        checkpoints = Checkpoints(run.folder / _CHECKPOINTS, self.run_config(real, run)) if run.folder else None
        synthetic = synthetic.to(accelerator.device)
        # A copy: its state is this run's.
        objective = copy.deepcopy(self.objective).to(accelerator.device)
        learned = [*synthetic.parameters(), *objective.parameters()]
        if accelerator.num_processes > 1:
            for tensor in (*learned, *synthetic.buffers()):
                tensor.data.copy_(broadcast(tensor.data))
        begun = copy.deepcopy(synthetic)
        optimizer = self._optimizer([*synthetic.param_groups(self.lr), *objective.param_groups(self.lr)])
        parts = {"synthetic": synthetic, "optimizer": optimizer, "real": real}
        average = Average(list(synthetic.parameters()), self.average) if self.average else None
        parts |= {} if average is None else {"average": average}
        grey, watch = grey_share(synthetic), Watch(self.lr, checkpoints)
        start = 0
        if checkpoints is not None:
            start = checkpoints.begin(
                lambda state: restore(state, parts, objective, accelerator.process_index),
                steps=self.steps,
                resume=run.resume,
                overwrite=run.overwrite,
            )
        whole = not isinstance(accelerator, Alone)  # else it is a chunk, and the start of all is kept
        if run.folder and accelerator.is_main_process and whole:  # now that it is sure whose folder it is
            save_start(begun, run.folder, run.config or self.run_config(real, run), run.seed)
        accelerator.wait_for_everyone()
        if run.trackers:
            accelerator.init_trackers("hf_distill", config={"steps": self.steps, "lr": self.lr, "seed": run.seed})
        run.notes.timing.update({"steps": self.steps, "device": str(accelerator.device)})
        if start:
            run.notes.timing["resumed_after"] = start
        objective.prepare(synthetic, real, self.steps)
        streams = Streams(run.seed, accelerator.process_index)
        reporter = Reporter(
            run,
            accelerator,
            start=start,
            steps=self.steps,
            log_every=self.log_every,
            preview_every=self.preview_every,
            cycle=objective.cycle(),
        )
        small = accelerator.device.type == "cpu" and objective.work(synthetic, real) < ONE_THREAD
        with uniform_again(real), reporter, StopRequest() as stop, one_thread(small):
            for step in range(start, self.steps):
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * self._decay(step)
                self._advance(synthetic, step, watch)
                if self.batches is not None:  # alike on all ranks
                    self.batches.refresh(real, synthetic, Streams(run.seed, step=step))
                terms = {**objective(synthetic, real, streams.at(step)), **synthetic.penalties()}
                losses, stopping = self._step(terms, learned, optimizer, accelerator, stop.requested)
                watch.check_losses(step, losses)
                synthetic.project()
                if average is not None:
                    average.update()
                objective.on_step_end(synthetic)
                done = step + 1
                due = self.checkpoint_every and (done % self.checkpoint_every == 0 or done == self.steps)
                if due or stopping or done == self.steps:
                    watch.check_update(learned, done)
                reporter.step(done, {**losses, **objective.learned_recipe()}, synthetic)
                if checkpoints and (due or stopping):
                    state = state_of(parts, objective, accelerator)
                    if accelerator.is_main_process:
                        checkpoints.save(done, state)
                        reporter.saved(done, checkpoints.folder)
                if stopping and done < self.steps:
                    kept = "add --resume=true to go on" if checkpoints else "nothing was kept: it has no folder"
                    raise Interrupted(f"stopped after step {done} of {self.steps}; {kept}")
        if average is not None:
            average.apply()
            synthetic.project()
        synthetic.advance(1.0)
        run.notes.recipe.update(objective.learned_recipe())
        check_grey(grey, grey_share(synthetic), watch.remedy, strict=not isinstance(synthetic, QuantizedSet))
        if run.trackers:
            accelerator.end_training()
        return synthetic

    def estimate(self, real: Data, seed: int = 0) -> str:
        """See :class:`Method`; the steps are done and forgotten."""
        short, run = copy.copy(self), Run(seed=seed, progress=False)
        short.steps = min(self.steps, Pace.steps(*self.objective.cycle()))
        short.fit(real, run)
        return run.notes.pace

    def finish(self, folder: Path) -> None:
        """See :class:`Method`."""
        Checkpoints(folder / _CHECKPOINTS, {}).clear()
        shutil.rmtree(folder / CHUNKS, ignore_errors=True)

    def is_unfinished(self, folder: Path) -> bool:
        """See :class:`Method`."""
        return (folder / CHUNKS).is_dir() or Checkpoints(folder / _CHECKPOINTS, {}).latest() is not None

    def _optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        for group in groups:
            group["initial_lr"] = group["lr"]
        if self.optimizer == "adam":
            return torch.optim.Adam(groups)
        return torch.optim.SGD(groups, momentum=self.momentum)

    def _decay(self, step: int) -> float:
        return 1.0 if self.schedule == "constant" else cosine(step / self.steps)

    def _step(
        self,
        terms: dict[str, Tensor],
        learned: list[nn.Parameter],
        optimizer: torch.optim.Optimizer,
        accelerator: Accelerator,
        stop: bool,
    ) -> tuple[dict[str, float], bool]:
        """Average gradients, losses and the wish to stop over the ranks; step unless something is not finite.

        Among the values is the largest of the parameters before the step: what the update before made of them.
        """
        optimizer.zero_grad(set_to_none=True)
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        parameters = [p for p in learned if p.grad is not None]
        gradients = [p.grad.reshape(-1) for p in parameters if p.grad is not None]
        report = torch.stack([total.detach(), *(term.detach() for term in terms.values())])
        flag = report.new_tensor([float(stop)])
        flat = torch.cat([report, flag, *gradients])
        if accelerator.num_processes > 1:
            flat = accelerator.reduce(flat, "mean")
        head, mean = flat[: len(report) + 1], flat[len(report) + 1 :]
        before = largest(learned)
        values = torch.cat([head, torch.stack([mean.square().sum(), before.to(mean)])]).tolist()
        losses = dict(zip(("loss", *terms), values, strict=False)) if len(terms) > 1 else {"loss": values[0]}
        losses["gradient"] = math.sqrt(values[-2])
        if not math.isfinite(values[-1]):
            losses = {LEARNED: values[-1]}
        if all(math.isfinite(value) for value in losses.values()):
            for parameter, part in zip(parameters, mean.split([p.numel() for p in parameters]), strict=True):
                parameter.grad = part.view_as(parameter)
            optimizer.step()
        return losses, values[len(report)] > 0

    def _advance(self, synthetic: Synthetic, step: int, watch: Watch) -> None:
        try:
            synthetic.advance(step / self.steps)
        except UserError as error:
            if step == 0:
                raise
            # What could be quantized at the start was destroyed by updates.
            watch.check_update(list(synthetic.parameters()), step)
            raise DivergenceError(f"after step {step}: {error}; {watch.last_good}") from error
