"""Files in the layouts of the field give back the tensors and networks that they held; all else is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage

from hf_distill.cli.main import run
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation.classification import ClassificationEvaluator
from hf_distill.evaluation.whitening import whitened_set
from hf_distill.exchange.scales import KNOWN
from hf_distill.exchange.whitening import whitened_spec
from hf_distill.hub import DistilledDataset
from hf_distill.methods.imported import Imported, probabilities_of
from hf_distill.networks import ConvNet
from hf_distill.robustness import Robustness
from hf_distill.training import Recipe

CLASSES = ["cat", "dog", "owl"]
SHAPE = (3, 6, 5)


@pytest.fixture(scope="module")
def real():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (60, 6, 5, 3), generator=generator, dtype=torch.uint8).numpy()
    rows = {"image": [PILImage.fromarray(each) for each in pixels], "label": [place % 3 for place in range(60)]}
    dataset = Dataset.from_dict(rows, features=Features({"image": Image(), "label": ClassLabel(names=CLASSES)}))
    return RealData.from_dataset(dataset.select(range(45)), dataset.select(range(45, 60))).setup()


# A set whose pixels are those of 8-bit images, so that what is published is what was saved.
PIXELS = torch.randint(256, (6, *SHAPE), generator=torch.Generator().manual_seed(1)).float() / 255
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(2)) + 4 * torch.eye(3)[LABELS]
CENTRED = torch.eye(3)[LABELS] - 1 / 3


def standardized(pixels, name="cifar10"):
    mean, std = (torch.tensor(values)[:, None, None] for values in KNOWN[name])
    return (pixels - mean) / std


def condensation(folder, real):
    sets = [[torch.zeros_like(PIXELS), LABELS], [standardized(PIXELS), LABELS]]
    accuracies = {"ConvNet": [np.float64(0.5), np.float32(0.25)]}  # numbers of numpy's, as its code saves them
    torch.save({"data": sets, "accs_all_exps": accuracies}, folder / "res_DM_CIFAR10_ConvNet_2ipc.pt")
    return folder / "res_DM_CIFAR10_ConvNet_2ipc.pt", {"experiment": 1}


def trajectories(folder, real):
    for name, value in {"images": standardized(PIXELS), "labels": LABELS}.items():
        torch.save(value, folder / f"{name}_best.pt")
        torch.save(value + 1, folder / f"{name}_500.pt")
    return folder, {"normalization": "cifar10"}


def whitened(real, way):
    return whitened_spec(real.spec, way, real.train).normalize(PIXELS * 255)


def aligned(folder, real):
    values = {
        "images": whitened(real, "zca"),
        "labels": LOGITS,
        "lr": torch.tensor(0.02),
    }
    for name, value in values.items():
        torch.save(value, folder / f"{name}_best.pt")
    return folder / "images_best.pt", {"normalization": "zca"}


def unwhitened(folder, real):
    torch.save(PIXELS, folder / "images_zca_500.pt")
    torch.save(LABELS, folder / "labels_500.pt")
    return folder / "images_zca_500.pt", {}


def frepo(folder, real):
    images = whitened(real, "zca_frepo").permute(0, 2, 3, 1)
    np.savez(folder / "step000500.npz", image=images.numpy(), label=(CENTRED / np.sqrt(0.3)).numpy())
    return folder / "step000500.npz", {"normalization": "zca_frepo"}


def rfad(folder, real):
    images = whitened(real, "zca_rfad")
    np.savez(folder / "best.npz", images=images.numpy(), labels=CENTRED.numpy(), k=np.zeros(1), jit=5e-3)
    return folder / "best.npz", {"normalization": "zca_rfad"}


def images_of(folder, pattern):
    for place, (pixels, label) in enumerate(zip(PIXELS, LABELS.tolist(), strict=True)):
        path = folder / "images" / pattern.format(label, CLASSES[label])
        path.mkdir(parents=True, exist_ok=True)
        array = (pixels * 255).round().byte().permute(1, 2, 0).numpy()
        PILImage.fromarray(array).save(path / f"class{label:03d}_id{place:03d}.png")
    return folder / "images"


def recovered(folder, real):
    return images_of(folder, "new{:03d}"), {}


def named(folder, real):
    return images_of(folder, "{1}"), {}


def ranking(folder, real):
    torch.save(LOGITS, folder / "labels.pt")
    return images_of(folder, "{:05d}"), {"labels": str(folder / "labels.pt")}


HARD = torch.eye(3)[LABELS]
SOFT = {"aligned": LOGITS.softmax(1), "ranking": LOGITS.softmax(1), "frepo": HARD, "rfad": HARD}
LAYOUTS = [condensation, trajectories, aligned, unwhitened, frepo, rfad, recovered, named, ranking]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_layout_gives_back_its_tensors(layout, real, tmp_path):
    path, options = layout(tmp_path, real)
    made = Imported(path=str(path), **options).distill(real)
    read = DistilledDataset.from_pretrained(made.save_pretrained(tmp_path / "set"))
    assert torch.equal(torch.from_numpy(read.stored).float(), (PIXELS * 255).round())
    exact = read.exact()
    assert torch.allclose(exact.x, real.spec.normalize(PIXELS * 255), atol=2e-4)
    assert torch.equal(read.y, LABELS)
    soft = SOFT.get(layout.__name__)
    assert soft is None or torch.allclose(read.batch("soft").y, soft, atol=1e-5)
    assert (read.recipe.get("lr") == pytest.approx(0.02)) is (layout is aligned)
    assert "imported from" in (tmp_path / "set" / "README.md").read_text()


@pytest.mark.slow
def test_networks_learn_what_the_tensors_teach(real, tmp_path):
    """Networks trained on an imported set are those trained on its tensors: the same accuracies to the last digit."""
    evaluator = ClassificationEvaluator(
        networks=[ConvNet(width=4, depth=1)], seeds=2, recipe=Recipe(steps=5), baselines=[], full=False
    )
    rows = []
    for layout in (trajectories, recovered):
        (folder := tmp_path / layout.__name__).mkdir()
        path, options = layout(folder, real)
        rows += evaluator.evaluate(Imported(path=str(path), **options).distill(real), real, progress=False).rows
    assert rows[0]["mean"] == rows[1]["mean"] and rows[0]["std"] == rows[1]["std"]


@pytest.mark.parametrize("way", ["zca", "zca_frepo", "zca_rfad"])
def test_networks_see_the_whitened_numbers_of_the_file(way, real, tmp_path):
    # Such numbers are no pixels, most are beyond black and white.
    numbers = 3 * torch.randn(PIXELS.shape, generator=torch.Generator().manual_seed(0))
    torch.save([numbers, LABELS], tmp_path / "data.pt")
    with pytest.warns(UserWarning, match="darker than black"):
        made = Imported(path=str(tmp_path / "data.pt"), normalization=way).distill(real)
    seen = whitened_set(made, whitened_spec(real.spec, way, real.train))
    assert torch.allclose(seen.x, numbers, atol=1e-3)
    evaluator = ClassificationEvaluator(
        networks=[ConvNet(width=4, depth=1)], seeds=1, recipe=Recipe(steps=2), baselines=["random"], whitening=way
    )
    found = evaluator.evaluate(made, real, progress=False)
    assert found.protocol["whitening"] == way and 0 <= found.rows[0]["full_mean"] <= 1
    with pytest.raises(UserError, match="on pixels"):
        ClassificationEvaluator(whitening=way, robustness=Robustness()).evaluate(made, real)


def test_whitened_rows_have_no_direction_of_their_own(real):
    spec = whitened_spec(real.spec, "zca", real.train)
    rows = spec.normalize(real.train.raw(torch.arange(len(real.train)))).flatten(1).double()
    pixels = real.train.raw(torch.arange(len(real.train))).double().flatten(1) / 255
    values = torch.linalg.eigvalsh(pixels.T.cov())
    wanted = (values.clamp_min(0) / (values.clamp_min(0) + 0.1)).sort().values
    assert torch.allclose(torch.linalg.eigvalsh(rows.T.cov()), wanted, atol=1e-4)


def test_values_beyond_black_and_white_are_kept_in_the_codes_alone(real, tmp_path):
    torch.save([PIXELS * 3 - 1, LABELS], tmp_path / "data.pt")
    with pytest.warns(UserWarning, match="of its numbers are darker than black or lighter than white"):
        made = Imported(path=str(tmp_path / "data.pt"), normalization="unit").distill(real)
    assert made.stored.min() == 0 and made.stored.max() == 255
    assert torch.allclose(made.exact().x, real.spec.normalize((PIXELS * 3 - 1) * 255), atol=1e-4)


def test_classes_are_matched_by_name(real, tmp_path):
    torch.save([PIXELS, LABELS], tmp_path / "data.pt")
    made = Imported(path=str(tmp_path / "data.pt"), classes=["owl", "cat", "dog"]).distill(real)
    assert made.y.tolist() == [2, 2, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("form", "values", "wanted"),
    [
        ("logits", [[0.0, np.log(3)]], [[0.25, 0.75]]),
        ("probabilities", [[1.0, 3.0]], [[0.25, 0.75]]),
        ("centred", [[0.5, -0.5]], [[1.0, 0.0]]),
        ("centred", [[-0.75, 0.25]], [[0.0, 1.0]]),
    ],
)
def test_soft_labels_are_probabilities(form, values, wanted):
    torch.testing.assert_close(probabilities_of(torch.tensor(values).float(), form), torch.tensor(wanted))


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


HOSTILE = [(os.system, f"{os.system.__module__}.system"), (exec, "exec")]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(("function", "name"), HOSTILE, ids=["system", "exec"])
def test_a_hostile_file_is_refused_by_name(legacy, function, name, real, tmp_path):
    mark = tmp_path / "mark"
    words = f"touch {mark}" if function is os.system else f"open({str(mark)!r}, 'w')"
    value = {"data": [[PIXELS, Hostile(function, words)]]}
    torch.save(value, tmp_path / "bad.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match=rf"wants to run \S*{name}"):
        Imported(path=str(tmp_path / "bad.pt")).fit(real, None)
    assert not mark.exists()


def test_a_hostile_array_and_a_bare_pickle_are_refused(real, tmp_path):
    np.savez(tmp_path / "bad.npz", image=np.array([Hostile(exec, "1")], dtype=object), label=LABELS.numpy())
    with pytest.raises(UserError, match="array 'image' is pickled"):
        Imported(path=str(tmp_path / "bad.npz")).fit(real, None)
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(Hostile(os.system, "true"), protocol=2))
    with pytest.raises(UserError, match=r"bad\.pt is not read: it wants to run \S*system"):
        Imported(path=str(tmp_path / "bad.pt")).fit(real, None)


NAN = torch.where(torch.arange(6)[:, None, None, None] == 0, torch.nan, PIXELS)
WRONG = [
    ([NAN, LABELS], {}, "90 of the 540 values of the images of data.pt are not finite"),
    ([PIXELS[:, :, :4], LABELS], {}, r"shape \(3, 4, 5\) and the source of shape \(3, 6, 5\)"),
    ([PIXELS, LABELS + 1], {}, "labels are 1 to 3, and there are 3 classes"),
    ([PIXELS, LABELS + 0.5], {}, "labels such as 0.5 are no numbers"),
    ([PIXELS, LOGITS[:, :2]], {}, r"labels are \(6, 2\), and the source has 3 classes"),
    ([PIXELS, LABELS[:5]], {}, "6 images and 5 labels"),
    ([PIXELS - 1, LABELS], {}, "its numbers are -1 to 0, and nothing says .* --normalization=mnist"),
    ([PIXELS, LABELS], {"normalization": "mnist"}, "normalization mnist is of 1 channels, and the source has 3"),
    ([PIXELS, LABELS], {"classes": ["cat", "emu", "dog"]}, "'emu' is none of the source's 3 classes"),
    ({"weights": PIXELS}, {}, r"no images \(images, image, .* under a name that is known"),
    ({"images": PIXELS}, {}, r"no labels \(labels, label, .* under a name that is known"),
    ({"data": [[PIXELS, LABELS]]}, {"experiment": 1}, "has 1 sets, 0 to 0, and experiment is 1"),
    (PIXELS, {}, "holds images alone"),
    ("text", {}, "holds 'text'"),
]


@pytest.mark.parametrize(("value", "options", "message"), WRONG, ids=range(len(WRONG)))
def test_what_does_not_fit_is_one_line(value, options, message, real, tmp_path):
    torch.save(value, tmp_path / "data.pt")
    with pytest.raises(UserError, match=message) as error:
        Imported(path=str(tmp_path / "data.pt"), **options).fit(real, None)
    assert "\n" not in str(error.value)


def test_a_folder_of_other_images_is_refused(real, tmp_path):
    folder = images_of(tmp_path, "new{:03d}")
    (folder / "new002").rename(folder / "eagle")
    with pytest.raises(UserError, match="'eagle' is none of the source's 3 classes"):
        Imported(path=str(folder)).fit(real, None)
    PILImage.new("RGB", (9, 9)).save(folder / "new000" / "class000_id000.png")
    with pytest.raises(UserError, match=r"new000/class000_id000.png: it is 9 x 9 .* --data.image_size=9"):
        Imported(path=str(folder)).fit(real, None)


def test_the_command_writes_an_ordinary_set(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    digits = RealData(path="digits").setup()
    rows = torch.cat([digits.train.class_index(label)[:1] for label in range(10)])
    torch.save([digits.train.raw(rows), digits.train.labels[rows]], "digits.pt")
    assert run(["import", "digits.pt", "--data.path=digits", "--progress=false"]) == 0
    out = capsys.readouterr().out
    assert "10 samples of 10 classes from 1437 training samples" in out
    assert out.endswith("read as a pair of tensors (IDC, DREAM), its numbers as raw\n")
    assert ", its numbers as `raw`)" in Path("outputs/digits/README.md").read_text(encoding="utf-8")
    made = DistilledDataset.from_pretrained("outputs/digits")
    assert made.config["method"]["init_args"]["path"] == "digits.pt"
    assert (made.stored == digits.train.raw(rows).numpy()).all()
    for classes, said in (
        ("a,b", "method.classes: 'a,b' is no list: write [a,b]"),
        ("[9,8]", "are 0 to 9, and there are 2"),
    ):
        assert run(["import", "digits.pt", "--data.path=digits", f"--classes={classes}", "--output_dir=other"]) == 2
        assert said in capsys.readouterr().err
    assert run(["import", "digits.pt"]) == 2 and "--data.path SOURCE" in capsys.readouterr().err
