import io
import pickle

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value
from PIL import Image as PILImage

from hf_distill.data.real import RealData
from hf_distill.data.splits import ArrowSplit, MemorySplit
from hf_distill.errors import UserError


def png(array):
    buffer = io.BytesIO()
    PILImage.fromarray(np.asarray(array, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_everything_is_inferred(images):
    spec = RealData.from_dataset(images).setup().spec
    assert (spec.task, spec.input_column, spec.label_column) == ("image-classification", "picture", "kind")
    assert (spec.shape, spec.classes, spec.num_rows) == ((1, 5, 6), ("a", "b", "c"), 12)
    assert spec.class_counts == (4, 4, 4)
    values = np.arange(12) * 10 / 255
    assert spec.mean == pytest.approx([values.mean()]) and spec.std == pytest.approx([values.std()])


def test_normalisation_round_trips(images):
    real = RealData.from_dataset(images).setup()
    index = torch.arange(12)
    batch = real.train.batch(index)
    assert torch.equal(real.spec.denormalize(batch.x), real.train.raw(index))
    assert batch.x.mean() == pytest.approx(0, abs=1e-5) and batch.x.std(correction=0) == pytest.approx(1, abs=1e-5)
    assert batch.w.tolist() == [1.0] * 12


@pytest.mark.parametrize("storage, kind", [("memory", MemorySplit), ("arrow", ArrowSplit)])
def test_storages_agree(images, storage, kind):
    real = RealData.from_dataset(images, images, storage=storage).setup()
    assert isinstance(real.train, kind) and isinstance(real.test, kind)
    index = torch.tensor([7, 2, 2, 11])
    assert real.train.raw(index)[:, 0, 0, 0].tolist() == [70, 20, 20, 110]
    assert real.train.labels[index].tolist() == [1, 2, 2, 2]
    sent = pickle.loads(pickle.dumps(real.train))  # to a process that trains on it
    assert torch.equal(sent.raw(index), real.train.raw(index))


def test_auto_storage_goes_by_size(images):
    assert isinstance(RealData.from_dataset(images, memory_gib=1e-9).setup().train, ArrowSplit)


def test_samples_come_class_by_class_without_repetition(images):
    real = RealData.from_dataset(images).setup()
    batch = real.sample([2, 0], 4, torch.Generator().manual_seed(1))
    values = real.spec.denormalize(batch.x)[:, 0, 0, 0] // 10
    assert batch.y.tolist() == [2] * 4 + [0] * 4
    assert sorted(values[:4].tolist()) == [2, 5, 8, 11] and sorted(values[4:].tolist()) == [0, 3, 6, 9]


def test_a_small_class_repeats_in_a_batch_but_is_refused_as_a_start(images):
    real = RealData.from_dataset(images).setup()
    assert len(real.sample([1], 10, torch.Generator())) == 10
    with pytest.raises(UserError, match=r"class 'a' has 4 samples, fewer than the 5"):
        real.require(5)


def test_vectors_with_text_labels(vectors):
    real = RealData.from_dataset(vectors, vectors).setup()
    spec = real.spec
    assert (spec.task, spec.shape) == ("tabular-classification", (3,))
    assert spec.classes == ("no", "yes") and spec.label_values == ("no", "yes")
    assert real.test.labels.tolist() == [1, 0] * 4
    # The third element is constant: it is centred, not divided by zero.
    assert spec.std[2] == 1 and torch.isfinite(real.train.batch(torch.arange(8)).x).all()


def test_stream_gives_the_same_samples(images):
    real = RealData.from_dataset(images.to_iterable_dataset()).setup()
    batch = real.sample([0, 1], 2, torch.Generator())
    assert (real.spec.denormalize(batch.x)[:, 0, 0, 0] // 10).tolist() == [0, 3, 1, 4]
    # Four of class 0 exist: two are left, then the stream starts again.
    again = real.sample([0], 3, torch.Generator())
    assert (real.spec.denormalize(again.x)[:, 0, 0, 0] // 10).tolist() == [6, 9, 0]
    with pytest.raises(UserError, match="random access"):
        _ = real.train


def test_stream_resumes_where_it_was(images):
    first = RealData.from_dataset(images.to_iterable_dataset()).setup()
    first.sample([0], 3, torch.Generator())
    second = RealData.from_dataset(images.to_iterable_dataset()).setup()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.sample([0, 1], 4, torch.Generator()).x, second.sample([0, 1], 4, torch.Generator()).x)


def test_stream_without_a_class_is_refused(images):
    stream = images.filter(lambda row: row["kind"] != 1).to_iterable_dataset()
    with pytest.raises(UserError, match="no sample of class 1"):
        RealData.from_dataset(stream).setup().sample([1], 1, torch.Generator())


def test_sources_from_disk(images, tmp_path):
    images.to_parquet(tmp_path / "set.parquet")
    DatasetDict(train=images, test=images.select(range(3))).save_to_disk(tmp_path / "saved")
    for name in ("a", "b"):
        (tmp_path / "folder" / "train" / name).mkdir(parents=True)
        for i in range(2):
            (tmp_path / "folder" / "train" / name / f"{i}.png").write_bytes(png(np.full((4, 4), i)))
    assert RealData(path=str(tmp_path / "set.parquet")).setup().spec.num_rows == 12
    saved = RealData(path=str(tmp_path / "saved")).setup()
    assert (len(saved.train), len(saved.test)) == (12, 3)
    folder = RealData(path=str(tmp_path / "folder")).setup()
    assert folder.spec.classes == ("a", "b") and folder.spec.class_counts == (2, 2)
    with pytest.raises(UserError, match="no test split"):
        _ = folder.test


def test_digits_need_no_network():
    real = RealData().setup()
    assert (len(real.train), len(real.test), real.spec.shape) == (1437, 360, (1, 8, 8))
    assert real.spec.source["license"] == "cc-by-4.0"
    assert int(real.train.raw(torch.arange(1437)).max()) == 255


def broken(images, what):
    rows = images.cast_column("picture", Image(decode=False)).to_list()
    if what == "bytes":
        rows[4]["picture"] = {"bytes": b"not an image", "path": None}
    elif what == "missing":
        rows[4]["picture"] = None
    elif what == "size":
        rows[4]["picture"] = {"bytes": png(np.zeros((3, 9))), "path": None}
    elif what == "label":
        rows[4]["kind"] = -1
    return Dataset.from_list(rows, features=images.features)


@pytest.mark.parametrize(
    "what, message",
    [
        ("bytes", "row 4: the image cannot be read"),
        ("missing", "row 4 has no image"),
        ("size", "row 4 is 9x3 pixels, the first row 6x5: set --data.image_size"),
        ("label", "row 4 has label -1 in column 'kind'; labels are 0 to 2"),
    ],
)
def test_unusable_rows_are_named(images, what, message):
    with pytest.raises(UserError, match=message):
        RealData.from_dataset(broken(images, what)).setup()


def test_image_size_brings_images_to_one_size(images):
    assert RealData.from_dataset(broken(images, "size"), image_size=4).setup().spec.shape == (1, 4, 4)


def test_unusable_columns_are_named(images, vectors):
    with pytest.raises(UserError, match=r"no column 'image'; set --data\.input_column to one of picture, kind"):
        RealData.from_dataset(images, input_column="image").setup()
    with pytest.raises(UserError, match="several columns are"):
        RealData.from_dataset(
            images.add_column("other", images["kind"]).cast_column("other", images.features["kind"])
        ).setup()
    with pytest.raises(UserError, match="nothing beside the label kind"):
        RealData.from_dataset(images.remove_columns("picture")).setup()
    with pytest.raises(UserError, match="holds real numbers"):
        RealData.from_dataset(Dataset.from_dict({"v": [[1.0], [2.0]], "label": [0.5, 1.5]})).setup()
    with pytest.raises(UserError, match="row 1 holds 1 numbers, the first row 2"):
        RealData.from_dataset(Dataset.from_dict({"v": [[1.0, 2.0], [2.0]], "label": [0, 1]})).setup()


def test_unusable_sources_are_named(images, tmp_path):
    images.to_parquet(tmp_path / "set.parquet")
    with pytest.raises(UserError, match="no such file or folder"):
        RealData(path=str(tmp_path / "nothing")).setup()
    with pytest.raises(UserError, match="no split 'validation'; it has train"):
        RealData(path=str(tmp_path / "set.parquet"), split="validation").setup()
    (tmp_path / "set.txt").write_text("x")
    with pytest.raises(UserError, match=r"must end in \.parquet"):
        RealData(path=str(tmp_path / "set.txt")).setup()


def test_colour_images_are_channel_first():
    array = np.zeros((4, 4, 3), np.uint8)
    array[..., 1] = 200
    features = Features({"image": Image(), "label": Value("int64")})
    data = Dataset.from_dict({"image": [PILImage.fromarray(array)] * 2, "label": [5, 9]}, features=features)
    real = RealData.from_dataset(data).setup()
    assert real.spec.shape == (3, 4, 4) and real.spec.label_values == (5, 9)
    assert real.train.raw(torch.tensor([0]))[0].amax((1, 2)).tolist() == [0, 200, 0]


def test_the_spec_survives_json(images):
    import json

    spec = RealData.from_dataset(images).setup().spec
    assert type(spec).from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_class_label_is_kept(images):
    spec = RealData.from_dataset(images).setup().spec
    assert Features.from_dict(spec.features)["kind"] == ClassLabel(names=["a", "b", "c"])


def test_test_images_of_another_size_are_refused(images):
    larger = images.map(lambda row: {"picture": row["picture"].resize((7, 5))})
    with pytest.raises(UserError, match="row 0 is 7x5 pixels"):
        RealData.from_dataset(images, larger).setup()


def test_a_dictionary_of_splits_is_no_split(images):
    with pytest.raises(
        UserError, match=r"a datasets\.Dataset or IterableDataset is needed, one split, not DatasetDict"
    ):
        RealData.from_dataset(DatasetDict(train=images))
