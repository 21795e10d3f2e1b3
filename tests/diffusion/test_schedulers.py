import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DiTPipeline

from hf_distill.diffusion import (
    ClassConditionalPipeline,
    Guidance,
    ManifoldGuidedDDIMScheduler,
    ManifoldGuidedDDPMScheduler,
)
from hf_distill.diffusion.tangent import nearest, project, tangent_basis
from hf_distill.errors import UserError
from tests.diffusion.pipelines import tiny_dit, tiny_unet

PAIRS = [(ManifoldGuidedDDIMScheduler, DDIMScheduler), (ManifoldGuidedDDPMScheduler, DDPMScheduler)]


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def steps(scheduler, **options):
    """Three steps from x with a fixed 'model'."""
    scheduler.set_timesteps(10)
    x = randn(4, 1, 4, 4)
    for t in scheduler.timesteps[:3]:
        x = scheduler.step(randn(4, 1, 4, 4, seed=int(t)), t, x, generator=torch.Generator().manual_seed(1)).prev_sample
    return x


def test_basis_is_the_one_of_the_eigendecomposition():
    points = randn(3, 8, 20).double()
    mean, basis = tangent_basis(points, 3)
    centred = points - mean[:, None]
    _, vectors = torch.linalg.eigh(centred.mT @ centred / 7 + 1e-5 * torch.eye(20))
    full = vectors[:, :, -3:]
    torch.testing.assert_close(basis.mT @ basis, full @ full.mT, atol=1e-6, rtol=0)
    torch.testing.assert_close(basis @ basis.mT, torch.eye(3).double().expand(3, 3, 3), atol=1e-6, rtol=0)


def test_projection_is_idempotent_and_the_identity_at_full_rank():
    vectors = randn(2, 5, seed=1)
    basis = tangent_basis(randn(2, 9, 5), 2)[1]
    once = project(vectors, basis)
    torch.testing.assert_close(project(once, basis), once)
    assert not torch.allclose(once, vectors)
    torch.testing.assert_close(project(vectors, tangent_basis(randn(2, 9, 5), 5)[1]), vectors, atol=1e-4, rtol=0)


def test_equal_points_have_no_direction():
    assert tangent_basis(torch.ones(1, 4, 6), 2)[1].abs().max() == 0


def test_nearest_keeps_to_what_is_allowed():
    cloud = torch.arange(5.0).view(1, 5, 1)
    found, distance = nearest(torch.zeros(1, 1), cloud, torch.tensor([[False, True, True, False, True]]), 2)
    assert found.flatten().tolist() == [1, 2] and distance.item() == 1


@pytest.mark.parametrize(("cls", "parent"), PAIRS)
def test_guidance_off_is_the_parent(cls, parent):
    expected = steps(parent())
    assert torch.equal(steps(cls()), expected)  # no anchors
    for options in ({"mode_scale": 0.0}, {"stop": 1.0}):
        scheduler = cls(**options)
        scheduler.set_guidance(randn(4, 1, 4, 4), randn(30, 1, 4, 4))
        assert torch.equal(steps(scheduler), expected)
    guided = cls()
    guided.set_guidance(randn(4, 1, 4, 4), randn(30, 1, 4, 4))
    assert not torch.equal(steps(guided), expected)
    guided.set_guidance(None)
    assert torch.equal(steps(guided), expected)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
def test_full_mode_guidance_of_ddim_predicts_the_anchor(prediction):
    scheduler = ManifoldGuidedDDIMScheduler(
        mode_scale=1.0, manifold="none", clip_sample=False, prediction_type=prediction
    )
    scheduler.set_timesteps(10)
    anchors = randn(2, 1, 4, 4, seed=2)
    scheduler.set_guidance(anchors)
    result = scheduler.step(randn(2, 1, 4, 4), 900, randn(2, 1, 4, 4, seed=1))
    torch.testing.assert_close(result.pred_original_sample, anchors, atol=1e-4, rtol=1e-4)


