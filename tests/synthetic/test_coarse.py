import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.quantization import Budget, LearnedLevels
from hf_distill.synthetic import CoarsePixelSet, QuantizedSet
from hf_distill.synthetic.coarse import interpolation
from tests.synthetic.quantized import read


def spec(shape=(1, 7, 8)):
    return DataSpec(
        task="image-classification" if len(shape) == 3 else "tabular-classification",
        input_column="image",
        label_column="label",
        shape=shape,
        classes=("a", "b"),
        mean=(0.5,) * shape[0],
        std=(0.25,) * shape[0],
        features={},
    )


def images(count=2, shape=(1, 7, 8)):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0)) * 4 - 2


def test_stored_pixels_are_means_and_are_interpolated():
    synthetic = CoarsePixelSet(per_class=1)
    synthetic.initialize(images(shape=(1, 8, 8)), torch.tensor([0, 1]), spec((1, 8, 8)))
    small = F.avg_pool2d(images(shape=(1, 8, 8)), 2)
    torch.testing.assert_close(synthetic.pixels, small)
    expected = F.interpolate(small, (8, 8), mode="bilinear", align_corners=False)
    assert torch.allclose(synthetic().x, expected, atol=1e-6)
    synthetic().x.sum().backward()
    # of the columns' sums, which say how much of the image a stored pixel makes
    assert synthetic.pixels.grad.sum() == pytest.approx(2 * 64)
    assert interpolation(4, 2).tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    again = CoarsePixelSet(per_class=1)
    again.initialize(small, torch.tensor([0, 1]), spec((1, 8, 8)))
    assert torch.equal(again.pixels, small)


def test_only_stored_pixels_are_counted():
    synthetic = CoarsePixelSet(per_class=1)
    synthetic.initialize(images(), torch.tensor([0, 1]), spec())
    assert synthetic.shapes(spec(), 1) == {"pixels": (2, 1, 4, 4)} and synthetic().x.shape == (2, 1, 7, 8)
    assert synthetic.bits().data == 2 * 16 * 32 == sum(8 * len(row) for row in synthetic.pack().columns["codes"])
    # 2 x 16 values x 2 bits x 3 samples = 192, 16 bits for the labels and 64 for the levels
    quantized = QuantizedSet(synthetic=CoarsePixelSet(), quantizer=LearnedLevels(), budget=Budget(total_bytes=34))
    quantized.planner().plan(spec())
    assert quantized.size == 3


def test_the_documented_decoder_enlarges():
    synthetic = QuantizedSet(synthetic=CoarsePixelSet(per_class=2), quantizer=LearnedLevels())
    synthetic.initialize(images(4), torch.tensor([0, 0, 1, 1]), spec())
    plain = synthetic.synthetic
    for own in (synthetic, plain):
        x, y, w = read(own.pack(), spec())
        assert np.allclose(x, own().x.detach().numpy(), atol=1e-6)
        assert y.tolist() == [0, 0, 1, 1] and w.tolist() == [1] * 4


def test_mistakes():
    with pytest.raises(UserError, match="use VectorSet for vectors"):
        CoarsePixelSet().shapes(spec((5,)), 1)
