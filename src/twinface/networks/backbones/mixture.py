"""A mixture of Gaussians that is closed under mirroring."""

from __future__ import annotations

import torch
from torch import Tensor

KMEANS_STEPS, EM_STEPS = 8, 10
SMALLEST_VARIANCE = 1e-3  # of a Gaussian along a direction, in units of all values' variance


def fit_mixture(
    values: Tensor, half: int, random: torch.Generator, signs: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """A symmetric mixture of Gaussians with diagonal covariances, by k-means and then expectation-maximisation.

    It is fitted to the values and their mirror images alike, and each Gaussian's mirror image is in it.

    Args:
        values: `[M, D]`.
        half: K, half the number of Gaussians, at most M.
        random: which values the K begin with.
        signs: `[D]` of 1 and -1, what mirroring multiplies a value by.

    Returns:
        Of the half whose mirror images are the other half: means `[K, D]`, variances `[K, D]` and shares `[K]`, which
        sum to 1/2.
    """
    # The values and their mirror images have this variance; the means of those that change sign are 0.
    every = values.square().mean(0) - torch.where(signs > 0, values.mean(0), 0.0).square()
    every = every.clamp_min(1e-12)
    smallest = SMALLEST_VARIANCE * every
    means = values[torch.randperm(len(values), generator=random)[:half]]
    for step in range(KMEANS_STEPS):
        both = with_mirror_images(means, signs) / every.sqrt()
        nearest = torch.cat(
            [torch.cdist(part / every.sqrt(), both).argmin(1) for part in torch.split(values, 8192)]
        )
        # A value whose nearest is a mirror image belongs, mirrored, to the original.
        owner = nearest % half
        turned = torch.where(nearest[:, None] < half, values, values * signs)
        counts = torch.bincount(owner, minlength=half)[:, None]
        if step < KMEANS_STEPS - 1:
            sums = torch.zeros_like(means).index_add_(0, owner, turned)
            means = torch.where(counts > 0, sums / counts.clamp_min(1), means)
    squares = torch.zeros_like(means).index_add_(0, owner, (turned - means[owner]).square())
    variances = torch.where(counts > 1, squares / counts.clamp_min(1), every).clamp_min(smallest)
    shares = (counts[:, 0].float() + 1) / (len(values) + half) / 2
    for _ in range(EM_STEPS):
        weights = likelihoods(*whole_mixture(means, variances, shares, signs)).T
        sums = torch.zeros_like(weights.T)
        for part in torch.split(values, 8192):
            seen = moments(part)
            sums += torch.softmax(seen @ weights, dim=1).T @ seen
        sums = sums[:half] + sums[half:] * torch.cat([signs, torch.ones(len(signs) + 1)])
        first, taken, second = torch.split(sums, [len(signs), 1, len(signs)], dim=1)
        first, second = first / taken.clamp_min(1e-6), second / taken.clamp_min(1e-6)
        # A Gaussian that takes nothing stays where it is.
        used = taken > 1e-3
        means = torch.where(used, first, means)
        variances = torch.where(used, second - first.square(), variances).maximum(smallest)
        shares = (taken[:, 0] / taken.sum() / 2).clamp_min(1e-6)
    return means, variances, shares


def with_mirror_images(means: Tensor, signs: Tensor) -> Tensor:
    """`[K, D] -> [2 K, D]`: means, and then those of their mirror images."""
    return torch.cat([means, means * signs])


def whole_mixture(
    means: Tensor, variances: Tensor, shares: Tensor, signs: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Means `[2 K, D]`, variances `[2 K, D]` and shares `[2 K]` of all Gaussians, mirror images last.

    Args: one half of them, as `fit_mixture` gives it, and its `signs`.
    """
    return (
        with_mirror_images(means, signs),
        torch.cat([variances, variances]),
        torch.cat([shares, shares]),
    )


def moments(values: Tensor) -> Tensor:
    """`[..., D] -> [..., D + 1 + D]`: each value, 1, and the squares."""
    return torch.cat([values, torch.ones_like(values[..., :1]), values * values], dim=-1)


def likelihoods(means: Tensor, variances: Tensor, shares: Tensor) -> Tensor:
    """`[K, D + 1 + D]`: each Gaussian's log-likelihood as a linear function of `moments`, but for what all share."""
    precisions = 1 / variances
    offsets = shares.log() - 0.5 * (variances.log().sum(1) + (means.square() * precisions).sum(1))
    return torch.cat([means * precisions, offsets[:, None], -0.5 * precisions], dim=1)