def test_ddpm_moves_the_mean_by_sigma():
    scheduler = ManifoldGuidedDDPMScheduler(mode_scale=0.5, manifold="none", clip_sample=False)
    scheduler.set_timesteps(10)
    anchors, x, output = randn(2, 1, 4, 4, seed=2), randn(2, 1, 4, 4, seed=1), randn(2, 1, 4, 4)
    plain = scheduler.step(output, 900, x, generator=torch.Generator().manual_seed(0))
    scheduler.set_guidance(anchors)
    guided = scheduler.step(output, 900, x, generator=torch.Generator().manual_seed(0))
    sigma = scheduler._get_variance(900) ** 0.5
    expected = 0.5 * sigma * (anchors - plain.pred_original_sample)
    torch.testing.assert_close(guided.prev_sample - plain.prev_sample, expected, atol=1e-3, rtol=1e-3)


def test_tangent_guidance_stays_in_a_plane_of_real_samples():
    scheduler = ManifoldGuidedDDIMScheduler(clip_sample=False, patch_noise="shared", tangent_dim=2)
    scheduler.set_timesteps(10)
    plane = torch.zeros(40, 1, 4, 4)
    plane[:, 0, 0, :2] = randn(40, 2)
    scheduler.set_guidance(randn(2, 1, 4, 4), plane)
    mode, pull = scheduler._direction(900, randn(2, 1, 4, 4), torch.zeros(2, 1, 4, 4))
    assert pull == 0 and mode[:, 0, 0, :2].abs().min() > 1e-3
    mode[:, 0, 0, :2] = 0
    assert mode.abs().max() < 1e-5


def test_normal_pull_points_on_to_the_plane_and_has_its_length():
    scheduler = ManifoldGuidedDDIMScheduler(
        manifold="normal", mode_scale=0.0, clip_sample=False, patch_noise="shared", tangent_dim=2, normal_scale=0.3
    )
    scheduler.set_timesteps(10)
    scheduler.set_guidance(randn(2, 1, 4, 4), randn(40, 1, 4, 4))
    mode, pull = scheduler._direction(900, 50 * randn(2, 1, 4, 4, seed=3), torch.zeros(2, 1, 4, 4))
    assert mode.abs().max() == 0
    torch.testing.assert_close(pull.flatten(1).norm(dim=1), torch.full((2,), 0.3), atol=1e-4, rtol=0)
    # On to a plane through nearly zero, and so back along x, with nothing within the plane.
    x = 50 * randn(2, 1, 4, 4, seed=3)
    assert ((pull * x).flatten(1).sum(1) < -0.1 * x.flatten(1).norm(dim=1)).all()
    plane = torch.zeros(40, 1, 4, 4)
    plane[:, 0, 0, :2] = randn(40, 2)
    scheduler.set_guidance(randn(2, 1, 4, 4), plane)
    _, pull = scheduler._direction(900, x, torch.zeros(2, 1, 4, 4))
    assert pull[:, 0, 0, :2].abs().max() < 1e-4 < pull[:, 0, 1:].abs().max()


def test_radius_shrinks_to_itself():
    for schedule in ("linear", "cosine", "exp"):
        scheduler = ManifoldGuidedDDIMScheduler(radius=0.5, radius_schedule=schedule, radius_max=3.0)
        scheduler.set_timesteps(10)
        radii = [scheduler._radius(t) for t in (900, 800, 700, 600, 500)]
        assert radii[0] == pytest.approx(1.5) and radii[-1] == pytest.approx(0.5) and radii == sorted(radii)[::-1]
    fixed = ManifoldGuidedDDIMScheduler(radius=0.5, radius_schedule="fixed")
    assert fixed._radius(900) == fixed._radius(500) == 0.5


def test_anchors_guide_their_own_samples_and_reach_a_smaller_class():
    """Two anchors in one batch are what each is alone; a pool of 5 pads beside one of 40."""
    scheduler = ManifoldGuidedDDIMScheduler(patch_noise="shared", clip_sample=False, neighbours=4)
    scheduler.set_timesteps(10)
    anchors, x = randn(2, 1, 4, 4), randn(2, 1, 4, 4, seed=1)
    scheduler.set_guidance(anchors, [randn(5, 1, 4, 4), randn(40, 1, 4, 4)])
    both = scheduler._direction(900, x, torch.zeros_like(x))[0]
    doubled = scheduler._direction(900, torch.cat([x, x]), torch.zeros(4, 1, 4, 4))[0]
    assert both.shape == (2, 1, 4, 4) and doubled.shape == (4, 1, 4, 4)
    assert torch.equal(doubled[:2], doubled[2:])
    first = ManifoldGuidedDDIMScheduler(patch_noise="shared", clip_sample=False, neighbours=4)
    first.set_timesteps(10)
    first.set_guidance(anchors[:1], [randn(5, 1, 4, 4)])
    torch.testing.assert_close(first._direction(900, x[:1], torch.zeros(1, 1, 4, 4))[0], both[:1])


