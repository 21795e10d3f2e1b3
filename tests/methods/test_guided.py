import json
import shutil

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, load_dataset
from PIL import Image as PILImage

from hf_distill.data import RealData
from hf_distill.diffusion import GeneratorTraining, Guidance
from hf_distill.diffusion.anchors import choose_anchors
from hf_distill.diffusion.pretrained import Pretrained
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.methods import GuidedDiffusion, Run
from hf_distill.seeding import Streams
from hf_distill.selection import HierarchicalSelector, KMeansSelector, RandomSelector
from tests.diffusion.pipelines import tiny_dit, tiny_unet

OPTIONS = {"per_class": 3, "steps": 4, "batch_size": 2, "guidance": Guidance(neighbours=4)}


def images(counts=(6, 6), names=("a", "b"), channels=1, size=8):
    generator = torch.Generator().manual_seed(0)
    shape = (size, size, 3) if channels == 3 else (size, size)
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    pictures = [
        PILImage.fromarray(torch.randint(256, shape, generator=generator, dtype=torch.uint8).numpy()) for _ in labels
    ]
    features = Features({"image": Image(), "label": ClassLabel(names=list(names))})
    return RealData.from_dataset(Dataset.from_dict({"image": pictures, "label": labels}, features=features))


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unet")
    tiny_unet().save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def dit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dit")
    tiny_dit().save_pretrained(folder)
    return str(folder)


def test_published_set_is_ordinary_and_says_what_made_each_sample(unet, tmp_path):
    method = GuidedDiffusion(pipeline=unet, **OPTIONS)
    method.distill(images(), Run(progress=False, seed=3)).save_pretrained(tmp_path / "set")
    data = load_dataset(str(tmp_path / "set"), split="train")
    assert data["label"][:] == [0, 0, 0, 1, 1, 1] and data[0]["image"].size == (8, 8)
    record = json.loads((tmp_path / "set" / "distillation.json").read_text())
    made = record["codes"]["meta"]["generation"]
    assert made["guidance"]["init_args"]["mode_scale"] == 0.1 and made["steps"] == 4
    codes = load_dataset(str(tmp_path / "set"), "codes", split="train")
    assert codes["seed"][1] == Streams(3).seed_for("sample", 0, 1)
    assert all(row < 6 for row in codes["anchor_row"][:3]) and all(row >= 6 for row in codes["anchor_row"][3:])
    read = DistilledDataset.from_pretrained(tmp_path / "set")
    picture = "pictures/real_samples_closest_to_the_anchors.png"
    assert picture in (tmp_path / "set" / "README.md").read_text() and (tmp_path / "set" / picture).is_file()
    assert torch.equal(read.codes()["codes"], torch.from_numpy(read.stored))


def test_guided_samples_come_close_to_their_anchors(unet):
    def distance(scale):
        guidance = Guidance(mode_scale=scale, manifold="none", stop=0.0)
        options = OPTIONS | {"guidance": guidance, "selector": KMeansSelector()}
        made = GuidedDiffusion(pipeline=unet, **options).fit(real, Run(progress=False))
        rows = [real.train.class_index(label) for label in (0, 1)]
        anchors = [
            choose_anchors(
                latents[own],
                own,
                3,
                selector=KMeansSelector(),
                centroid="mean",
                pool=0,
                streams=Streams(0),
                label=label,
            ).points
            for label, own in enumerate(rows)
        ]
        x = real.spec.denormalize(made.pixels).float() / 127.5 - 1
        return (x - torch.cat(anchors)).abs().mean()

    real = images().setup()
    latents = real.train.raw(torch.arange(12)).float() / 127.5 - 1
    assert distance(1.0) < 0.02 < distance(0.0)


