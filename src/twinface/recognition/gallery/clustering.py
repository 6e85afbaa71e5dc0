"""Embeddings of unnamed faces → groups, one for each person.

Average linkage: the two groups with the highest mean score between their faces become one, again and again, until no
mean is high enough. Two faces of one photo are two people, so groups that share a photo never become one.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from twinface.core.errors import ModelError
from twinface.core.types import Float32Array, IntArray
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.fusion import angular_length
from twinface.recognition.gallery.ranking import directions
from twinface.recognition.gallery.score_rates import ScoreRates

# Links of strangers for each face that are expected among pairs of single faces.
_WRONG_LINKS = 0.01
_LOOSE = 1e-3  # the false match rate of pairs that are looked at, at least
_NEIGHBOURS = 64  # of a face
_BLOCK = 512


@dataclass
class _Group:
    """Some faces that are taken for one person.

    Attributes:
        faces: their rows.
        total: [E] the sum of their directions.
        less: the sum of what is subtracted from their products.
        photos: that they are on.
        near: numbers of groups that it may be joined with.
    """

    faces: list[int]
    total: Float32Array
    less: float
    photos: set[int]
    near: set[int]


def group_faces(
    embeddings: Float32Array, photos: IntArray, record: ModelRecord, rates: ScoreRates
) -> IntArray:
    """Groups faces by person.

    Args:
        embeddings: [N, D] float32.
        photos: [N], the photo that each face is on.
        record: of the model; it must compare embeddings by their angle.
        rates: of the model, for the score from which on two groups are one person.

    Returns:
        [N] int64, the number of each face's group; the largest group is number 0.

    Raises:
        ModelError: the model compares embeddings in another way.
    """
    if not angular_length(embeddings.shape[1], record.distance):
        raise ModelError(
            f"{record.name}: compares embeddings by {record.distance}, and faces are grouped by cosines: take another "
            "model"
        )
    count = len(embeddings)
    if not count:
        return np.zeros(0, np.int64)
    rows, less = directions(embeddings, record.distance)
    scale, bias = (float(record.distance_parameters[name]) for name in ("scale", "bias"))
    # So many pairs of strangers reach the score that one face in a hundred is linked wrongly.
    wanted = min(_LOOSE, 2 * _WRONG_LINKS / max(1, count - 1))
    least = (rates.score_at_fmr(wanted) - bias) / scale
    loose = (rates.score_at_fmr(_LOOSE) - bias) / scale
    groups = {
        row: _Group([row], rows[row], float(less[row]), {int(photos[row])}, set()) for row in range(count)
    }
    _link(groups, rows, less, loose)
    _join(groups, least, count)
    labels = np.zeros(count, np.int64)
    ordered = sorted(groups.values(), key=lambda group: (-len(group.faces), min(group.faces)))
    for number, group in enumerate(ordered):
        labels[group.faces] = number
    return labels


def _link(groups: dict[int, _Group], rows: Float32Array, less: Float32Array, loose: float) -> None:
    """Says for each face which others are near."""
    for start in range(0, len(rows), _BLOCK):
        scores = rows[start : start + _BLOCK] @ rows.T - less - less[start : start + _BLOCK, None]
        if scores.shape[1] > _NEIGHBOURS:
            floor = np.partition(scores, -_NEIGHBOURS, axis=1)[:, -_NEIGHBOURS, None]
            scores = np.where(scores >= floor, scores, -np.inf)
        for row, column in zip(*np.nonzero(scores >= loose), strict=True):
            first, second = int(row) + start, int(column)
            if first != second:
                groups[first].near.add(second)
                groups[second].near.add(first)


def _join(groups: dict[int, _Group], least: float, count: int) -> None:
    """Joins the two groups with the highest mean score until it is below `least`."""
    waiting: list[tuple[float, int, int]] = []
    for number, group in groups.items():
        for near_one in group.near:
            if number < near_one:
                _offer(waiting, groups, number, near_one, least)
    new = count
    while waiting:
        _, first, second = heapq.heappop(waiting)
        if first not in groups or second not in groups:
            continue  # one of them is part of a larger group by now
        one, other = groups.pop(first), groups.pop(second)
        near = {number for number in one.near | other.near if number in groups}
        groups[new] = _Group(
            one.faces + other.faces,
            one.total + other.total,
            one.less + other.less,
            one.photos | other.photos,
            near,
        )
        for number in near:
            groups[number].near.add(new)
            _offer(waiting, groups, new, number, least)
        new += 1


def _offer(
    waiting: list[tuple[float, int, int]], groups: dict[int, _Group], first: int, second: int, least: float
) -> None:
    """Puts two groups on the list, if they may be one person."""
    one, other = groups[first], groups[second]
    sizes = len(one.faces), len(other.faces)
    mean = (
        float(one.total @ other.total) / (sizes[0] * sizes[1]) - one.less / sizes[0] - other.less / sizes[1]
    )
    if mean >= least and one.photos.isdisjoint(other.photos):
        heapq.heappush(waiting, (-mean, first, second))
