"""PLDA: probabilistic linear discriminant analysis (Prince and Elder 2007; Chen et al. 2012, "Joint Bayesian")."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from twinface.core.errors import DataError
from twinface.core.fields import PositiveInt
from twinface.core.types import Float32Array, IntArray
from twinface.networks.projections.covariance import principal_components, whitening_matrix, within_people
from twinface.networks.projections.linear_map import FittedMap


def plda(
    embeddings: Float32Array,
    people: IntArray,
    *,
    shrinkage: PositiveFloat = 1.0,
    size: PositiveInt | None = None,
) -> FittedMap:
    """Maps each picture to the expected place of its person, in the model of two covariances.

    The model: a person's place is Gaussian, and the person's pictures are Gaussian around it. After whitening, along
    each direction the variance within people is 1 and the variance between people is some v. If z is the coordinate of
    one picture, the expected coordinate of its person is z v / (1 + v). So directions in which people differ are kept,
    and the others shrink towards the mean of all people. Two such places are compared by their cosine, which is more
    accurate here than the model's likelihood ratio (docs/accuracy.md). Directions in which people do not differ are
    left out, so P is mostly well below `size`.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        shrinkage: added to each variance within people, in units of their mean.
        size: principal components that are kept first; None keeps all.

    Raises:
        DataError: nobody has two pictures, or people differ in no direction.
    """
    mean, axes, centred = principal_components(embeddings, size)
    within = within_people(centred, people)
    whitener = whitening_matrix(within, shrinkage)
    between = centred.T @ centred / len(centred) - within
    variances, directions = np.linalg.eigh(whitener.T @ between @ whitener)
    # Where the estimate is not positive, people differ no more than pictures of one person do. With fewer pictures than
    # directions some are zero up to rounding, and embeddings would be divided by them.
    kept = variances > np.finfo(np.float64).eps * len(variances) * variances[-1]
    if not kept.any():
        raise DataError(
            "projection: in no direction do people differ more than pictures of one person do; "
            'set projection.name to "none"'
        )
    variances, directions = variances[kept], directions[:, kept]
    return FittedMap(mean, axes @ whitener @ directions * (variances / (1 + variances)), variances)
