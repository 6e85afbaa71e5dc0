"""The table of error rates: measured against plain counts, interpolated, kept in a record, refused where it ends."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.types import Float32Array
from twinface.evaluation.operating_points import measure_error_table
from twinface.models.error_table import ErrorTable, OperatingPoint
from twinface.models.fields import parse_fields


def cosine(left: Float32Array, right: Float32Array) -> Float32Array:
    return np.asarray((left * right).sum(-1), np.float32)


def some_people(people: int, seed: int = 0) -> tuple[Float32Array, np.ndarray]:
    """Three pictures of each person, 8 numbers each, of length 1."""
    random = np.random.default_rng(seed)
    places = np.repeat(random.normal(size=(people, 8)), 3, axis=0)
    embeddings = places + 0.5 * random.normal(size=places.shape)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), np.repeat(np.arange(people), 3)


@pytest.fixture(scope="module")
def table() -> ErrorTable:
    found = measure_error_table(*some_people(40), cosine, "40 people")
    assert found
    return found


def test_rates_equal_plain_counts(table: ErrorTable) -> None:
    embeddings, people = some_people(40)
    scores = cosine(embeddings[:, None], embeddings[None])
    upper = np.triu(np.ones_like(scores, bool), 1)
    same = people[:, None] == people[None]
    for point in table.points:
        assert point.fmr == pytest.approx(np.mean(scores[upper & ~same] >= point.threshold))
        assert point.fnmr == pytest.approx(np.mean(scores[upper & same] < point.threshold))
        assert point.fmr_low <= point.fmr <= point.fmr_high
        assert point.fnmr_low <= point.fnmr <= point.fnmr_high


def test_no_rate_is_lower_than_the_people_support(table: ErrorTable) -> None:
    couples = 40 * 39 / 2
    assert table.points[-1].fmr >= 0.9 * 3 / couples  # three couples are expected to be accepted
    assert measure_error_table(*some_people(2), cosine, "2 people") is None


def test_between_two_points_rates_are_interpolated(table: ErrorTable) -> None:
    for low, high in zip(table.points, table.points[1:], strict=False):
        middle = table.point_at(float(np.sqrt(low.fmr * high.fmr)))
        assert middle.threshold == pytest.approx((low.threshold + high.threshold) / 2)
        assert table.fmr_at(middle.threshold) == pytest.approx(middle.fmr)
        assert low.fnmr <= middle.fnmr <= high.fnmr
    for point in table.points:
        assert table.point_at(point.fmr) == point
        assert table.fmr_at(point.threshold) == pytest.approx(point.fmr)


def test_the_ends(table: ErrorTable) -> None:
    first, last = table.points[0], table.points[-1]
    assert table.fmr_at(first.threshold - 0.01) == 1.0
    assert table.fmr_at(last.threshold + 1) == last.fmr
    for far in (last.fmr / 2, 0.9, 0.0, float("nan")):
        with pytest.raises(DataError, match=r"was not measured for this model: found 0\.\d+ to 0\.5"):
            table.point_at(far)


def test_the_threshold_for_a_false_reject_rate(table: ErrorTable) -> None:
    threshold = table.threshold_at_frr(0.05)
    embeddings, people = some_people(40)
    genuine = [
        cosine(embeddings[i], embeddings[j]) for i in range(120) for j in range(i) if people[i] == people[j]
    ]
    assert np.mean(np.array(genuine) < threshold) == pytest.approx(0.05, abs=0.02)
    assert table.threshold_at_frr(1.0) == table.points[-1].threshold
    with pytest.raises(DataError, match="a false reject rate of 0 was not measured"):
        replace(table, points=tuple(replace(p, fnmr=p.fnmr + 0.1) for p in table.points)).threshold_at_frr(0)


def test_it_survives_json(table: ErrorTable) -> None:
    text = json.dumps(table.to_dict())
    assert ErrorTable.from_fields(parse_fields(text)) == table


def test_points_out_of_order_are_refused(table: ErrorTable) -> None:
    first, second = table.points[:2]
    for points in (
        (first,),
        (second, first),
        (first, replace(second, fmr=first.fmr, fmr_high=1.0)),
        (first, replace(second, fmr=0.0, fmr_low=0.0)),
    ):
        text = json.dumps(replace(table, points=points).to_dict())
        with pytest.raises(ValueError, match="rising thresholds, falling FMR"):
            ErrorTable.from_fields(parse_fields(text))


def test_a_list_that_is_no_list_is_named() -> None:
    for points, found in (
        ("3", "found 3"),
        ("[3]", r"points\[0\]: found 3, need an object"),
        ("{}", "an object"),
    ):
        with pytest.raises(ValueError, match=found):
            ErrorTable.from_fields(parse_fields(f'{{"points": {points}, "people": 3, "measured_on": ""}}'))


def test_the_lowest_rate_bounds_every_higher_score() -> None:
    points = tuple(OperatingPoint(t, fmr, 0, 1, 0, 0, 1) for t, fmr in ((0.0, 0.5), (1.0, 0.01)))
    assert ErrorTable(points, 10, "ten people").fmr_at(0.5) == pytest.approx(np.sqrt(0.5 * 0.01))
