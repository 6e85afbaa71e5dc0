"""Look-alikes: warps that turn a person's pictures into pictures of one more person for training.

A face with other proportions is one that nobody in the data has. So all pictures of a person under one warp can stand
for one more person.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MOST_LOOK_ALIKES = 100


@lru_cache(maxsize=MOST_LOOK_ALIKES)
def look_alike_map(number: int, height: int, width: int) -> Tensor:
    """The warp of a number, always the same; number 0 leaves pictures as they are.

    A warp is a stretch of up to 15 %, a smooth bend of up to 6 % of the frame drawn at 4 x 4 points, and the mirror
    image for odd numbers.

    Returns:
        `[2, H, W]` float32: for each pixel of the look-alike, the place in the picture that its grey value is taken
        from; x and y run from -1 to 1.
    """
    identity = functional.affine_grid(torch.eye(2, 3)[None], [1, 1, height, width], align_corners=False)
    place = identity[0].permute(2, 0, 1)
    if number == 0:
        return place
    random = np.random.default_rng(number)
    coarse = torch.from_numpy(random.uniform(-0.12, 0.12, (1, 2, 4, 4)).astype(np.float32))
    bend = functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)[0]
    stretch = torch.from_numpy(random.uniform(0.87, 1.15, (2, 1, 1)).astype(np.float32))
    warped = place * stretch + bend
    return warped * torch.tensor([-1.0, 1.0])[:, None, None] if number % 2 else warped
