"""How far a set is from real data, in the space of some features: the arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.errors import UserError

# Rows that the median distance is taken over at most, and distances in memory at once.
_MEDIAN_ROWS = 6000
_CHUNK = 1024


def frechet_distance(real: Tensor, made: Tensor) -> float:
    """Return the squared Fréchet distance of two Gaussians that are fitted to features: FID, if they are Inception's.

    ``|mu_r - mu_m|^2 + tr(S_r + S_m - 2 (S_r S_m)^(1/2))`` with covariances over N - 1. Heusel et al., GANs trained by
    a two time-scale update rule (NeurIPS 2017), Eq. 6. With ``S = R^T R`` the trace of the root is the sum of the
    singular values of ``R_r R_m^T``, so that neither a covariance nor its root is ever formed.

    Few samples make it too large (their covariance has a rank of N - 1 at most): compare sets of equal count alone.

    Args:
        real: Features ``(N, F)``.
        made: Features ``(M, F)``.

    Raises:
        UserError: A set has a single sample and so no covariance.
    """
    if min(len(real), len(made)) < 2:
        raise UserError("a Fréchet distance needs two samples or more on each side: leave fid out")
    real, made = real.double(), made.double()
    roots = []
    for x in (real, made):
        centred = (x - x.mean(0)) / (len(x) - 1) ** 0.5
        roots.append(torch.linalg.qr(centred, mode="r").R if len(x) > x.shape[1] else centred)
    spread = sum(root.square().sum() for root in roots)
    shared = torch.linalg.svdvals(roots[0] @ roots[1].mT).sum()
    return float(((real.mean(0) - made.mean(0)).square().sum() + spread - 2 * shared).clamp_min(0))


def median_gamma(real: Tensor) -> float:
    """Return the kernel's ``gamma``: one over the median squared distance of two real samples, of 6,000 at most."""
    rows = real[torch.linspace(0, len(real) - 1, min(len(real), _MEDIAN_ROWS)).long()]
    return 1 / float(torch.pdist(rows.double()).square().median().clamp_min(1e-12))


def squared_mmd(real: Tensor, made: Tensor, gamma: float) -> float:
    """Return the squared maximum mean discrepancy for the kernel ``exp(-gamma |x - y|^2)``, without bias.

    Gretton et al., A kernel two-sample test (JMLR 13, 2012), Lemma 6. It is negative as often as positive where both
    are of one distribution.

    Args:
        real: Features ``(N, F)``.
        made: Features ``(M, F)``.
        gamma: Of the kernel; :func:`median_gamma` of the real ones, so that all sets meet the same kernel.

    Raises:
        UserError: A set has a single sample.
    """
    if min(len(real), len(made)) < 2:
        raise UserError("an unbiased mmd needs two samples or more on each side: leave mmd out")

    def total(x: Tensor, y: Tensor) -> float:
        parts = x.double().split(_CHUNK)
        return float(sum(torch.exp(-gamma * torch.cdist(part, y.double()).square()).sum() for part in parts))

    n, m = len(real), len(made)
    # A sample with itself gives 1.
    within = (total(real, real) - n) / (n * (n - 1)) + (total(made, made) - m) / (m * (m - 1))
    return within - 2 * total(real, made) / (n * m)


def representativeness(real: Tensor, made: Tensor) -> float:
    """Return the cosine similarity of the made sample that is farthest from any real one with its closest real one.

    ``min_m max_r cos(m, r)``: 1 at best. Gu et al., Efficient dataset distillation via minimax diffusion (CVPR 2024),
    as it is reported for ManifoldGD (arXiv 2602.23295).
    """
    return float(_cosines(made, real).amax(1).min())


def diversity(made: Tensor) -> float:
    """Return 1 less the cosine similarity of the two made samples that are most alike: 0 where a sample comes twice.

    ``1 - max_{m != n} cos(m, n)``. Sources as for :func:`representativeness`.

    Raises:
        UserError: There is a single sample.
    """
    if len(made) < 2:
        raise UserError("diversity compares two samples of a class or more: leave it out")
    return float(1 - _cosines(made, made).fill_diagonal_(-torch.inf).max())


def coverage(real: Tensor, made: Tensor, neighbours: int) -> float:
    """Return the share of real samples that have a made one as close as their k-th real neighbour, or closer.

    Naeem et al., Reliable fidelity and diversity metrics for generative models (ICML 2020), Eq. 4. A set of fewer
    samples covers less: compare sets of equal count.

    Args:
        real: Features ``(N, F)``.
        made: Features ``(M, F)``.
        neighbours: k; fewer than there are real samples.

    Raises:
        UserError: k is out of its range.
    """
    if not 1 <= neighbours < len(real):
        raise UserError(f"neighbours is {neighbours}; it must be 1 or more and less than the {len(real)} real samples")
    covered = 0
    for rows in torch.arange(len(real)).split(_CHUNK):
        own = real[rows].double()
        # The exact sum of squares: with torch's faster product equal samples would be apart.
        among = torch.cdist(own, real.double(), compute_mode="donot_use_mm_for_euclid_dist")
        among[torch.arange(len(rows)), rows] = torch.inf
        radius = among.topk(neighbours, dim=1, largest=False).values[:, -1]
        closest = torch.cdist(own, made.double(), compute_mode="donot_use_mm_for_euclid_dist").amin(1)
        covered += int((closest <= radius).sum())
    return covered / len(real)


def _cosines(a: Tensor, b: Tensor) -> Tensor:
    a, b = a.double(), b.double()
    return (a / a.norm(dim=1, keepdim=True).clamp_min(1e-12)) @ (b / b.norm(dim=1, keepdim=True).clamp_min(1e-12)).mT
