"""Small smooth pictures for Fisher vectors."""

import torch

SHAPE = (1, 40, 36)


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """`[count, *SHAPE]`, each with mean 0 and standard deviation 1."""
    coarse = torch.rand(count, 1, 9, 9, generator=torch.Generator().manual_seed(seed))
    images = torch.nn.functional.interpolate(coarse, SHAPE[1:], mode="bicubic")
    return (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)
