"""What the field's files really look like: lists, arrays, texts, other types, other machines, and what is broken."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from hf_distill.errors import UserError
from hf_distill.exchange.image_folder import class_folders
from hf_distill.exchange.layouts import read_file
from hf_distill.exchange.scales import scale_of_name, scale_of_values
from hf_distill.exchange.tensors import read_torch
from hf_distill.methods.imported import Imported

IMAGES = torch.rand(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
NAMES = ["cat", "cat", "dog", "dog", "owl", "owl"]
HARD = torch.eye(3)[LABELS]


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        ([list(IMAGES.split(2)), LABELS], LABELS),
        ([list(IMAGES), list(LABELS.split(2))], LABELS),
        ({"images": list(IMAGES), "labels": LABELS.tolist()}, LABELS),
        ({"data": [[list(IMAGES), LABELS.tolist()]], "accs_all_exps": {"ConvNet": [np.float64(0.5)]}}, LABELS),
        ({"data": [IMAGES, list(HARD)]}, HARD),
        ({"images": IMAGES.numpy(), "labels": LABELS.numpy().astype(">i4")}, LABELS),
        ([np.asfortranarray(IMAGES.numpy()), HARD.numpy()], HARD),
        ([IMAGES.clone().requires_grad_(), torch.nn.Parameter(HARD)], HARD),
    ],
    ids=["blocks", "single", "dict", "experiments", "one experiment", "arrays", "columns first", "leaves"],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_gives_back_what_was_saved(value, labels, legacy, tmp_path):
    torch.save(value, tmp_path / "set.pt", _use_new_zipfile_serialization=not legacy)
    found = read_file(tmp_path / "set.pt")
    assert torch.equal(found.images, IMAGES) and torch.equal(found.labels, labels.to(found.labels.dtype))
    assert not found.images.requires_grad and not found.labels.requires_grad


def test_labels_may_be_names(tmp_path):
    torch.save([IMAGES, NAMES], tmp_path / "set.pt")
    np.savez(tmp_path / "set.npz", x=IMAGES.numpy(), y=np.array(NAMES))
    for name in ("set.pt", "set.npz"):
        found = read_file(tmp_path / name)
        assert torch.equal(found.labels, LABELS) and found.names == ("cat", "dog", "owl")


def test_a_labels_file_counts_before_those_inside(tmp_path):
    torch.save([IMAGES, LABELS], tmp_path / "set.pt")
    torch.save(HARD, tmp_path / "soft.pt")
    np.savez(tmp_path / "set.npz", images=IMAGES.numpy(), labels=HARD.numpy())
    for name in ("set.pt", "set.npz"):
        assert torch.equal(read_file(tmp_path / name, tmp_path / "soft.pt").labels, HARD)
    assert torch.equal(read_file(tmp_path / "set.pt", tmp_path / "set.npz").labels, HARD)


@pytest.mark.parametrize("rate", [0.02, torch.tensor(0.02), torch.tensor([0.02]), np.float64(0.02), np.array([0.02])])
def test_a_learned_rate_is_found(rate, tmp_path):
    torch.save({"images": IMAGES, "labels": LABELS, "syn_lr": rate}, tmp_path / "set.pt")
    assert read_file(tmp_path / "set.pt").rate == pytest.approx(0.02)
    for name, value in {"images": IMAGES, "labels": LABELS, "lr": rate}.items():
        torch.save(value, tmp_path / f"{name}_best.pt")
    assert read_file(tmp_path / "images_best.pt").rate == pytest.approx(0.02)
    torch.save(torch.tensor([0.01, 0.02]), tmp_path / "lr_best.pt")
    with pytest.raises(UserError, match=r"lr_best\.pt holds .* which is no learning rate"):
        read_file(tmp_path / "images_best.pt")


def test_labels_of_kip_are_one_at_the_class(tmp_path):
    path = tmp_path / "kip_cifar10_ConvNet3_ssize6_zca_nol_noaug_ckpt1000.npz"
    np.savez(path, images=IMAGES.numpy(), labels=(HARD - 1 / 3).numpy())
    found = read_file(path)
    assert found.layout == "KIP" and found.form == "centred" and found.scale is None
    # The numbers tell it too, whatever the file is called.
    np.savez(tmp_path / "mine.npz", images=IMAGES.numpy(), labels=(HARD - 1 / 3).numpy())
    assert Imported(path="mine.npz")._form(read_file(tmp_path / "mine.npz")) == "centred"
    np.savez(tmp_path / "mine.npz", images=IMAGES.numpy(), labels=(4 * HARD - 1).numpy())
    assert Imported(path="mine.npz")._form(read_file(tmp_path / "mine.npz")) == "logits"


@pytest.mark.parametrize(
    ("files", "read"),
    [
        ({"images_best": 0, "images_500": 1}, "images_best"),
        ({"images_500": 0, "images_1000": 1, "images_zca_1000": 2}, "images_1000"),
        ({"images_zca_500": 0, "images_zca_1000": 1}, "images_zca_1000"),
        ({"data_best": 0, "data": 1, "data_0": 2}, "data_best"),
        ({"data_0": 0, "data_20": 1}, "data_20"),
        ({"res_DC_CIFAR10_ConvNet_2ipc": 0}, "res_DC_CIFAR10_ConvNet_2ipc"),
    ],
)
def test_the_file_that_counts_is_found_in_a_folder(files, read, tmp_path):
    for name, number in files.items():
        torch.save([torch.full((2, 1, 3, 3), float(number)), torch.tensor([0, 1])], tmp_path / f"{name}.pt")
    assert float(read_file(tmp_path).images.max()) == files[read]


@pytest.mark.parametrize(
    ("images", "scale"),
    [
        (torch.tensor([0, 255], dtype=torch.uint8), "raw"),
        (torch.tensor([0, 1], dtype=torch.uint8), "raw"),
        (torch.tensor([0.0, 3.0, 255.0]), "raw"),
        (torch.tensor([0, 3, 255]), "raw"),
        (torch.tensor([0.0, 1.0]), "unit"),
        (torch.tensor([0.0, 1.5]), None),
        (torch.tensor([0.0, 256.0]), None),
        (torch.tensor([-1.0, 1.0]), None),
    ],
)
def test_numbers_tell_their_scale_where_there_is_one_reading(images, scale):
    assert scale_of_values(images) == scale


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("res_DM_CIFAR10_ConvNet_10ipc.pt", "cifar10"),
        ("res_DC_FashionMNIST_ConvNet_1ipc.pt", "fashion_mnist"),
        ("fashion_mnist_10ipc.pt", "fashion_mnist"),
        ("cifar-100.pt", "cifar100"),
        ("zalando-datasets/fashion_mnist", "fashion_mnist"),
        ("uoft-cs/cifar10", "cifar10"),
        ("mnist/mine.pt", None),
        ("mtt_cifar10_zca_10ipc.pt", None),
    ],
)
def test_names_tell_constants(name, scale):
    assert scale_of_name(name) == scale


def test_hidden_files_are_no_images(tmp_path):
    for place in ("cat/a.png", "cat/._a.png", ".ipynb_checkpoints/a.png"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        PILImage.new("RGB", (5, 4)).save(tmp_path / place)
    assert [path.name for path in class_folders(tmp_path)] == ["cat"]


def test_an_archive_and_a_folder_of_others_are_named(tmp_path):
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        archive.add(__file__, "a.png")
    with pytest.raises(UserError, match=r"images\.tar is an archive: unpack it"):
        read_file(tmp_path / "images.tar")
    (tmp_path / "run" / "Normal").mkdir(parents=True)
    with pytest.raises(UserError, match="name the file or the folder that is meant, Normal for example"):
        read_file(tmp_path / "run")
    with pytest.raises(UserError, match=r"Normal has neither .* it is empty"):
        read_file(tmp_path / "run" / "Normal")


@pytest.mark.parametrize("images", [IMAGES.to("meta"), IMAGES.to_sparse(), IMAGES.to(torch.complex64)], ids=str)
def test_tensors_without_plain_numbers_are_one_line(images, tmp_path):
    torch.save([images, LABELS], tmp_path / "set.pt")
    with pytest.raises(UserError, match="save them as plain numbers"):
        read_file(tmp_path / "set.pt")


def test_a_file_that_ends_too_early_says_so(tmp_path):
    torch.save([IMAGES, LABELS], tmp_path / "set.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "set.pt").read_bytes()
    # In the middle of the name of a function of torch's, which is none that it wants to run.
    (tmp_path / "set.pt").write_bytes(content[: content.index(b"torch._utils") + 4])
    with pytest.raises(UserError, match="it ends too early"):
        read_torch(tmp_path / "set.pt")


def test_an_array_of_objects_holds_nothing(tmp_path):
    torch.save({"images": np.array([IMAGES, None], dtype=object), "labels": LABELS}, tmp_path / "set.pt")
    with pytest.raises(UserError, match="as images, and no tensor or list of equal tensors"):
        read_file(tmp_path / "set.pt")


def test_an_npz_that_says_more_than_it_has_is_one_line(tmp_path):
    torch.save([IMAGES, LABELS], tmp_path / "set.npz")
    with pytest.raises(UserError, match=r"set\.npz holds no arrays of numbers"):
        read_file(tmp_path / "set.npz")
    np.savez(tmp_path / "one.npz", images=IMAGES.numpy(), labels=LABELS.numpy())
    with pytest.raises(UserError, match="holds one set, and experiment is 3"):
        read_file(tmp_path / "one.npz", experiment=3)
