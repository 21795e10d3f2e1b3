"""GraphCutSamples: a start for quantized sets, by the gradients of quantized real samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.initialization.base import InitialSamples
from hf_distill.networks.base import Architecture, Classifier
from hf_distill.networks.convnet import ConvNet
from hf_distill.options import NonNegativeFloat, PositiveInt
from hf_distill.quantization.base import Quantizer
from hf_distill.quantization.grid import UniformQuantizer
from hf_distill.quantization.grouping import quantized
from hf_distill.seeding import Streams
from hf_distill.selection.graph_cut import greedy_cut

_CHUNK = 256


class GraphCutSamples(InitialSamples[RealData]):
    """Real samples that stand for their class after quantization, chosen greedily.

    The similarity of two samples is the cosine of their last layer's gradients in a fresh network, computed from the
    quantized samples. Of each class the samples are taken that add most to the generalised graph cut
    ``sum_{i in V, j in A} s_ij - d sum_{i, j in A} s_ij``, where V are the candidates and A what is chosen, with
    ``d = diversity |V| / (2 k)``, so that both sums weigh alike whatever their sizes. Quantized are the similarities
    only: the samples themselves come as they are.

    Source: Dinh et al., From Fewer Samples to Fewer Bits (QuADD, 2026), whose exact gain is not published; this is the
    usual graph cut. Every gain is updated after each choice, which costs O(candidates): no lazy evaluation is needed.

    Args:
        network: Whose gradients are compared; null for a ``ConvNet``.
        quantizer: How the samples are quantized first, all of them together; null for a ``UniformQuantizer``.
        diversity: Weight of the similarity within the choice; 0 takes the most typical samples.
        candidates: Real samples of each class, drawn at random, that are compared.

    Examples:
        >>> from hf_distill import MLP, GraphCutSamples, RealData, UniformQuantizer
        >>> from hf_distill.seeding import Streams
        >>> start = GraphCutSamples(network=MLP(width=8), quantizer=UniformQuantizer(bits=2), candidates=16)
        >>> start.draw(RealData().setup(), 2, Streams(0)).x.shape
        torch.Size([20, 1, 8, 8])
    """

    def __init__(
        self,
        *,
        network: Architecture | None = None,
        quantizer: Quantizer | None = None,
        diversity: NonNegativeFloat = 1.0,
        candidates: PositiveInt = 512,
    ) -> None:
        self.network = ConvNet() if network is None else network
        self.quantizer = UniformQuantizer() if quantizer is None else quantizer
        self.diversity = diversity
        self.candidates = candidates

    def draw(self, real: RealData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: A value is out of its range, or the data is a stream.
        """
        spec = real.spec
        network = self.network.build_for(spec, streams.seed_for("initial network"))
        if not isinstance(network, Classifier):
            raise UserError("GraphCutSamples needs a network with a linear head: choose ConvNet or MLP")
        chosen = []
        for label, count in enumerate(real.quota(size)):
            if not count:
                continue
            rows = real.train.class_index(label)
            order = torch.randperm(len(rows), generator=streams.generator("initial", label))
            rows = rows[order[: max(count, self.candidates)]]
            batch = real.train.batch(rows)
            network.to(batch.x.device)
            similarity = gradient_similarity(network, quantized(batch.x, self.quantizer), batch.y)
            chosen.append(rows[graph_cut(similarity, count, self.diversity).cpu()])
        return real.train.batch(torch.cat(chosen))


@torch.no_grad()
def gradient_similarity(network: Classifier, x: Tensor, y: Tensor) -> Tensor:
    """Return the cosines ``(n, n)`` of the last layer's gradients of the cross-entropy of single samples.

    A sample's gradient is ``(p - e_y) h^T`` with the bias's ``p - e_y`` beside it, so that a product of two gradients
    is the product of ``p - e_y`` times that of ``(h, 1)``.
    """
    features = torch.cat([network.features(part) for part in x.split(_CHUNK)])
    logits = network.head(features)
    error = F.normalize(logits.softmax(1) - F.one_hot(y, logits.shape[1]).to(logits), dim=1)
    inputs = F.normalize(torch.cat((features, torch.ones_like(features[:, :1])), 1), dim=1)
    return (error @ error.T) * (inputs @ inputs.T)


def graph_cut(similarity: Tensor, count: int, diversity: float) -> Tensor:
    """Return the greedy choice ``(count,)`` under the graph cut of :class:`GraphCutSamples`."""
    return greedy_cut(similarity.sum(0), similarity.diagonal(), similarity.__getitem__, count, diversity)
