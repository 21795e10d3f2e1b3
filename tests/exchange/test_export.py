"""What is written in another library's layout is read back as it was."""

from __future__ import annotations

import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage

from hf_distill.cli.main import run
from hf_distill.data.real import RealData
from hf_distill.exchange.writing import folder_names
from hf_distill.hub import DistilledDataset
from hf_distill.labels import DenseLabels
from hf_distill.methods.imported import Imported
from hf_distill.synthetic import PixelSet

CLASSES = ["owl", "cat"]


@pytest.fixture
def real():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (8, 6, 5, 3), generator=generator, dtype=torch.uint8).numpy()
    rows = {"image": [PILImage.fromarray(each) for each in pixels], "label": [place % 2 for place in range(8)]}
    features = Features({"image": Image(), "label": ClassLabel(names=CLASSES)})
    return RealData.from_dataset(Dataset.from_dict(rows, features=features), path="cifar10").setup()


@pytest.fixture
def folder(real, tmp_path):
    batch = real.train.batch(torch.tensor([0, 2, 1, 3]))
    shares = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    synthetic = PixelSet(per_class=2, clip=False, labels=DenseLabels(learned=False))
    synthetic.initialize(batch.x * 1.5, shares, real.spec)
    made = DistilledDataset.from_synthetic(synthetic, recipe={"lr": 0.03})
    return made.save_pretrained(tmp_path / "set")


@pytest.mark.parametrize("layout", ["imagefolder", "ddranking"])
def test_an_export_is_read_back(layout, folder, real, tmp_path, capsys):
    assert run(["export", str(folder), f"--to={layout}", f"--output_dir={tmp_path / 'out'}"]) == 0
    assert ("which is not that of the source" in capsys.readouterr().out) is (layout == "imagefolder")
    options = {} if layout == "imagefolder" else {"normalization": "cifar10"}
    back = Imported(path=str(tmp_path / "out"), **options).distill(real)
    was = DistilledDataset.from_pretrained(folder)
    assert (back.stored[back.y.argsort(stable=True)] == was.stored).all()
    if layout == "imagefolder":
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cat", "owl"]
    else:
        assert torch.allclose(back.exact().x, was.exact().x, atol=1e-4)
        assert torch.allclose(back.batch("soft").y, was.batch("soft").y, atol=1e-5)
        assert back.recipe["lr"] == pytest.approx(0.03)
        assert sorted(path.name for path in (tmp_path / "out" / "images").iterdir()) == ["00000", "00001"]
    assert run(["export", str(folder), f"--to={layout}", f"--output_dir={tmp_path / 'out'}"]) == 2
    assert "is there and not empty" in capsys.readouterr().err


def test_names_that_are_no_folders_become_numbers():
    assert folder_names(["cat", "barn owl"]) == ["cat", "barn owl"]
    for names in (["cat", "../dog"], ["cat", "CAT"], ["cat", "a/b"], ["cat", "dog."], ["cat", ""]):
        assert folder_names(names) == ["00000", "00001"]