def test_errors_name_what_is_wrong():
    scheduler = ManifoldGuidedDDIMScheduler()
    with pytest.raises(UserError, match="needs real samples"):
        scheduler.set_guidance(randn(2, 1, 4, 4))
    with pytest.raises(UserError, match="2 anchors of"):
        scheduler.set_guidance(randn(2, 1, 4, 4), randn(9, 1, 5, 5))
    with pytest.raises(UserError, match="choose none, tangent, normal"):
        ManifoldGuidedDDIMScheduler(manifold="curved").set_guidance(randn(2, 1, 4, 4), randn(9, 1, 4, 4))
    scheduler.set_guidance(randn(2, 1, 4, 4), randn(9, 1, 4, 4))
    scheduler.set_timesteps(10)
    with pytest.raises(UserError, match="one anchor for each sample"):
        scheduler.step(randn(3, 1, 4, 4), 900, randn(3, 1, 4, 4))


@pytest.mark.parametrize("cls", [cls for cls, _ in PAIRS])
def test_dit_pipeline_alone_guides_and_reloads(cls, tmp_path):
    pipe = tiny_dit()
    pipe.scheduler = cls.from_config(pipe.scheduler.config, mode_scale=0.5, tangent_dim=2)
    pipe.save_pretrained(tmp_path)
    pipe = DiTPipeline.from_pretrained(tmp_path)
    pipe.transformer.eval()
    assert type(pipe.scheduler) is cls and pipe.scheduler.config.tangent_dim == 2
    pipe.set_progress_bar_config(disable=True)

    def images():
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        return pipe(class_labels=[0, 1], generator=generator, num_inference_steps=4, output_type="pt").images

    plain = images()
    pipe.scheduler.set_guidance(3 * randn(2, 4, 4, 4), randn(20, 4, 4, 4))
    guided = images()
    assert not torch.equal(plain, guided) and torch.equal(guided, images())


def test_five_lines_guide_a_plain_dit_pipeline(tmp_path):
    """The script of the page, run as it stands there but for the path and what is real."""
    tiny_dit().save_pretrained(tmp_path / "dit")
    text = (Path(__file__).parents[2] / "docs" / "methods" / "manifold_gd.md").read_text()
    script = re.search(r"```python\n(from diffusers import DiTPipeline\n.*?)```", text, re.DOTALL)[1]
    assert "facebook/DiT-XL-2-256" in script and "num_inference_steps=50" in script
    script = script.replace("facebook/DiT-XL-2-256", str(tmp_path / "dit")).replace(
        "num_inference_steps=50", "num_inference_steps=4"
    )
    script = script.replace('"golden retriever"', '"b"')
    real = randn(20, 4, 4, 4)  # latents of the class
    names = {"real": real, "anchors": 3 * real[:3]}
    exec(script, names)
    images = names["images"]
    assert len(images) == 3 and images[0].size == (8, 8)
    assert type(names["pipe"]) is DiTPipeline and type(names["pipe"].scheduler) is ManifoldGuidedDDIMScheduler


def test_unet_pipeline_guides(tmp_path):
    pipe = tiny_unet()
    pipe.save_pretrained(tmp_path)
    loaded = ClassConditionalPipeline.from_pretrained(tmp_path)
    assert type(loaded) is type(pipe) and loaded.labels == {"a": 0, "b": 1}
    loaded.set_progress_bar_config(disable=True)
    loaded.unet.eval()
    loaded.scheduler = ManifoldGuidedDDIMScheduler.from_config(loaded.scheduler.config, mode_scale=1.0, stop=0.0)
    anchors = torch.stack([torch.ones(1, 8, 8), -torch.ones(1, 8, 8)])
    loaded.scheduler.register_to_config(manifold="none")
    loaded.scheduler.set_guidance(anchors)
    images = loaded([0, 1], num_inference_steps=5, output_type="np").images
    assert images[0].mean() > 0.8 and images[1].mean() < 0.2
    with pytest.raises(ValueError, match="between 0 and 1"):
        loaded([2])


