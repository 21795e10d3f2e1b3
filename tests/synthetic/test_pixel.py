import numpy as np
import pytest
import torch

from hf_distill.data.spec import DataSpec
from hf_distill.errors import DistillError, UserError
from hf_distill.synthetic import PixelSet, VectorSet


def image_spec(classes=3):
    return DataSpec(
        task="image-classification",
        input_column="image",
        label_column="label",
        shape=(1, 2, 2),
        classes=tuple("abc"[:classes]),
        mean=(0.5,),
        std=(0.25,),
        features={},
    )


def test_decoding_is_the_identity_and_differentiable():
    synthetic = PixelSet(per_class=2, clip=False)
    x = torch.randn(6, 1, 2, 2)
    synthetic.initialize(x, torch.arange(3).repeat_interleave(2), image_spec())
    batch = synthetic()
    assert torch.equal(batch.x, x) and batch.y.tolist() == [0, 0, 1, 1, 2, 2]
    batch.x.square().sum().backward()
    torch.testing.assert_close(synthetic.pixels.grad, 2 * x)
    part = synthetic.view(batch, torch.tensor([5, 0]))
    assert part.y.tolist() == [2, 0] and torch.equal(part.x, x[[5, 0]])


def test_clipping_keeps_what_an_image_can_hold():
    synthetic = PixelSet(per_class=1)
    synthetic.initialize(
        torch.tensor([-9.0, 0.0, 9.0]).reshape(3, 1, 1, 1).expand(3, 1, 2, 2), torch.arange(3), image_spec()
    )
    # black is (0 - .5) / .25 = -2, white is 2
    assert synthetic.pixels[:, 0, 0, 0].tolist() == [-2, 0, 2]


def test_packing_is_exact_and_has_the_claimed_size():
    synthetic = PixelSet(per_class=1)
    synthetic.initialize(torch.rand(3, 1, 2, 2), torch.arange(3), image_spec())
    packed = synthetic.pack()
    values = np.frombuffer(b"".join(packed.columns["codes"]), packed.meta["dtype"]).reshape(3, *packed.meta["shape"])
    assert np.array_equal(values, synthetic.pixels.detach().numpy())
    bits = synthetic.bits()
    assert bits.data == 8 * len(b"".join(packed.columns["codes"])) == 3 * 4 * 32
    assert bits.labels == 3 * 2 and bits.total == bits.data + bits.labels


def test_vectors_only_in_vector_sets():
    with pytest.raises(UserError, match="use PixelSet"):
        VectorSet(per_class=1).initialize(torch.rand(3, 1, 2, 2), torch.arange(3), image_spec())


def test_a_set_without_samples_says_so():
    with pytest.raises(DistillError, match="call initialize"):
        _ = PixelSet().spec


def test_configuration_round_trips():
    config = PixelSet(per_class=3, clip=False).config()
    labels = {"class_path": "HardLabels", "init_args": {}}
    assert config == {
        "class_path": "PixelSet",
        "init_args": {"per_class": 3, "clip": False, "labels": labels, "weights": None},
    }
