"""Distances of feature sets against numbers that can be derived."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.linalg import sqrtm

from hf_distill.errors import UserError
from hf_distill.metrics.distances import (
    coverage,
    diversity,
    frechet_distance,
    median_gamma,
    representativeness,
    squared_mmd,
)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian(rows, mean, covariance, seed=0):
    """Samples whose mean and covariance are exactly the given ones."""
    x = randn(rows, len(mean), seed=seed)
    x = x - x.mean(0)
    x = x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / (rows - 1))).T
    return x @ torch.linalg.cholesky(covariance).T + mean


def test_frechet_of_two_gaussians():
    # Diagonal: |mu|^2 + sum (sigma_r - sigma_m)^2.
    a = gaussian(30, torch.zeros(2).double(), torch.diag(torch.tensor([4.0, 9.0]).double()))
    b = gaussian(50, torch.tensor([3.0, 4.0]).double(), torch.diag(torch.tensor([1.0, 25.0]).double()), seed=1)
    assert frechet_distance(a, b) == pytest.approx(25 + 1 + 4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 2) == pytest.approx(8)


@pytest.mark.parametrize(("rows", "others"), [(40, 60), (4, 60), (3, 5)])  # of full rank, of less on one side, on both
def test_frechet_is_the_one_of_the_matrix_root(rows, others):
    a, b = randn(rows, 6) @ randn(6, 6, seed=2), 2 * randn(others, 6, seed=1) + 1
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(ca)
    root = vectors @ values.clamp_min(0).sqrt().diag() @ vectors.T
    inner = torch.linalg.eigvalsh(root @ cb @ root).clamp_min(0).sqrt().sum()
    if min(rows, others) > 6:  # scipy's root of a singular matrix is inexact
        assert float(inner) == pytest.approx(float(sqrtm((ca @ cb).numpy()).trace().real))
    expected = (a.mean(0) - b.mean(0)).square().sum() + ca.trace() + cb.trace() - 2 * inner
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-5)


def test_mmd_by_hand():
    # Two points each, gamma 1: k(0, 1) = e^-1 within the real ones, k(3, 5) = e^-4 within the made ones.
    real, made = torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [5.0]])
    cross = sum(math.exp(-((r - m) ** 2)) for r in (0, 1) for m in (3, 5)) / 4
    assert squared_mmd(real, made, 1.0) == pytest.approx(math.exp(-1) + math.exp(-4) - 2 * cross)


def test_mmd_is_zero_on_the_average_for_one_distribution():
    # Without bias a set compared with itself is below zero by 2 (1 - mean kernel of pairs) / n.
    x = randn(20, 3)
    kernel = torch.exp(-0.1 * torch.cdist(x, x).square())
    pairs = (kernel.sum() - 20) / (20 * 19)
    assert squared_mmd(x, x, 0.1) == pytest.approx(float(-2 * (1 - pairs) / 20))
    draws = [squared_mmd(randn(30, 3, seed=k), randn(20, 3, seed=100 + k), 0.1) for k in range(200)]
    mean, error = sum(draws) / 200, torch.tensor(draws).std().item() / 200**0.5
    assert abs(mean) < 3 * error
    assert squared_mmd(x, randn(20, 3, seed=1) + 2, 0.1) > 100 * error


def test_gamma_is_one_over_the_median_squared_distance():
    assert median_gamma(torch.tensor([[0.0], [1.0], [3.0]])) == pytest.approx(1 / 4)
    assert median_gamma(torch.arange(20_000.0)[:, None] / 20_000) == pytest.approx(1 / (1 - 0.5**0.5) ** 2, rel=1e-2)


def test_representativeness_and_diversity_are_of_the_extreme_samples():
    real = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    diagonal = torch.tensor([[2.0, 2.0]])
    assert representativeness(real, torch.cat([5 * real[:1], diagonal])) == pytest.approx(0.5**0.5)
    assert representativeness(real, 3 * real) == pytest.approx(1)
    assert diversity(real) == pytest.approx(1)
    assert diversity(torch.cat([real, diagonal])) == pytest.approx(1 - 0.5**0.5)
    assert diversity(torch.cat([real, 7 * real[:1]])) == pytest.approx(0, abs=1e-12)


def test_coverage_counts_real_samples_with_a_neighbour():
    real = torch.tensor([[0.0], [1.0], [10.0], [12.0]])  # radii 1, 1, 2, 2
    assert coverage(real, torch.tensor([[0.5]]), 1) == 0.5
    assert coverage(real, torch.tensor([[-1.0]]), 1) == 0.25  # on the border of the first
    assert coverage(real, torch.tensor([[0.5], [14.0]]), 1) == 0.75
    assert coverage(real, torch.tensor([[50.0]]), 1) == 0
    assert coverage(real, torch.tensor([[21.0]]), 3) == 0.25  # radii 12, 11, 10, 12


def test_a_set_covers_itself():
    x = randn(1500, 4).float()  # more than one block of distances
    x[700:] = x[:800].clone()  # a sample that comes twice has a radius of 0
    assert coverage(x, x, 1) == 1 and coverage(x, x, 5) == 1


def test_single_samples_are_refused():
    for function in (frechet_distance, lambda r, m: squared_mmd(r, m, 1.0), lambda r, m: diversity(m)):
        with pytest.raises(UserError, match="leave"):
            function(randn(5, 2), randn(1, 2))
    with pytest.raises(UserError, match="neighbours is 5; it must be 1 or more and less than the 5"):
        coverage(randn(5, 2), randn(3, 2), 5)


def test_coverage_of_more_than_one_block_of_distances():
    assert coverage(torch.arange(1500.0)[:, None], torch.tensor([[1400.0]]), 1) == pytest.approx(3 / 1500)
