"""What images and vectors are, in numbers that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset, Features, Image, List, Value

from hf_distill.data.kinds.table import kind_named
from hf_distill.errors import ArtifactError
from tests.data.kinds.test_table import spec

IMAGE, VECTOR = kind_named("image"), kind_named("vector")
PICTURES = spec("image-classification", Image())
NUMBERS = spec("tabular-classification", List(Value("int16"), length=2))


def test_images_are_normalised_per_channel():
    raw = torch.tensor([[[[0, 255], [51, 102]]]], dtype=torch.uint8)
    x = PICTURES.normalize(raw)
    assert x.flatten().tolist() == pytest.approx([-2.0, 2.0, -1.2, -0.4])
    assert torch.equal(PICTURES.denormalize(x), raw)
    assert torch.equal(PICTURES.denormalize(x * 100), torch.tensor([[[[0, 255], [0, 0]]]], dtype=torch.uint8))
    low, high = PICTURES.limits(x)
    assert (low.item(), high.item()) == (-2.0, 2.0)
    assert PICTURES.bits_per_value == 8
    assert IMAGE.mean_of(torch.tensor([0.4, 1.6])).tolist() == [0, 2]


def test_vectors_are_normalised_per_entry_and_kept_in_the_sources_type():
    raw = torch.tensor([[1.0, -3.0]])
    x = NUMBERS.normalize(raw)
    assert x.tolist() == [[2.0, -2.0]]
    assert NUMBERS.denormalize(x * 1e9).tolist() == [[2**15 - 1, -(2**15)]]
    assert NUMBERS.limits(x) is None and NUMBERS.bits_per_value == 16
    assert VECTOR.mean_of(torch.tensor([0.4])).item() == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("made", "stored"),
    [
        (PICTURES, np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2)),
        (NUMBERS, np.array([[1, 2], [-3, 4]], np.int16)),
    ],
)
def test_what_is_written_is_read_back(made, stored):
    columns = {**made.form.write(made, stored), **made.goal.write(made, torch.tensor([1, 0]))}
    table = Dataset.from_dict(columns, features=Features.from_dict(made.features)).data.table
    again = made.form.read(made, table)
    assert again.dtype == stored.dtype and (again == stored).all()
    assert made.goal.read_back(made, table).tolist() == [1, 0]
    with pytest.raises(ArtifactError, match="column 'y' holds 7, which is no class"):
        made.goal.read_back(made, pa.table({"y": [0, 7]}))


def test_classes_are_outputs_and_groups():
    assert PICTURES.num_outputs == PICTURES.num_groups == 2 and PICTURES.bits_per_label == 1
    assert PICTURES.contents() == "samples of 2 classes" and PICTURES.made_up()[1].tolist() == [0, 1]
    one = PICTURES.with_few(1)
    assert one.classes == ("a",) and one.features["y"]["names"] == ["a"] and one.num_groups == 1
