"""What every method must do, at tiny size."""

from __future__ import annotations

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage

from hf_distill.data.real import RealData
from hf_distill.hub import DistilledDataset
from hf_distill.initialization import RealSamples
from hf_distill.methods import Coreset, Method, Run
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching
from hf_distill.parts import concrete
from hf_distill.pools import FreshNetworks
from hf_distill.synthetic import PixelSet
from hf_distill.training import Recipe, Teacher
from tests.diffusion.pipelines import tiny_unet

METHODS = {cls.__name__: cls for cls in concrete(Method)}
TINY = FreshNetworks(network=ConvNet(width=4, depth=1))
# Two samples a class; what decides nothing of the contract is small.
ARGUMENTS = {
    "Coreset": {"per_class": 2},
    "GuidedDiffusion": {"per_class": 2, "steps": 2},
    "Imported": {},
    "OptimizedDistillation": {
        "synthetic": PixelSet(per_class=2),
        "objective": DistributionMatching(pool=TINY, real_per_class=4),
        "steps": 2,
    },
    "Relabeled": {"method": Coreset(per_class=2), "teacher": Teacher(network=TINY.network, recipe=Recipe(epochs=1))},
    "Undistilled": {"synthetic": PixelSet(per_class=2), "initial": RealSamples()},
}


@pytest.fixture
def real():
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(256, (16, 8, 8), generator=generator, dtype=torch.uint8).numpy()
    features = Features({"image": Image(), "label": ClassLabel(names=["a", "b"])})
    rows = {"image": [PILImage.fromarray(one) for one in drawn], "label": [0, 1] * 8}
    return RealData.from_dataset(Dataset.from_dict(rows, features=features))


@pytest.mark.parametrize("name", METHODS)
def test_contract(name, real, tmp_path):
    arguments = dict(ARGUMENTS[name])
    if name == "GuidedDiffusion":
        tiny_unet().save_pretrained(tmp_path / "pipeline")
        arguments["pipeline"] = str(tmp_path / "pipeline")
    if name == "Imported":
        torch.save([torch.arange(256).reshape(4, 1, 8, 8) / 255, torch.tensor([0, 0, 1, 1])], tmp_path / "set.pt")
        arguments["path"] = str(tmp_path / "set.pt")
    method = METHODS[name](**arguments)
    before = method.config()
    first, again, other = (
        method.distill(real, Run(folder=tmp_path / f"run{place}", seed=seed, progress=False))
        for place, seed in enumerate((3, 3, 4))
    )
    # A method is a description: a run leaves it as it was, and one seed gives one set.
    assert method.config() == before
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y)
    assert torch.equal(first.x, other.x) is (name == "Imported")  # it draws nothing
    assert torch.bincount(first.y).tolist() == [2, 2] and first.seed == 3
    # What is published is what was made, and says by whom.
    read = DistilledDataset.from_pretrained(first.save_pretrained(tmp_path / "set"))
    assert read.config["method"]["class_path"] == name and read.packed == first.packed
    assert read.bits == first.bits and read.citations == method.citations()
    assert (first.stored == read.stored).all()
