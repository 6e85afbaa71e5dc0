"""Patches of one-channel pictures: side by side as a matrix, and their mean and covariance without that matrix.

A patch of `tall x wide` pixels begins at each of `H - tall + 1` rows and `W - wide + 1` columns of a picture. What a
convolution makes of a picture are products of its kernels w with patches p, so its mean over the batch is w · mean(p)
and its variance w · Cov(p) w.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# That are multiplied with their neighbours at a time: more waste products, fewer make slower ones.
_COLUMNS = 21


def patch_moments(images: Tensor, tall: int, wide: int) -> tuple[Tensor, Tensor]:
    """Mean `[tall wide]` and covariance `[tall wide, tall wide]` of all patches of pictures `[B, H, W]`.

    The sum of the products of two pixels of a patch, over all patches, is one over places of the products of a pixel
    and its neighbour; and each of those is needed by many pairs. That takes 1/20 of the multiplications that the
    patches' matrix would. The pictures should have a mean near 0: products cancel otherwise.
    """
    _, height, width = images.shape
    rows, columns = _windows(tall, height, images), _windows(wide, width, images)
    count = len(images) * (height - tall + 1) * (width - wide + 1)
    mean = (rows @ images.sum(0) @ columns.T).flatten() / count
    products = rows @ _neighbours(images, tall, wide).flatten(1)  # a W (d e): patch row, column, neighbour
    products = columns @ products.view(tall, width, -1)
    products = products.view(tall, wide, tall, 2 * wide - 1)

    row, column = torch.arange(tall * wide) // wide, torch.arange(tall * wide) % wide
    below = row[None, :] >= row[:, None]  # the neighbour; the others follow by symmetry
    upper, left = torch.where(below, row[:, None], row), torch.where(below, column[:, None], column)
    down = (row[None, :] - row[:, None]).abs()
    right = torch.where(below, column - column[:, None], column[:, None] - column)
    return mean, products[upper, left, down, right + wide - 1] / count - torch.outer(mean, mean)


def _windows(size: int, length: int, like: Tensor) -> Tensor:
    """`[size, length]`: where the pixels of patches lie that are first, second, … in their patch."""
    ones = torch.ones(size, length, dtype=like.dtype)
    return ones.triu().tril(length - size)


def _neighbours(images: Tensor, tall: int, wide: int) -> Tensor:
    """`[B, H, W] -> [H, W, tall, 2 wide - 1]`: sums over pictures of the product of each pixel with each neighbour.

    Neighbours are 0 to tall - 1 rows below and from wide - 1 columns to the left to as many to the right.
    """
    count, height, width = images.shape
    result = images.new_empty(height, width + -width % _COLUMNS, tall, 2 * wide - 1)
    around = (0, 0, wide - 1, wide - 1 + -width % _COLUMNS, 0, tall - 1)
    pixels = functional.pad(images.permute(1, 2, 0), around)
    broad = _COLUMNS + 2 * (wide - 1)
    for start in range(0, width, _COLUMNS):
        block = pixels[:, start : start + broad].contiguous()
        each = block[:height, wide - 1 : wide - 1 + _COLUMNS]
        below = block.as_strided((height, tall * broad, count), (broad * count, count, 1))
        # A pixel with all of the block that is not too far below; its neighbours there are a diagonal band.
        products = torch.bmm(each, below.transpose(1, 2))
        steps = (_COLUMNS * tall * broad, tall * broad + 1, broad, 1)
        result[:, start : start + _COLUMNS] = products.as_strided(
            (height, _COLUMNS, tall, 2 * wide - 1), steps
        )
    return result[:, :width]


def patch_rows(images: Tensor, tall: int, wide: int, more: int) -> list[Tensor]:
    """Patches that begin at every second row and column, `[tall wide + more, w B]` for each row that they begin at.

    Args:
        images: `[B, H, W]`.
        tall, wide: size of the patches.
        more: rows of ones below.
    """
    count, height, width = images.shape
    places = (width - wide) // 2 + 1
    pairs = functional.pad(images, (0, width % 2)).view(count, height, -1, 2)
    # Row, even or odd column, half of the column, B: the first pixels of all patches of a row lie one after the other,
    # and so do their second ones and all others.
    pixels = pairs.permute(1, 3, 2, 0).contiguous()
    step = pixels.stride()
    rows = []
    for top in range(0, height - tall + 1, 2):
        row = images.new_empty(tall * wide + more, places * count)
        row[tall * wide :] = 1
        patches = row[: tall * wide].view(tall, wide, -1)
        for odd in (0, 1):
            size = (tall, (wide + 1 - odd) // 2, places * count)
            patches[:, odd::2] = pixels.as_strided(size, (step[0], step[2], 1), top * step[0] + odd * step[1])
        rows.append(row)
    return rows
