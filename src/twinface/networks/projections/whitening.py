"""Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from twinface.core.fields import PositiveInt
from twinface.core.types import Float32Array, FloatArray, IntArray
from twinface.networks.projections.covariance import principal_components, whitening_matrix, within_people
from twinface.networks.projections.linear_map import FittedMap


def whitening(
    embeddings: Float32Array,
    people: IntArray,
    *,
    shrinkage: PositiveFloat = 1.0,
    size: PositiveInt | None = None,
    centre: Literal["mean", "shrunk"] = "mean",
) -> FittedMap:
    """Scales embeddings so that pictures of one person differ equally in all directions.

    The covariance within people is shrunk towards a multiple of the identity, because training people say little about
    directions that the network has overfitted to.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        shrinkage: added to each variance within people, in units of their mean.
        size: principal components that are kept first; None keeps all.
        centre: what is subtracted from each embedding. "mean" is the mean of the training pictures; "shrunk" is
            `shrunken_mean`, for few people.

    Raises:
        DataError: nobody has two pictures.
    """
    mean, axes, centred = principal_components(embeddings, size)
    matrix = axes @ whitening_matrix(within_people(centred, people), shrinkage)
    return FittedMap(shrunken_mean(embeddings, people) if centre == "shrunk" else mean, matrix)


def shrunken_mean(embeddings: Float32Array, people: IntArray) -> FloatArray:
    """The mean over people, made shorter by as much as few people make it too long (James and Stein 1961).

    The mean of P people is the mean of all people, and an error whose squared length is the variance between people
    divided by P. Of seven people the error is often longer than the mean itself, and taking it off does harm. So the
    mean is multiplied by 1 less the share of the error in its squared length: 0 where it may be nothing but error, and
    close to 1 for many people, or where all pictures share a direction (one camera, one light).

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.

    Returns:
        [D]; zeros for one person.

    >>> shrunken_mean(np.array([[3, 1], [3, -1]], np.float32), np.array([0, 1])).round(3).tolist()
    [2.667, 0.0]
    """
    counts = np.bincount(people)
    sums = np.zeros((len(counts), embeddings.shape[1]))
    np.add.at(sums, people, embeddings)
    of_people = sums[counts > 0] / counts[counts > 0, None]
    mean: FloatArray = of_people.mean(axis=0)
    number, length = len(of_people), float(mean @ mean)
    if number < 2 or length == 0:
        return np.zeros_like(mean)
    error = float(np.square(of_people - mean).sum()) / (number - 1) / number
    return mean * max(0.0, 1 - error / length)
