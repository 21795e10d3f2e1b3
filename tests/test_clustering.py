"""k-means against what is derivable, and against scikit-learn on the digits."""

import pytest
import torch

from hf_distill.clustering import kmeans, lloyd, lloyd_levels


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(sizes=(50, 30, 4)):
    """Points about three places so far apart that only one division is right."""
    places = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    return places.repeat_interleave(torch.tensor(sizes), 0) + 0.1 * torch.randn(sum(sizes), 2, generator=generator())


def test_centres_are_the_means_and_labels_the_closest():
    points = clouds()
    found = kmeans(points, 3, generator())
    assert sorted(torch.bincount(found.labels).tolist()) == [4, 30, 50]
    for place, centre in enumerate(found.centres):
        assert torch.allclose(centre, points[found.labels == place].mean(0), atol=1e-5)
    distance = torch.cdist(points, found.centres).square()
    assert torch.equal(found.labels, distance.argmin(1))
    assert found.inertia == pytest.approx(float(distance.amin(1).sum()), rel=1e-4)


def test_a_weight_is_so_many_equal_points():
    points, weight = clouds((3, 2, 1)), torch.tensor([3.0, 1, 1, 2, 1, 1])
    repeated = points.repeat_interleave(weight.long(), 0)
    one, two = kmeans(points, 3, generator(), weight=weight), kmeans(repeated, 3, generator())
    assert torch.allclose(one.centres.sort(0).values, two.centres.sort(0).values, atol=1e-5)
    assert one.inertia == pytest.approx(two.inertia, rel=1e-3)


def test_fewer_clusters_where_fewer_points_differ():
    assert kmeans(torch.ones(5, 2), 3, generator()).centres.shape == (1, 2)
    assert len(kmeans(torch.tensor([[0.0], [0.0], [1.0]]), 3, generator()).centres) == 2


def test_far_from_zero_it_finds_the_same():
    points = clouds()
    near, far = (kmeans(points + shift, 3, generator()) for shift in (0.0, 1000.0))
    assert torch.equal(near.labels, far.labels) and far.inertia == pytest.approx(near.inertia, rel=0.01)


def test_a_centre_without_points_goes_to_the_farthest():
    points = torch.tensor([[0.0], [1.0], [9.0]])
    centres = lloyd(points, torch.tensor([[0.0], [100.0]]), 10)
    assert sorted(centres.flatten().tolist()) == [0.5, 9.0]


def test_levels_of_each_row_are_its_own():
    rows = torch.tensor([[0.0, 1, 10, 11], [5.0, 5, 7, 7]])
    levels = lloyd_levels(rows, torch.tensor([[0.0, 11], [5.0, 7]]), 5)
    assert levels.tolist() == [[0.5, 10.5], [5.0, 7.0]]


def test_equal_generators_give_equal_clusters():
    points = torch.randn(200, 5, generator=generator(1))
    one, two, other = (kmeans(points, 7, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.labels, two.labels) and not torch.equal(one.labels, other.labels)


@pytest.mark.parametrize(("restarts", "within"), [(1, 1.03), (5, 1.01)])
def test_as_good_as_scikit_learn(restarts, within):
    cluster, load = pytest.importorskip("sklearn.cluster"), pytest.importorskip("sklearn.datasets").load_digits
    x, y = load(return_X_y=True)
    own = other = 0.0
    for label in range(10):
        points = x[y == label].astype("float32")
        own += kmeans(torch.from_numpy(points), 10, generator(label), restarts=restarts).inertia
        other += float(cluster.KMeans(10, n_init=restarts, random_state=label).fit(points).inertia_)
    assert own < within * other
