import pytest
import torch

from hf_distill.errors import UserError
from hf_distill.selection import HierarchicalSelector
from hf_distill.selection.hierarchical import _draw, by_level, leaves

# Two far groups of two near pairs each.
POINTS = torch.tensor([0.0, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0])[:, None]


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("criterion", ["sse", "var"])
def test_tree_divides_the_widest_leaf(criterion):
    root = HierarchicalSelector(criterion=criterion).fit(POINTS).tree(4, generator())
    assert sorted(node.rows.tolist() for node in root.children) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert sorted(leaf.rows.tolist() for leaf in leaves(root)) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert [len(level) for level in by_level(root)] == [1, 2, 4]


def test_leaves_are_a_partition():
    cells = HierarchicalSelector(choose="leaves").fit(POINTS).cells(5, generator())
    assert len(cells) == 5 and torch.cat(cells).sort().values.tolist() == list(range(8))


def test_levels_go_from_coarse_to_fine_and_are_not_the_leaves():
    selector = HierarchicalSelector(start_level=0, growth=1.0).fit(POINTS)
    nodes = selector.nodes(4, generator())
    assert [node.depth for node in nodes] == [0, 1, 2, 2]
    assert len(nodes[0].rows) == 8 and len(nodes[1].rows) == 4
    # Deep starts take leaves alone.
    assert all(
        len(node.rows) == 2
        for node in HierarchicalSelector(start_level=9, growth=1.0).fit(POINTS).nodes(4, generator())
    )


def test_levels_come_from_a_tree_that_grows_further():
    selector = HierarchicalSelector(start_level=9, growth=2.0).fit(POINTS)
    assert all(len(node.rows) == 1 for node in selector.nodes(4, generator()))


def test_levels_are_random_and_take_no_node_twice():
    selector = HierarchicalSelector(start_level=1, growth=1.0).fit(POINTS)
    draws = [selector.nodes(4, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert all(len({id(node) for node in nodes}) == 4 for nodes in draws)
    # k-means may name its sides either way: only in one tree does it show that any node of a level is drawn.
    level = by_level(selector.tree(4, generator()))[2]
    drawn = {id(_draw(level, torch.Generator().manual_seed(seed))) for seed in range(50)}
    assert drawn == {id(node) for node in level}


def test_equal_samples_can_be_divided():
    cells = HierarchicalSelector(choose="leaves").fit(torch.zeros(6, 2)).cells(6, generator())
    assert sorted(len(rows) for rows in cells) == [1] * 6


def test_bad_arguments():
    with pytest.raises(UserError, match=r"growth is 0\.5"):
        HierarchicalSelector(growth=0.5).fit(POINTS).cells(2, generator())
    with pytest.raises(UserError, match="cannot select 9 of 8"):
        HierarchicalSelector().fit(POINTS).cells(9, generator())