def test_dit_in_latent_space_resumes_to_the_same_set(dit, tmp_path):
    real = images(channels=3)
    method = GuidedDiffusion(pipeline=dit, class_names={"b": "bee"}, sampler="ddpm", **OPTIONS)
    whole = method.fit(real, Run(progress=False))
    run = Run(folder=tmp_path, progress=False)
    first = method.fit(real, run)
    assert torch.equal(whole.pixels, first.pixels)
    units = sorted((tmp_path / "generated").glob("*.pt"))
    assert len(units) == 4 and (tmp_path / "latents.pt").is_file()
    units[1].unlink()
    with pytest.raises(UserError, match="unfinished run"):
        method.fit(real, run)
    resumed = Run(folder=tmp_path, progress=False, resume=True)
    assert torch.equal(method.fit(real, resumed).pixels, whole.pixels)
    with pytest.raises(UserError, match="another configuration"):
        GuidedDiffusion(pipeline=dit, class_names={"b": "bee"}, **OPTIONS).fit(real, resumed)
    method.finish(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"names": ("a", "z")}, {}, "does not know the class z"),
        ({"size": 12}, {}, r"makes images of \(1, 8, 8\) and the data's are \(1, 12, 12\): set --data.image_size=8"),
        ({"counts": (6, 0)}, {}, "class 'b' has no samples"),
        ({"counts": (6, 2)}, {}, "class 'b' has 2 samples, fewer than the 3"),
        ({}, {"per_class": 0}, "per_class is 0"),
        ({}, {"pool": 9}, "pool is 9"),
        ({}, {"pipeline": "/no/such"}, "no such folder"),
    ],
)
def test_errors_come_before_the_first_step(unet, data, options, message):
    with pytest.raises(UserError, match=message):
        GuidedDiffusion(**({"pipeline": unet} | OPTIONS | options)).fit(images(**data), Run(progress=False))


def test_anchors_are_means_or_real():
    latents = torch.randn(10, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(100, 110)

    def choose(centroid, selector, pool=0):
        return choose_anchors(
            latents, rows, 3, selector=selector, centroid=centroid, pool=pool, streams=Streams(0), label=0
        )

    mean = choose("mean", HierarchicalSelector(choose="leaves"))
    assert int(mean.sizes.sum()) == 10
    torch.testing.assert_close((mean.points * mean.sizes.view(-1, 1, 1, 1)).sum(0) / 10, latents.mean(0))
    near = choose("nearest", HierarchicalSelector(choose="leaves"), pool=2)
    assert torch.equal(near.points, latents[near.rows - 100])
    random = choose("mean", RandomSelector())
    assert torch.equal(random.points, latents[random.rows - 100])


def test_generator_learns_resumes_and_is_a_pipeline(tmp_path):
    real = RealData().setup()
    training = GeneratorTraining(channels=[8], steps=12, batch_size=16, checkpoint_every=5)
    pipe = training.train(real, folder=tmp_path / "c", progress=False)
    with pytest.raises(UserError, match="step-00000010"):
        training.train(real, folder=tmp_path / "c", progress=False)
    again = training.train(real, folder=tmp_path / "c", resume=True, progress=False)
    for a, b in zip(pipe.unet.parameters(), again.unet.parameters(), strict=True):
        assert torch.equal(a, b)
    fresh = training.build(real.spec, 0)
    batch = Streams(9)
    schedule = pipe.scheduler.alphas_cumprod
    with torch.no_grad():
        before, after = (float(training._loss(net, real, schedule, batch)) for net in (fresh, pipe.unet))
    assert after < before
    pipe.save_pretrained(tmp_path / "p")
    assert pipe.labels["7"] == 7
    made = GuidedDiffusion(pipeline=str(tmp_path / "p"), per_class=1, steps=2).fit(real, Run(progress=False))
    assert made.pixels.shape == (10, 1, 8, 8)


def test_generator_refuses_what_it_cannot_make():
    vectors = Dataset.from_dict({"v": [[0.0, 1.0]] * 4, "label": [0, 0, 1, 1]})
    with pytest.raises(UserError, match="holds numbers"):
        GeneratorTraining().train(RealData.from_dataset(vectors), progress=False)
    with pytest.raises(UserError, match="cannot be halved 4 times"):
        GeneratorTraining(channels=[8] * 5).train(RealData(), progress=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"_class_name": ["evil", "Pipeline"]},
        {"unet": ["evil", "UNet2DModel"]},
        {"scheduler": ["os", "system"]},
        {"extra": ["evil", "Thing"]},
    ],
)
def test_a_pipeline_that_brings_code_is_refused(changes, unet, tmp_path, monkeypatch):
    folder = shutil.copytree(unet, tmp_path / "stranger")
    index = json.loads((folder / "model_index.json").read_text()) | changes
    (folder / "model_index.json").write_text(json.dumps(index))
    for place in (folder, folder / "unet"):
        (place / "evil.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'marker')!r}).touch()\n")
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(UserError, match=r"code that is neither diffusers' nor hf_distill's"):
        Pretrained(str(folder), torch.device("cpu"))
    assert not (tmp_path / "marker").exists()
