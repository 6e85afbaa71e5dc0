"""A mixture of Gaussians that is symmetric: it contains the mirror image of each of its Gaussians.

A mixture is stored as one half, of K Gaussians with diagonal covariances: means `[K, D]`, variances `[K, D]` and shares
`[K]`, which sum to 1/2. The other half has the same shares and variances, and means multiplied by `signs` `[D]`, the
1 or -1 by which mirroring a picture multiplies each of the D numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

KMEANS_STEPS, EM_STEPS = 8, 10
SMALLEST_VARIANCE = 1e-3  # of a Gaussian along a direction, in units of the variance of all values
CHUNK = 8192  # values that are compared with all Gaussians at a time

Mixture = tuple[Tensor, Tensor, Tensor]  # means, variances, shares


def fit_mixture(values: Tensor, half: int, random: torch.Generator, signs: Tensor) -> Mixture:
    """Fits a symmetric mixture to values and their mirror images, by k-means and then expectation-maximisation.

    Args:
        values: `[M, D]`.
        half: K, half the number of Gaussians, at most M.
        random: draws the values that k-means starts from.
        signs: `[D]`, see above.

    Returns:
        Means `[K, D]`, variances `[K, D]` and shares `[K]` of one half.
    """
    # The variance of values and mirror images together; the mean of a number that changes sign is 0.
    total = values.square().mean(0) - torch.where(signs > 0, values.mean(0), 0.0).square()
    total = total.clamp_min(1e-12)
    mixture = _k_means(values, half, random, signs, total)
    for _ in range(EM_STEPS):
        mixture = _maximise(values, mixture, signs, SMALLEST_VARIANCE * total)
    return mixture


def _k_means(values: Tensor, half: int, random: torch.Generator, signs: Tensor, total: Tensor) -> Mixture:
    """K-means in units of the total standard deviations `total.sqrt()`; the variances are those of the clusters."""
    means = values[torch.randperm(len(values), generator=random)[:half]]
    for step in range(KMEANS_STEPS):
        both = with_mirror_images(means, signs) / total.sqrt()
        nearest = torch.cat(
            [torch.cdist(part / total.sqrt(), both).argmin(1) for part in torch.split(values, CHUNK)]
        )
        # A value that is nearest to a mirror image belongs, mirrored, to the original.
        owner = nearest % half
        turned = torch.where(nearest[:, None] < half, values, values * signs)
        counts = torch.bincount(owner, minlength=half)[:, None]
        if step < KMEANS_STEPS - 1:
            sums = torch.zeros_like(means).index_add_(0, owner, turned)
            means = torch.where(counts > 0, sums / counts.clamp_min(1), means)
    squares = torch.zeros_like(means).index_add_(0, owner, (turned - means[owner]).square())
    variances = torch.where(counts > 1, squares / counts.clamp_min(1), total)
    shares = (counts[:, 0].float() + 1) / (len(values) + half) / 2
    return means, variances.clamp_min(SMALLEST_VARIANCE * total), shares


def _maximise(values: Tensor, mixture: Mixture, signs: Tensor, smallest: Tensor) -> Mixture:
    """One step of expectation-maximisation; no variance becomes smaller than `smallest` `[D]`."""
    means, variances, shares = mixture
    half = len(means)
    weights = likelihoods(*whole_mixture(means, variances, shares, signs)).T
    sums = torch.zeros_like(weights.T)
    for part in torch.split(values, CHUNK):
        seen = moments(part)
        sums += torch.softmax(seen @ weights, dim=1).T @ seen
    sums = sums[:half] + sums[half:] * torch.cat([signs, torch.ones(len(signs) + 1)])
    first, taken, second = torch.split(sums, [len(signs), 1, len(signs)], dim=1)
    first, second = first / taken.clamp_min(1e-6), second / taken.clamp_min(1e-6)
    # A Gaussian without values stays where it is.
    used = taken > 1e-3
    means = torch.where(used, first, means)
    variances = torch.where(used, second - first.square(), variances).maximum(smallest)
    return means, variances, (taken[:, 0] / taken.sum() / 2).clamp_min(1e-6)


def with_mirror_images(means: Tensor, signs: Tensor) -> Tensor:
    """Means `[K, D]` → `[2 K, D]`: the means, then those of their mirror images."""
    return torch.cat([means, means * signs])


def whole_mixture(means: Tensor, variances: Tensor, shares: Tensor, signs: Tensor) -> Mixture:
    """One half and its signs → means `[2 K, D]`, variances `[2 K, D]` and shares `[2 K]`, mirror images last."""
    return (
        with_mirror_images(means, signs),
        torch.cat([variances, variances]),
        torch.cat([shares, shares]),
    )


def moments(values: Tensor) -> Tensor:
    """`[..., D] -> [..., D + 1 + D]`: the values, 1, and the squares of the values."""
    return torch.cat([values, torch.ones_like(values[..., :1]), values * values], dim=-1)


def likelihoods(means: Tensor, variances: Tensor, shares: Tensor) -> Tensor:
    """Each Gaussian's log-likelihood as a linear function of `moments`, up to a constant that all have in common.

    Args:
        means, variances, shares: of the whole mixture.

    Returns:
        `[K, D + 1 + D]`.
    """
    precisions = 1 / variances
    offsets = shares.log() - 0.5 * (variances.log().sum(1) + (means.square() * precisions).sum(1))
    return torch.cat([means * precisions, offsets[:, None], -0.5 * precisions], dim=1)
