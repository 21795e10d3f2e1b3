"""GuidedDiffusion: images from a pretrained generator that is guided to the modes of the real data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from hf_distill.data.real import RealData
from hf_distill.diffusion.anchors import Anchors, choose_anchors
from hf_distill.diffusion.options import Guidance
from hf_distill.diffusion.pretrained import Pretrained, encode_split
from hf_distill.errors import DivergenceError, Interrupted, UserError
from hf_distill.methods.method import Method, Run
from hf_distill.options import NonNegativeInt, PositiveInt, Range, Text
from hf_distill.progress import progress_bar
from hf_distill.runs.divergence import check_grey, grey_pixels
from hf_distill.runs.interrupt import StopRequest
from hf_distill.runs.processes import check_processes
from hf_distill.runs.units import Units
from hf_distill.seeding import Streams
from hf_distill.selection.base import Selector
from hf_distill.selection.hierarchical import HierarchicalSelector
from hf_distill.synthetic.base import Synthetic
from hf_distill.synthetic.generated import GeneratedSet

_UNITS, _LATENTS = "generated", "latents.pt"
_REMEDY = "lower method.guidance.mode_scale, method.guidance.normal_scale or method.guidance_scale"


class GuidedDiffusion(Method[RealData]):
    """ManifoldGD and its predecessors: nothing is trained.

    Roy et al., arXiv 2602.23295 (CVPR 2026). Real samples of a class are encoded and clustered; each synthetic sample
    is pulled towards one centre while it is denoised. ``guidance.manifold: none`` is MGD3 (ICML 2025);
    ``guidance.mode_scale: 0`` samples the generator as it is.

    Batches are split over the ranks; finished ones are kept in the run folder, and ``--resume=true`` goes on with
    the rest.

    Args:
        pipeline: A class-conditional diffusers pipeline, a local folder or a Hub id: ``DiTPipeline``, or what
            ``hf-distill train-generator`` saves.
        per_class: Samples of each class, one for each anchor.
        selector: Chooses the anchors; null for a ``HierarchicalSelector``.
        centroid: ``mean`` of a cluster or the real sample ``nearest`` to it.
        pool: Side that latents are averaged down to before clustering; 0 takes them as they are.
        guidance: How samples are guided; null for ``Guidance`` as it is.
        sampler: ``ddim`` or ``ddpm``.
        steps: Denoising steps.
        guidance_scale: Of classifier-free guidance; 1 uses none.
        batch_size: Samples that are denoised at once; part of what decides the noise.
        class_names: The pipeline's names of classes that it calls otherwise than the data.

    Examples:
        In YAML:

            method:
              class_path: GuidedDiffusion
              init_args:
                pipeline: outputs/generator  # of hf-distill train-generator
                per_class: 10
                guidance: {manifold: none}  # MGD3
    """

    citation = """@inproceedings{roy2026manifoldgd,
  title = {ManifoldGD: Training-Free Hierarchical Manifold Guidance for Diffusion-Based Dataset Distillation},
  author = {Roy, Ayush and Yang Alex Lee, Wei and Chakraborty, Rudrasis and Lokhande, Vishnu Suresh},
  booktitle = {CVPR},
  year = {2026},
  note = {arXiv:2602.23295}
}"""

    def __init__(
        self,
        *,
        pipeline: Text = "facebook/DiT-XL-2-256",
        per_class: PositiveInt = 10,
        selector: Selector | None = None,
        centroid: Literal["mean", "nearest"] = "mean",
        pool: NonNegativeInt = 0,
        guidance: Guidance | None = None,
        sampler: Literal["ddim", "ddpm"] = "ddim",
        steps: Annotated[int, Range(1, 1000)] = 50,
        guidance_scale: Annotated[float, Range(0, 1000)] = 4.0,
        batch_size: PositiveInt = 10,
        class_names: dict[str, str] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.per_class = per_class
        self.selector = HierarchicalSelector() if selector is None else selector
        self.centroid = centroid
        self.pool = pool
        self.guidance = Guidance() if guidance is None else guidance
        self.sampler = sampler
        self.steps = steps
        self.guidance_scale = guidance_scale
        self.batch_size = batch_size
        self.class_names = class_names

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["pipeline"]

    def fit(self, real: RealData, run: Run) -> Synthetic:
        """See :class:`Method`.

        Raises:
            UserError: Pipeline and data do not belong together, a class has fewer samples than there are anchors, or
                the folder holds a different run; before the first denoising step.
            DivergenceError: Latents or images are not finite, or the images are black and white alone.
            Interrupted: SIGINT or SIGTERM arrived; finished batches are kept.
        """
        accelerator = Accelerator()
        check_processes(accelerator)
        self.open(real, accelerator.device)
        spec, _ = real.spec, real.train  # refuses a stream
        empty = [name for name, count in zip(spec.classes, spec.class_counts, strict=True) if not count]
        if empty:
            raise UserError(f"class {empty[0]!r} has no samples: leave it out")
        if set(real.quota(self.per_class)) != {self.per_class}:
            raise UserError("GuidedDiffusion makes as many samples of every class: set --data.class_balance=equal")
        pretrained = Pretrained(self.pipeline, accelerator.device)
        pretrained.check(spec)
        labels = pretrained.labels(spec.classes, self.class_names)
        kept = self._units(real, run, accelerator) if run.folder else None
        latents = encode_split(pretrained, real, accelerator, cache=run.folder / _LATENTS if run.folder else None)
        streams = Streams(run.seed)
        anchors = [
            choose_anchors(
                latents[rows],
                rows,
                self.per_class,
                selector=self.selector,
                centroid=self.centroid,
                pool=self.pool,
                streams=streams,
                label=label,
            )
            for label in range(spec.num_classes)
            for rows in [real.train.class_index(label)]
        ]
        units = self._generate(pretrained, real, latents, anchors, labels, streams, kept, run, accelerator)
        synthetic = GeneratedSet(per_class=self.per_class)
        pixels = torch.cat([units[key]["pixels"] for key in sorted(units)])
        closest = real.train.raw(torch.cat([a.rows for a in anchors]))
        check_grey(grey_pixels(closest), grey_pixels(pixels), _REMEDY)
        y = torch.arange(spec.num_classes).repeat_interleave(self.per_class)
        synthetic.initialize(spec.normalize(pixels), y, spec)
        about = {
            "seed": [seed for key in sorted(units) for seed in units[key]["seeds"]],
            "anchor_row": torch.cat([a.rows for a in anchors]).tolist(),
            "anchor_size": torch.cat([a.sizes for a in anchors]).tolist(),
        }
        common = {name: value for name, value in self.config()["init_args"].items() if name != "per_class"}
        synthetic.describe(
            about, {**common, "pipeline": Path(self.pipeline).name, "model": type(pretrained.model).__name__}
        )
        return synthetic

    def finish(self, folder: Path) -> None:
        """See :class:`Method`."""
        # The latents first: without the batches beside them nothing says whose they are.
        (folder / _LATENTS).unlink(missing_ok=True)
        shutil.rmtree(folder / _UNITS, ignore_errors=True)

    def is_unfinished(self, folder: Path) -> bool:
        """See :class:`Method`."""
        return (folder / _UNITS).is_dir()

    def _generate(
        self,
        pretrained: Pretrained,
        real: RealData,
        latents: Tensor,
        anchors: list[Anchors],
        labels: list[int],
        streams: Streams,
        kept: Units | None,
        run: Run,
        accelerator: Accelerator,
    ) -> dict[tuple[int, int], dict[str, Any]]:
        """Return pixels and seeds of every batch, by class and first anchor; every rank gets all."""
        scheduler = self._scheduler(pretrained)
        starts = range(0, self.per_class, self.batch_size)
        keys = [(label, start) for label in range(len(anchors)) for start in starts]
        mine = keys[accelerator.process_index :: accelerator.num_processes]
        done: dict[tuple[int, int], dict[str, Any]] = {}
        disable = not (run.progress and accelerator.is_main_process)
        with StopRequest() as stop, progress_bar(len(mine), "generating", "batch", disable=disable) as bar:
            for label, start in mine:
                points = anchors[label].points[start : start + self.batch_size]
                seeds = [streams.seed_for("sample", label, start + i) for i in range(len(points))]
                unit = kept.read(label, start, seeds) if kept is not None else None
                if unit is None:
                    own = latents[real.train.class_index(label)].to(accelerator.device)
                    guided = points.to(accelerator.device)
                    pixels = self._batch(pretrained, scheduler, guided, own, labels[label], seeds)
                    unit = {"pixels": pixels, "seeds": seeds}
                    if kept is not None:
                        kept.write(label, start, unit)
                done[label, start] = unit
                bar.update()
                if stop.requested and len(done) < len(mine):
                    what = "add --resume=true to go on" if kept else "nothing was kept: it has no folder"
                    raise Interrupted(f"stopped after batch {len(done)} of {len(mine)}; {what}")
        if accelerator.num_processes == 1:
            return done
        return {key: unit for part in gather_object([done]) for key, unit in part.items()}

    def _batch(
        self, pretrained: Pretrained, scheduler: Any, points: Tensor, own: Tensor, label: int, seeds: list[int]
    ) -> Tensor:
        """Return uint8 images ``(B, C, H, W)`` of one class.

        Raises:
            DivergenceError: They are not finite.
        """
        scheduler.set_guidance(points, own if self.guidance.manifold != "none" else None, seed=seeds[0])
        # The step noise of DDPM is drawn by the pipeline from torch's own generators.
        devices = [points.device] if points.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seeds[0])
            try:
                images = pretrained.pipe(
                    class_labels=[label] * len(points),
                    guidance_scale=self.guidance_scale,
                    generator=[torch.Generator().manual_seed(seed) for seed in seeds],
                    num_inference_steps=self.steps,
                    output_type="pt",
                ).images.float()
            except torch.linalg.LinAlgError:  # the tangent space of samples that are not finite
                images = points.new_full((), torch.nan)
        # As integers they would be black.
        if not images.isfinite().all():
            raise DivergenceError(f"generated images of class {label} of {pretrained.path} are not finite: {_REMEDY}")
        return (images * 255).round().to(torch.uint8).cpu()

    def _scheduler(self, pretrained: Pretrained) -> Any:
        """Put a guided scheduler into the pipeline and return it."""
        from hf_distill.diffusion.ddim import ManifoldGuidedDDIMScheduler
        from hf_distill.diffusion.ddpm import ManifoldGuidedDDPMScheduler

        cls = ManifoldGuidedDDIMScheduler if self.sampler == "ddim" else ManifoldGuidedDDPMScheduler
        scheduler = cls.from_config(pretrained.pipe.scheduler.config, **self.guidance.config()["init_args"])
        pretrained.pipe.scheduler = scheduler
        return scheduler

    def _units(self, real: RealData, run: Run, accelerator: Accelerator) -> Units:
        """Return the finished batches, after refusing or clearing what another run left there."""
        assert run.folder is not None
        described = json.dumps(self.run_config(real, run), sort_keys=True)
        units = Units(run.folder / _UNITS, described, real.spec.shape)
        if accelerator.is_main_process:
            if units.started() and not run.overwrite:
                units.check(run.resume)
            elif units.folder.exists():
                self.finish(run.folder)
            units.start()
        accelerator.wait_for_everyone()
        return units
