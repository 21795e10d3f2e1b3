import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value

from hf_distill.data import RealData, VectorTransform
from hf_distill.errors import UserError
from hf_distill.evaluation.baselines import random_samples
from hf_distill.evaluation.size import real_bits
from hf_distill.hub import DistilledDataset
from hf_distill.initialization import MeanSamples, RealSamples
from hf_distill.learners.task import task_of
from hf_distill.seeding import Streams
from hf_distill.synthetic import VectorSet


def powers(rows, labels=None, classes=2):
    features = Features({"power": List(Value("float64")), "beam": ClassLabel(num_classes=classes)})
    labels = labels or [i % 2 for i in range(len(rows))]
    return Dataset.from_dict({"power": rows, "beam": labels}, features=features)


def test_steps_come_in_the_documented_order():
    # dB of the entries 0, 2, 4: 10, 30, 20; minus the maximum: -20, 0, -10; divided by 20.
    transform = VectorTransform(stride=2, decibel=True, reference="maximum", scale=20)
    values = torch.tensor([[10.0, 1, 1000, 5, 100]])
    assert transform.apply(values)[0].tolist() == pytest.approx([-1, 0, -0.5])
    assert VectorTransform(entries=[4, 0], reference="mean").apply(values)[0].tolist() == [45, -45]
    assert VectorTransform(entries=[4, 1, 0], stride=2).index(5) == [4, 0]
    assert torch.equal(VectorTransform().apply(values), values)


@pytest.mark.parametrize("options", [{}, {"storage": "arrow"}, {"streaming": True}])
def test_every_storage_transforms(options):
    data = powers([[1.0, 10, 100], [1000, 10, 1]] * 3)
    streaming = options.pop("streaming", False)
    source = data.to_iterable_dataset() if streaming else data
    transform = VectorTransform(entries=[0, 2], decibel=True, reference="maximum", scale=10)
    real = RealData.from_dataset(source, data, transform=transform, **options).setup()
    assert real.spec.shape == (2,) and real.spec.transform == transform.config()
    assert real.spec.mean == pytest.approx((-1, -1.5))  # rows are (-2, 0) and (0, -3)
    x = real.spec.denormalize(real.sample([0, 1], 1, torch.Generator()).x)
    assert x.flatten().tolist() == pytest.approx([-2, 0, 0, -3], abs=1e-6)
    torch.testing.assert_close(real.test.raw(torch.tensor([1])), torch.tensor([[0.0, -3]]))
    # What is counted is what is published: 2 float32 values and a 1-bit label.
    assert real_bits(real.spec) == 2 * 32 + 1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"entries": [0, 3]}, "data.transform.entries has 3; the vectors have entries 0 to 2"),
        ({"entries": [1, 1]}, "name one entry or more, each once"),
        ({"entries": []}, "name one entry or more, each once"),
        ({"decibel": True}, "row 1 holds a power of 0 or less"),
    ],
)
def test_wrong_options_are_named(options, message):
    data = powers([[1.0, 2, 3], [1, 0, 3]])
    with pytest.raises(UserError, match=message):
        RealData.from_dataset(data, transform=VectorTransform(**options)).setup()


def test_images_have_no_entries(images):
    with pytest.raises(UserError, match="is for numbers, and column 'picture' holds images"):
        RealData.from_dataset(images, transform=VectorTransform()).setup()


def test_a_published_set_reads_as_an_ordinary_dataset(tmp_path):
    data = powers([[1.0, 10, 100], [1000, 10, 1]] * 3)
    transform = VectorTransform(entries=[0, 2], decibel=True, reference="maximum", scale=10)
    real = RealData.from_dataset(data, data, transform=transform).setup()
    synthetic = VectorSet(per_class=1)
    batch = real.sample([0, 1], 1, torch.Generator())
    synthetic.initialize(batch.x, batch.y, real.spec)
    DistilledDataset.from_synthetic(synthetic).save_pretrained(tmp_path / "set")
    published = RealData(path=str(tmp_path / "set")).setup()
    assert published.spec.input_column == "power" and published.spec.transform is None
    values = published.train.raw(torch.arange(2)).flatten()
    assert values.tolist() == pytest.approx([-2, 0, 0, -3], abs=1e-6)
    assert DistilledDataset.from_pretrained(tmp_path / "set").spec.transform == transform.config()
    card = (tmp_path / "set" / "README.md").read_text()
    assert "entries 0, 2, 10 log10, minus the row's maximum, divided by 10" in card


def imbalanced():
    """Ten rows of class 0, five of class 1, one of class 2 and none of class 3."""
    labels = [0] * 10 + [1] * 5 + [2]
    return powers([[float(i), 1] for i in range(16)], labels, classes=4)


def test_natural_balance_shares_a_set_by_the_rows():
    real = RealData.from_dataset(imbalanced(), class_balance="natural").setup()
    assert real.quota(2) == [5, 3, 0, 0]  # 8 samples: 5, 2.5 and 0.5; of equal remainders the first gets what is left
    assert real.quota(1) == [3, 1, 0, 0]  # 4 samples: 2.5, 1.25 and 0.25
    assert real.quota(100) == [10, 5, 1, 0]  # never more than there are
    for initial in (RealSamples(), MeanSamples()):
        batch = initial.draw(real, 1, Streams(0))
        x, y = batch.x, batch.y
        assert y.tolist() == [0, 0, 0, 1] and x.shape == (4, 2)
    drawn = task_of(real).draw(4000, torch.Generator().manual_seed(0))
    assert torch.bincount(drawn.y, minlength=4).tolist() == pytest.approx([2500, 1250, 250, 0], abs=100)
    assert len(random_samples(real, real.spec, 7, Streams(0)).batch) == 7


def test_equal_balance_refuses_an_empty_class():
    real = RealData.from_dataset(imbalanced()).setup()
    with pytest.raises(UserError, match="class '3' has 0 samples, fewer than the 1 asked for"):
        real.quota(1)
    with pytest.raises(UserError, match="class '3' has no training samples"):
        task_of(real).draw(4, torch.Generator())


def test_a_stream_has_the_shares_of_the_table():
    table = RealData.from_dataset(imbalanced(), class_balance="natural").setup()
    stream = RealData.from_dataset(imbalanced().to_iterable_dataset(), class_balance="natural").setup()
    assert stream.quota(2) == table.quota(2) and stream.spec.class_counts == table.spec.class_counts
