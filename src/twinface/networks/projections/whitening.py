"""Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006)."""

from __future__ import annotations

from pydantic import PositiveFloat

from twinface.core.fields import PositiveInt
from twinface.core.types import Float32Array, IntArray
from twinface.networks.projections.covariance import principal_components, whitening_matrix, within_people
from twinface.networks.projections.linear_map import FittedMap


def whitening(
    embeddings: Float32Array,
    people: IntArray,
    *,
    shrinkage: PositiveFloat = 1.0,
    size: PositiveInt | None = None,
) -> FittedMap:
    """Scales embeddings so that pictures of one person differ equally in all directions.

    The covariance within people is shrunk towards a multiple of the identity, because training people say little about
    directions that the network has overfitted to.

    Args:
        embeddings: [N, D].
        people: [N], the number of the person on each picture.
        shrinkage: added to each variance within people, in units of their mean.
        size: principal components that are kept first; None keeps all.

    Raises:
        DataError: nobody has two pictures.
    """
    mean, axes, centred = principal_components(embeddings, size)
    return FittedMap(mean, axes @ whitening_matrix(within_people(centred, people), shrinkage))
