import dataclasses

import numpy as np
import pytest
import torch

from hf_distill.data.spec import DataSpec
from hf_distill.decode import Damaged
from hf_distill.errors import UserError
from hf_distill.labels import TopLabels
from hf_distill.quantization import Budget, LearnedLevels, UniformQuantizer
from hf_distill.synthetic import QuantizedSet, VectorSet
from tests.synthetic.quantized import read


def spec():
    return DataSpec(
        task="tabular-classification",
        input_column="x",
        label_column="y",
        shape=(5,),
        classes=tuple("abcdef"),
        mean=(0.0,) * 5,
        std=(1.0,) * 5,
        features={},
    )


def draws(count=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 5, generator=generator), torch.rand(count, 6, generator=generator).softmax(1)


def test_a_label_names_its_likeliest_classes():
    x, y = draws()
    synthetic = VectorSet(per_class=1, labels=TopLabels(top=2))
    synthetic.initialize(x, y, spec())
    batch = synthetic()
    assert torch.equal(batch.y.topk(2, 1).indices, y.topk(2, 1).indices)
    assert torch.allclose(batch.y.sum(1), torch.ones(6)) and ((batch.y > 0).sum(1) == 2).all()
    best = y.topk(2, 1).values
    torch.testing.assert_close(batch.y.amax(1), best[:, 0] / best.sum(1))
    # 5 values of 32 bits, and 2 classes of 3 bits with shares of 32
    assert synthetic.bits().data == 6 * 160 and synthetic.bits().labels == 6 * 2 * 35
    assert np.array_equal(read(synthetic.pack(), spec())[1], batch.y.detach().numpy())
    hard = VectorSet(per_class=1, labels=TopLabels(top=2))
    hard.initialize(x, torch.arange(6), spec())
    assert torch.equal(hard().y, torch.eye(6))


def test_the_file_holds_labels_in_the_claimed_bits():
    x, y = draws()
    synthetic = QuantizedSet(
        synthetic=VectorSet(labels=TopLabels()), quantizer=LearnedLevels(bits=3), labels=UniformQuantizer(bits=4),
        budget=Budget(total_bytes=60),
    )  # fmt: skip
    synthetic.planner().plan(spec())
    # a sample: 15 bits of values, 3 x 4 of shares and 3 x 3 of classes; levels 128 and a range 32; 6 are a size of 1
    assert synthetic.size == 1 and synthetic.planner().bits(spec(), 1).total == 8 * 12 + 72 + 56 + 160
    synthetic.initialize(x, y, spec())
    packed = synthetic.pack()
    assert synthetic.bits() == synthetic.planner().bits(spec(), 1) and synthetic.bits().labels == 72 + 56
    assert 8 * sum(len(column[0]) for column in packed.columns.values()) == synthetic.bits().total
    x, y, _ = read(packed, spec())
    assert np.array_equal(x, synthetic().x.detach().numpy())
    assert np.allclose(y, synthetic().y.detach().numpy(), atol=1e-7)


def test_mistakes():
    x, y = draws()
    with pytest.raises(UserError, match=r"labels\.top is 7; it must be 1 to 6"):
        VectorSet(labels=TopLabels(top=7)).initialize(x, y, spec())
    synthetic = QuantizedSet(synthetic=VectorSet(per_class=1, labels=TopLabels()))
    synthetic.initialize(x, y, spec())
    packed = synthetic.pack()
    bad = dataclasses.replace(packed, columns={**packed.columns, "label": [b"\xff" * 6 + b"\xfc"]})
    with pytest.raises(Damaged, match="labels name class 7, and there are 6"):
        read(bad, spec())
