"""Samplers: which pictures make a batch, as a pure function of (seed, epoch).

pairs     batches of labelled pairs: given ones, or drawn ones
pictures  batches of single pictures, for losses that need people
batch     a batch, and the interface of all samplers

A sampler is built from a `TrainingSource` and its keyword-only settings. It returns all batches of an epoch at once. A
new sampler is one class in one file here and one line in `SAMPLERS`.
"""

from __future__ import annotations

from collections.abc import Callable

from twinface.training.sampling.batch import Batch, Sampler
from twinface.training.sampling.pairs import DrawnPairs, GivenPairs
from twinface.training.sampling.pictures import Images, PeopleImages

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "given-pairs": GivenPairs,
    "drawn-pairs": DrawnPairs,
    "images": Images,
    "people-images": PeopleImages,
}

__all__ = ["SAMPLERS", "Batch", "DrawnPairs", "GivenPairs", "Images", "PeopleImages", "Sampler"]
