import itertools

import torch
import torch.nn.functional as F

from hf_distill.data import RealData
from hf_distill.initialization import GraphCutSamples
from hf_distill.initialization.graph_cut import gradient_similarity, graph_cut
from hf_distill.networks import ConvNet
from hf_distill.quantization import UniformQuantizer
from hf_distill.seeding import Streams

NETWORK = ConvNet(width=4, depth=1)


def value(similarity, chosen, weight):
    chosen = list(chosen)
    return similarity[:, chosen].sum() - weight * similarity[chosen][:, chosen].sum()


def test_similarity_is_the_cosine_of_autograds_gradients():
    network = NETWORK.build((1, 4, 4), 3, 0)
    x, y = torch.randn(5, 1, 4, 4), torch.tensor([0, 1, 2, 1, 1])
    gradients = []
    for k in range(5):
        loss = F.cross_entropy(network(x[k : k + 1]), y[k : k + 1])
        parts = torch.autograd.grad(loss, list(network.head.parameters()))
        gradients.append(torch.cat([part.flatten() for part in parts]))
    expected = F.cosine_similarity(torch.stack(gradients)[:, None], torch.stack(gradients)[None], dim=2)
    assert torch.allclose(gradient_similarity(network, x, y), expected, atol=1e-5)


def test_every_choice_adds_most():
    points = F.normalize(torch.randn(12, 3, generator=torch.Generator().manual_seed(0)).abs(), dim=1)
    similarity = points @ points.T
    chosen = graph_cut(similarity, 4, 1.0).tolist()
    weight = 12 / 8
    for k in range(4):
        gains = {j: value(similarity, [*chosen[:k], j], weight) for j in range(12) if j not in chosen[:k]}
        assert chosen[k] == max(gains, key=gains.get)
    best = max(value(similarity, some, weight) for some in itertools.combinations(range(12), 4))
    assert value(similarity, chosen, weight) >= (1 - 1 / 2.718) * best
    # without diversity: the most typical ones
    assert set(graph_cut(similarity, 3, 0.0).tolist()) == set(similarity.sum(0).topk(3).indices.tolist())


def test_real_samples_of_every_class_are_drawn():
    real = RealData().setup()
    samples = GraphCutSamples(network=NETWORK, quantizer=UniformQuantizer(bits=2), candidates=20)
    batch = samples.draw(real, 3, Streams(0))
    x, y = batch.x, batch.y
    assert y.tolist() == torch.arange(10).repeat_interleave(3).tolist()
    stored = real.train.raw(torch.arange(len(real.train)))
    assert all((stored == image).flatten(1).all(1).any() for image in real.spec.denormalize(x))
    assert len(x.flatten(1).unique(dim=0)) == 30
    assert torch.equal(samples.draw(real, 3, Streams(0)).x, x)
