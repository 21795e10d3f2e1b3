"""MixedNetwork: a branch for each column of inputs of several kinds, and one head."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture, Classifier, FeatureNetwork, Inputs
from hf_distill.options import Width
from hf_distill.pieces import pieces
from hf_distill.seeding import seeded


@dataclass(frozen=True)
class _Part:
    """What a branch knows of its inputs; see :class:`Inputs`."""

    kind: str
    shape: tuple[int, ...]
    num_outputs: int
    about: dict[str, Any] = field(default_factory=dict)


class _Branches(nn.Module):
    def __init__(self, bodies: list[nn.Module], shapes: list[tuple[int, ...]], sizes: list[int], width: int) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(bodies)
        self.joints = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.shapes = shapes

    def forward(self, x: Tensor) -> Tensor:
        each = zip(self.bodies, self.joints, pieces(x, self.shapes), strict=True)
        return F.relu(torch.cat([joint(body(own).flatten(1)) for body, joint, own in each], 1))


class MixedNetwork(Architecture):
    """A network for every column, the features of each brought to one width, and a linear head on all of them.

    Args:
        branches: Networks by column (of numbers and categories, which have one branch together, by the first of them);
            columns that are left out, and null, have the usual network of their kind.
        width: Features that each branch gives.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                networks: [{class_path: MixedNetwork, init_args: {branches: {image: ConvNet}, width: 32}}]
    """

    def __init__(self, *, branches: dict[str, Architecture] | None = None, width: Width = 64) -> None:
        self.branches = branches
        self.width = width

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """See :class:`Architecture`: of inputs of one kind, one branch."""
        if len(shape) != 1:
            raise UserError(f"MixedNetwork reads columns of several kinds, not inputs of shape {tuple(shape)}")
        return self._body([{"kind": "vector", "input_column": "", "shape": list(shape)}], 1)

    def build_for(self, spec: Inputs, seed: int) -> FeatureNetwork:
        """See :class:`Architecture`."""
        if spec.kind != "mixed":
            raise UserError(f"MixedNetwork reads columns of several kinds, not {spec.kind}: leave the network out")
        with seeded(seed):
            body = self._body(spec.about["parts"], spec.num_outputs)
            return Classifier(body, self.width * len(spec.about["parts"]), spec.num_outputs)

    def _body(self, parts: list[dict[str, Any]], outputs: int) -> nn.Module:
        from hf_distill.networks.default import default_network

        branches = self.branches or {}
        names = [part["input_column"] for part in parts]
        unknown = next((name for name in branches if name not in names), None)
        if unknown is not None:
            raise UserError(f"network.branches has {unknown!r}; the columns are {', '.join(names)}")
        bodies, shapes, sizes = [], [tuple(part["shape"]) for part in parts], []
        for part, shape in zip(parts, shapes, strict=True):
            spec = _Part(part["kind"], shape, outputs, part.get("about", {}))
            own = branches.get(part["input_column"]) or default_network(spec)
            network = own.build_for(spec, int(torch.randint(2**31, ())))
            if not isinstance(network, Classifier):
                raise UserError(f"network.branches: {type(own).__name__} has no features to join")
            bodies.append(network.body)
            sizes.append(network.head.in_features)
        return _Branches(bodies, shapes, sizes, self.width)
