"""Every value of ``conformance.json``, what reference implementations give, computed with this library's parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from hf_distill.data import Batch
from hf_distill.evaluation.ranking import label_robust_score
from hf_distill.learners.descent import descend
from hf_distill.networks import ConvNet
from hf_distill.networks.outputs import output_axes
from hf_distill.objectives.class_means import class_means
from hf_distill.objectives.gradient import gradient_distance
from hf_distill.objectives.trajectory import trajectory_distance
from hf_distill.training.losses import KL, CrossEntropy, LogitError, Loss
from tests.objectives.sets import filled_convnet, wave

VALUES = json.loads((Path(__file__).parent / "conformance.json").read_text())["values"]
SHAPES = {"convnet_1x28": (1, 28, 28), "convnet_3x32": (3, 32, 32)}


def logits(shape: tuple[int, ...]) -> Tensor:
    with torch.no_grad():
        return filled_convnet(shape=shape)(wave(4, *shape, phase=0.0))[0]


def parameters(shape: tuple[int, ...], width: int) -> int:
    return sum(p.numel() for p in ConvNet(width=width).build(shape, 10, seed=0).parameters())


def sides() -> tuple[Tensor, Tensor]:
    return wave(8, 1, 28, 28, phase=0.3), wave(2, 1, 28, 28, phase=1.1).requires_grad_()


def matching(distance: Any) -> tuple[Tensor, Tensor]:
    network, (real, fake) = filled_convnet(), sides()
    gradients = [
        torch.autograd.grad(F.cross_entropy(network(x), torch.full((len(x),), 3)), list(network.parameters()), **graph)
        for x, graph in ((fake, {"create_graph": True}), (real, {}))
    ]
    return gradient_distance(*gradients, list(output_axes(network).values()), distance), fake


def distribution() -> Tensor:
    means = [class_means(filled_convnet().features(x), Batch.of(x, torch.full((len(x),), 3)), 10) for x in sides()]
    return (means[0] - means[1]).square().sum()


def trajectory() -> tuple[Tensor, Tensor, Tensor, int]:
    network = filled_convnet(width=8, depth=2)
    start = dict(network.named_parameters())
    flat = torch.cat([value.detach().reshape(-1) for value in start.values()])
    moved = flat + 0.01 * torch.sin(0.05 * torch.arange(len(flat), dtype=torch.float64)).float()
    parts = moved.split([value.numel() for value in start.values()])
    target = {name: part.view_as(value) for (name, value), part in zip(start.items(), parts, strict=True)}
    x, lr = wave(10, 1, 28, 28, phase=0.7).requires_grad_(), torch.tensor(0.02, requires_grad=True)

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(functional_call(network, weights, (x,)), torch.arange(10))

    distance = trajectory_distance(descend([loss] * 2, start, lr, graph=True)[-1], target, start)
    return distance, *torch.autograd.grad(distance, (x, lr)), len(flat)


STUDENT, TEACHER, CLASSES = 3 * wave(4, 10, phase=0.2), 3 * wave(4, 10, phase=2.0), torch.tensor([0, 3, 5, 9])


def of_labels(loss: Loss) -> Tensor:
    return loss.losses(STUDENT, TEACHER.softmax(1)).mean()


def of_lrs(name: str) -> float:
    hlr, ior = (float(part.split("=")[1]) for part in name.split(","))
    return label_robust_score(hard_label_recovery=hlr, improvement_over_random=ior)


OURS: dict[str, dict[str, Callable[[], Any]]] = {
    **{
        name: {
            "params_w32": lambda shape=shape: parameters(shape, 32),
            "params_w128": lambda shape=shape: parameters(shape, 128),
            "logits_row0": lambda shape=shape: logits(shape),
        }
        for name, shape in SHAPES.items()
    },
    "matching": {
        "layers": lambda: matching("layers")[0],
        "mse": lambda: matching("mse")[0],
        "cosine": lambda: matching("cosine")[0],
        "syn_grad_norm": lambda: torch.autograd.grad(*matching("layers"))[0].norm(),
    },
    "distribution": {"features": distribution},
    "trajectory": {
        "distance": lambda: trajectory()[0],
        "syn_grad_norm": lambda: trajectory()[1].norm(),
        "lr_grad": lambda: trajectory()[2],
        "parameters": lambda: trajectory()[3],
    },
    "labels": {
        "kl_T4_scaled": lambda: 16 * of_labels(KL(temperature=4)),
        "kl_T20": lambda: of_labels(KL(temperature=20)),
        "sce_T1": lambda: of_labels(CrossEntropy()),
        "mse_gt": lambda: LogitError().errors(STUDENT, TEACHER, CLASSES).mean(),
    },
    "lrs": {name: lambda name=name: of_lrs(name) for name in VALUES["lrs"]},
}
CASES = [(group, name) for group, values in VALUES.items() for name in values]


@pytest.mark.parametrize("group, name", CASES, ids=map("-".join, CASES))
def test_the_value_of_the_reference(group, name):
    found = OURS[group][name]()
    found = found.tolist() if isinstance(found, Tensor) else found
    # A formula is exact; convolutions in float32 are summed in the order of the library.
    exact = group == "lrs"
    assert found == pytest.approx(VALUES[group][name], rel=1e-12 if exact else 1e-4, abs=0 if exact else 2e-5)


def test_nothing_is_asserted_that_is_not_in_the_file():
    assert sorted((group, name) for group, values in OURS.items() for name in values) == sorted(CASES)
