import pytest
import torch

from hf_distill.networks import ConvNet
from hf_distill.networks.compiled import CompiledFeatures, has_compiler


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(), reason="needs a C++ compiler")
def test_one_compilation_serves_all_networks():
    first, second = (ConvNet(width=4, depth=1).build((1, 4, 4), 2, seed) for seed in (0, 1))
    compiled = CompiledFeatures(first)
    x = torch.randn(3, 1, 4, 4, requires_grad=True)
    for network in (first, second):
        expected = network.features(x)
        features = compiled(network, x)
        assert torch.allclose(features, expected, atol=1e-5)
        gradients = [torch.autograd.grad(f.square().sum(), x)[0] for f in (features, expected)]
        assert torch.allclose(*gradients, atol=1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
