"""A run that has destroyed what it learns ends with a line that says when, and with a checkpoint that is good."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage

from hf_distill.data import RealData
from hf_distill.diffusion import GeneratorTraining, Guidance
from hf_distill.errors import DivergenceError, UserError
from hf_distill.methods import GuidedDiffusion, OptimizedDistillation, Run
from hf_distill.methods.reporting import trim_log
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching, Objective
from hf_distill.pools import FreshNetworks
from hf_distill.quantization import Budget, LearnedLevels
from hf_distill.runs.divergence import check_grey, grey_pixels
from hf_distill.runs.state_file import read_state
from hf_distill.synthetic import PixelSet, QuantizedSet, VectorSet
from tests.diffusion.pipelines import tiny_dit, tiny_unet


@pytest.fixture(scope="module")
def digits() -> RealData:
    return RealData().setup()


@pytest.fixture(scope="module")
def vectors() -> RealData:
    values = np.random.default_rng(0).standard_normal((40, 3))
    return RealData.from_dataset(Dataset.from_dict({"v": values.tolist(), "label": [0, 1] * 20})).setup()


class Breaks(Objective):
    """Pulls every value alike; at one step, counted from 1, 1e40 times as much."""

    def __init__(self, *, at: int = 0, pull: float = 1e-33) -> None:
        super().__init__()
        self.at = at
        self.pull = pull

    def forward(self, synthetic, real, streams):
        return {"size": self.pull * (1e40 if streams.step + 1 == self.at else 1.0) * synthetic().x.sum()}


class Bad(Objective):
    """Its loss at the first step is none."""

    def forward(self, synthetic, real, streams):
        return {"size": synthetic().x.sum() / 0}


def quiet(folder: Path | None = None, **options: bool) -> Run:
    return Run(folder=folder, progress=False, **options)


def broken(at: int, synthetic: Any = None, steps: int = 6, lr: float = 0.1, **options: Any) -> OptimizedDistillation:
    done = OptimizedDistillation(
        synthetic=synthetic or VectorSet(per_class=2),
        objective=Breaks(at=at),
        steps=steps,
        momentum=0.0,
        **{"checkpoint_every": 2, "preview_every": 0} | options,
    )
    done.lr = lr  # past what may be given: single numbers overflow
    return done


@pytest.mark.parametrize("every", [0, 1, 2, 4])
@pytest.mark.parametrize("at", range(1, 7))
def test_the_step_that_destroys_is_named_and_no_checkpoint_holds_it(vectors, tmp_path, at: int, every: int) -> None:
    """1e-33 x 1e40 x 1e35 is no single number: the update is not finite, while loss and gradient are."""
    method = broken(at, lr=1e35, checkpoint_every=every)
    with pytest.raises(DivergenceError) as caught:
        method.fit(vectors, quiet(tmp_path))
    assert f"not finite after step {at}; lower --method.lr" in str(caught.value) and "\n" not in str(caught.value)
    good = [step for step in range(1, at) if every and step % every == 0]
    name = f"step-{good[-1]:08d}.pt" if good else "none"
    assert f"the last good checkpoint is {'none' if not good else tmp_path / 'checkpoints' / name}" in str(caught.value)
    for path in (tmp_path / "checkpoints").glob("*.pt"):
        assert read_state(path, "", "")["state"]["synthetic"]["pixels"].isfinite().all()


def test_without_a_folder_there_is_no_checkpoint_to_name(vectors) -> None:
    with pytest.raises(DivergenceError, match=r"not finite after step 6; .*there are no checkpoints"):
        broken(6, lr=1e35).fit(vectors, quiet())


@pytest.mark.parametrize("shrink", [None, 0.9])
def test_a_quantized_set_that_is_destroyed_has_diverged(digits, shrink: float | None) -> None:
    """Values without a code are no mistake in the options, whoever meets them first."""
    synthetic = QuantizedSet(
        synthetic=PixelSet(clip=False),
        quantizer=LearnedLevels(bits=2),
        budget=Budget(bits_per_class=600),
        warmup=0.5,
        coding="packed" if shrink is None else "entropy",
        smoothness=0.0 if shrink is None else 1e-38,
        shrink=shrink,
    )
    with pytest.raises(DivergenceError, match="the stored variables not finite after step 3;"):
        broken(3, synthetic, lr=1e32).fit(digits, quiet())
    with pytest.raises(DivergenceError, match=r"after step 3: values reach .*; lower --method\.lr"):
        broken(3, synthetic, lr=10.0).fit(digits, quiet())


def test_at_the_first_step_it_is_not_the_rate(vectors, tmp_path) -> None:
    method = broken(0)
    method.objective = Bad()
    with pytest.raises(DivergenceError, match=r"at step 1, .*no learning rate.*data's values.*--method\.objective"):
        method.fit(vectors, quiet(tmp_path))


def test_a_good_run_is_as_it_was(vectors, tmp_path) -> None:
    """The looks change nothing: 6 steps of a gradient of 1e-3 with a rate of 0.1."""
    method = broken(0)
    start = broken(0, steps=1, lr=0.0).fit(vectors, quiet()).pixels
    method.objective = Breaks(pull=1e-3)
    end = method.fit(vectors, quiet()).pixels
    torch.testing.assert_close(end, start - 6 * 0.1 * 1e-3, atol=1e-6, rtol=0)


def learned(digits: RealData, lr: float, **options: Any) -> None:
    objective = DistributionMatching(pool=FreshNetworks(network=ConvNet(width=4, depth=1)), real_per_class=8)
    method = OptimizedDistillation(synthetic=PixelSet(per_class=2, **options), objective=objective, steps=20)
    method.lr = lr
    method.fit(digits, quiet())


def test_pixels_that_are_all_thrown_to_the_ends_are_refused(digits) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learned(digits, 1.0)
    with pytest.raises(DivergenceError, match=r"100\.0% of the pixels are black or white, and .*lower --method\.lr"):
        learned(digits, 1e8)


def test_grey_is_counted_against_the_start() -> None:
    images = torch.tensor([0, 255, 1, 254], dtype=torch.uint8).view(1, 1, 2, 2)
    assert grey_pixels(images) == 0.5
    check_grey(0.4, 0.3, "do this")
    check_grey(0.0, 0.0, "do this")  # black and white from the start
    check_grey(None, None, "do this")
    with pytest.raises(DivergenceError, match=r"99\.1% of the pixels .* 80.0% were at the start: do this"):
        check_grey(0.2, 0.009, "do this")
    for before, after, strict in ((0.2, 0.015, True), (0.05, 0.001, True), (0.2, 0.0, False)):
        with pytest.warns(UserWarning, match="black or white"):
            check_grey(before, after, "do this", strict=strict)


@pytest.mark.parametrize("every", [1, 3, 500])
@pytest.mark.parametrize("at", [1, 4, 25])
def test_a_generator_names_the_step_and_keeps_no_bad_checkpoint(digits, tmp_path, monkeypatch, at, every) -> None:
    training = GeneratorTraining(channels=[8], attention=False, steps=30, batch_size=2, checkpoint_every=every)
    plain = GeneratorTraining._loss

    def loss(self, unet, real, schedule, streams):
        return plain(self, unet, real, schedule, streams) * (math.nan if streams.step + 1 == at else 1.0)

    monkeypatch.setattr(GeneratorTraining, "_loss", loss)
    with pytest.raises(DivergenceError) as caught:
        training.train(digits, folder=tmp_path, progress=False)
    message = str(caught.value)
    assert f"not finite at step {at}" in message and "\n" not in message
    assert ("no learning rate" in message) == (at == 1)
    good = [step for step in range(1, at) if step % every == 0]
    assert at == 1 or (f"step-{good[-1]:08d}.pt" if good else "none") in message
    assert len(list(tmp_path.glob("*.pt"))) == min(len(good), 2)


def test_the_last_update_of_a_generator_is_looked_at(digits, monkeypatch) -> None:
    """A finite loss whose gradient is not: the root of zero."""
    plain = GeneratorTraining._loss

    def loss(self, unet, real, schedule, streams):
        weight = unet.conv_in.weight
        return plain(self, unet, real, schedule, streams) + (weight - weight.detach()).abs().sqrt().sum()

    monkeypatch.setattr(GeneratorTraining, "_loss", loss)
    training = GeneratorTraining(channels=[8], attention=False, steps=1, batch_size=2)
    with pytest.raises(DivergenceError, match=r"weights are not finite by step 1; lower --generator\.lr"):
        training.train(digits, progress=False)


def images(*shape: int) -> RealData:
    values = np.random.default_rng(0).integers(1, 255, (8, *shape), dtype=np.uint8)
    features = Features({"image": Image(), "label": ClassLabel(names=["a", "b"])})
    columns = {"image": [PILImage.fromarray(image) for image in values], "label": [0, 1] * 4}
    return RealData.from_dataset(Dataset.from_dict(columns, features=features))


def guided(folder: Path, **options: Any) -> GuidedDiffusion:
    defaults = {"per_class": 2, "steps": 3, "batch_size": 2, "guidance": Guidance(neighbours=3)}
    return GuidedDiffusion(pipeline=str(folder), class_names={"b": "bee"}, **defaults | options)


@pytest.mark.parametrize("broken_part", ["transformer", "vae decoder", "vae encoder"])
def test_images_that_are_not_finite_are_not_black_ones(tmp_path, broken_part: str) -> None:
    pipe = tiny_dit()
    module = pipe.transformer if broken_part == "transformer" else getattr(pipe.vae, broken_part.split()[1])
    next(module.parameters()).data.fill_(math.nan)
    pipe.save_pretrained(tmp_path / "dit")
    with pytest.raises(DivergenceError, match="not finite") as caught:
        guided(tmp_path / "dit").fit(images(8, 8, 3), quiet(tmp_path / "run"))
    assert "\n" not in str(caught.value)
    assert bool(list((tmp_path / "run").rglob("latents.pt"))) == (broken_part != "vae encoder")
    assert not list((tmp_path / "run").rglob("class-*.pt"))


def test_guidance_that_throws_every_pixel_to_the_ends_is_refused(tmp_path) -> None:
    tiny_unet().save_pretrained(tmp_path / "unet")
    options = {"guidance": Guidance(neighbours=3, mode_scale=1e6, manifold="none", stop=0.0)}
    with pytest.raises(DivergenceError, match=r"black or white.*lower method\.guidance\.mode_scale"):
        GuidedDiffusion(pipeline=str(tmp_path / "unet"), per_class=2, steps=3, **options).fit(images(8, 8), quiet())


@pytest.mark.parametrize("kind", ["optimized", "guided"])
def test_processes_that_do_not_see_each_other_are_refused(vectors, tmp_path, monkeypatch, kind: str) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    method: Any = broken(0) if kind == "optimized" else guided(tmp_path)
    with pytest.raises(UserError, match=r"WORLD_SIZE is 2 and Accelerate sees one process: .*ACCELERATE_USE_CPU=true"):
        method.fit(vectors, quiet(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("WORLD_SIZE", "1")
    broken(0).fit(vectors, quiet())


def test_a_log_that_was_cut_off_goes_on(tmp_path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [f'{{"step": {step}, "loss": 1.0}}\n' for step in (2, 4, 6)]
    for start, kept in ((0, 3), (4, 2), (6, 3)):
        for cut in range(len(lines[0])):
            path.write_text("".join(lines) + lines[0][:cut])
            trim_log(path, start)
            assert path.read_text() == "".join(lines[:kept])
    trim_log(tmp_path / "none.jsonl", 0)
    assert not (tmp_path / "none.jsonl").exists()
