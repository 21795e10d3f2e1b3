"""HierarchicalSelector: a tree of clusters, divided from the top, and nodes of it from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from hf_distill.clustering import kmeans
from hf_distill.options import Few, NonNegativeInt, Range
from hf_distill.selection.clusters import ClusterSelector


@dataclass
class Node:
    """A cluster of the tree.

    Attributes:
        rows: Row numbers of its samples.
        depth: Distance from the root.
        children: Two, or none for a leaf.
    """

    rows: Tensor
    depth: int = 0
    children: tuple[Node, ...] = ()


class HierarchicalSelector(ClusterSelector):
    """Divides the samples in two again and again, always the leaf with the largest scatter.

    Roy et al., ManifoldGD (arXiv 2602.23295), stage A. ``leaves`` takes the leaves of a tree that has as many as are
    asked for. ``levels`` is the coarse-to-fine idea: one random node of every level from ``start_level`` down, inner
    nodes included, then random leaves. (Where a tree has exactly as many leaves as are asked for and only leaves may be
    taken, both are the same set; the tree of ``levels`` therefore grows further and inner nodes count.)

    Args:
        choose: ``leaves`` or ``levels``.
        start_level: First level of ``levels``; 0 is the root, the mean of all samples.
        growth: Leaves of the tree of ``levels`` for each node that is asked for; as many as there are samples at most.
        criterion: Scatter of a leaf: ``sse`` is the sum of squared distances to its mean, ``var`` the variance of all
            its entries.
        restarts: Runs of 2-means for a division.

    Examples:
        >>> import torch
        >>> from hf_distill import HierarchicalSelector
        >>> features = torch.tensor([[0.0], [0.2], [0.1], [9.0], [9.1], [9.3]])
        >>> HierarchicalSelector(choose="leaves").fit(features).select(2, torch.Generator().manual_seed(0))
        (tensor([2, 4]), tensor([3., 3.]))
    """

    def __init__(
        self,
        *,
        choose: Literal["leaves", "levels"] = "levels",
        start_level: NonNegativeInt = 1,
        growth: Annotated[float, Range(1, 1000)] = 1.5,
        criterion: Literal["sse", "var"] = "sse",
        restarts: Few = 10,
    ) -> None:
        self.choose = choose
        self.start_level = start_level
        self.growth = growth
        self.criterion = criterion
        self.restarts = restarts

    def cells(self, k: int, generator: torch.Generator) -> list[Tensor]:
        """See :class:`ClusterSelector`."""
        return [node.rows for node in self.nodes(k, generator)]

    def nodes(self, k: int, generator: torch.Generator) -> list[Node]:
        """Return ``k`` different nodes.

        Raises:
            UserError: There are fewer samples than ``k``, or an argument is out of its range.
        """
        count = self._check(k)
        if self.choose == "leaves":
            return leaves(self.tree(k, generator))
        root = self.tree(min(count, round(self.growth * k)), generator)
        levels = by_level(root)
        chosen = [_draw(level, generator) for level in levels[min(self.start_level, len(levels) - 1) :]][:k]
        ends = [leaf for leaf in leaves(root) if all(leaf is not node for node in chosen)]
        order = torch.randperm(len(ends), generator=generator)[: k - len(chosen)].tolist()
        return chosen + [ends[place] for place in order]

    def tree(self, size: int, generator: torch.Generator) -> Node:
        """Grow a tree with ``size`` leaves and return its root."""
        features = self._features.cpu().float()
        root = Node(torch.arange(len(features)))
        open_leaves = [(self._scatter(features), root)]
        while len(open_leaves) < size:
            # A single sample has no scatter; equal ones have none either and are divided last.
            divisible = [place for place, (_, node) in enumerate(open_leaves) if len(node.rows) > 1]
            place = max(divisible, key=lambda i: open_leaves[i][0])
            node = open_leaves.pop(place)[1]
            side = self._divide(features[node.rows], generator)
            node.children = tuple(Node(node.rows[side == part], node.depth + 1) for part in (0, 1))
            open_leaves += [(self._scatter(features[child.rows]), child) for child in node.children]
        return root

    def _scatter(self, x: Tensor) -> float:
        if self.criterion == "var":
            return float(x.var(correction=0))
        return float((x - x.mean(0)).square().sum())

    def _divide(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the side, 0 or 1, of every sample; neither is empty."""
        clusters = kmeans(x, 2, generator, restarts=self.restarts)
        # k-means cannot tell equal samples apart.
        return clusters.labels if len(clusters.centres) > 1 else torch.arange(len(x)) % 2


def leaves(root: Node) -> list[Node]:
    """Return the nodes without children, from left to right."""
    return [leaf for child in root.children for leaf in leaves(child)] if root.children else [root]


def by_level(root: Node) -> list[list[Node]]:
    """Return the nodes of every level, the root's first."""
    levels = [[root]]
    while following := [child for node in levels[-1] for child in node.children]:
        levels.append(following)
    return levels


def _draw(nodes: list[Node], generator: torch.Generator) -> Node:
    return nodes[int(torch.randint(len(nodes), (1,), generator=generator))]