@pytest.mark.parametrize("scheduler", [ManifoldGuidedDDIMScheduler, ManifoldGuidedDDPMScheduler])
def test_a_scheduler_and_the_method_have_the_same_defaults(scheduler):
    options = Guidance().config()["init_args"]
    assert options == {name: value for name, value in scheduler().config.items() if name in options}


@pytest.mark.slow
def test_plain_diffusers_loads_our_pipeline(tmp_path):
    """By the copy of its code beside the weights, where this library is not installed."""
    tiny_unet().save_pretrained(tmp_path / "generator")
    script = """
import sys
sys.modules["hf_distill"] = None  # as if it were not installed
from diffusers import DiffusionPipeline
folder = sys.argv[1]
pipe = DiffusionPipeline.from_pretrained(folder, custom_pipeline=folder, trust_remote_code=True)
pipe.set_progress_bar_config(disable=True)
images = pipe([0, 1], num_inference_steps=2).images
assert images[0].size == (8, 8) and pipe.labels == {"a": 0, "b": 1}, pipe.labels
pipe.save_pretrained(folder + "/again")
"""
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_MODULES_CACHE": str(tmp_path / "modules")}
    command = [sys.executable, "-c", script, str(tmp_path / "generator")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = ClassConditionalPipeline.from_pretrained(tmp_path / "generator" / "again")
    assert again.labels == {"a": 0, "b": 1} and (tmp_path / "generator" / "again" / "pipeline.py").is_file()


@pytest.mark.parametrize("noise", ["independent", "shared"])
def test_real_samples_are_noised_to_the_level(noise):
    """Eq. 5: sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps, one eps for each sample or for all of an anchor's."""
    scheduler = ManifoldGuidedDDIMScheduler(patch_noise=noise)
    real = randn(20, 1, 4, 4)
    scheduler.set_guidance(real[:2], real)
    noised = scheduler._noised(300, torch.zeros(1))
    alpha = scheduler.alphas_cumprod[300]
    clean = torch.stack([real[(real - a).flatten(1).norm(dim=1).argsort()].flatten(1) for a in real[:2]])
    eps = torch.randn(2, 20 if noise == "independent" else 1, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(noised, alpha.sqrt() * clean + (1 - alpha).sqrt() * eps)


def test_a_shrinking_radius_leaves_the_far_samples_out():
    """Near samples vary along the first two axes and far ones, close to x_t, along two others: so does guidance."""
    near, far = torch.zeros(10, 1, 4, 4), torch.zeros(9, 1, 4, 4)
    near[:, 0, 0, :2], far[:, 0, 0, 2:] = randn(10, 2), 0.1 * randn(9, 2, seed=1)
    near[:, 0, 0, :2] /= near.flatten(1).norm(dim=1)[:, None]
    far[:, 0, 1, 0] = 3
    near, far = 7 * near, 7 * far  # the unit is the median distance from the anchor, 7
    options = {"radius": 1.5, "radius_max": 3.0, "radius_schedule": "linear", "neighbours": 8, "tangent_dim": 2}
    scheduler = ManifoldGuidedDDIMScheduler(patch_noise="shared", clip_sample=False, **options)

    def axes(t):
        scheduler.set_timesteps(10)
        scheduler.set_guidance(torch.zeros(1, 1, 4, 4), torch.cat([near, far]))
        alpha, eps = scheduler.alphas_cumprod[t], randn(1, 1, 4, 4)
        x = alpha.sqrt() * far.mean(0) + (1 - alpha).sqrt() * eps
        mode = scheduler._direction(t, x, torch.ones(1, 1, 4, 4))[0].flatten().abs()
        return mode[:2].max() > 1e-3, mode[2:4].max() > 1e-3

    assert axes(900) == (False, True)  # radius 4.5
    assert axes(501) == (True, False)  # radius 1.5
