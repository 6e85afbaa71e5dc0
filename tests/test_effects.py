"""What factors do: effects, interactions and importances, against plain means."""

import numpy as np
import pytest

from twinface.studies.effects import importances, interactions, main_effects
from twinface.studies.study import Part


def plan(**vary: list) -> Part:
    return Part(name="p", vary=vary)


def test_main_effects_against_plain_means() -> None:
    part = plan(rate=[1, 2, 3], size=["s", "l"])
    points = part.grid()
    drawn = np.random.default_rng(0)
    values = [
        [
            0.1 * point["rate"] + (0.5 if point["size"] == "l" else 0.0) + noise
            for noise in drawn.normal(0, 0.01, 2)
        ]
        for point in points
    ]
    strongest, weaker = main_effects(part, points, values)
    assert (strongest.field, weaker.field) == ("size", "rate")
    assert strongest.balanced
    for level in weaker.levels:
        own = [
            value
            for point, each in zip(points, values, strict=True)
            for value in each
            if str(point["rate"]) == level.label
        ]
        assert level.mean == pytest.approx(np.mean(own))
        assert level.runs == 4
        # The other factor's half is taken out, so that what is left is the noise.
        assert level.margin < 0.05
    assert strongest.share + weaker.share == pytest.approx(1, abs=0.01)
    assert importances(part, points * 2, values * 2)["size"] > 0.5


def test_interactions_are_what_neither_factor_does_alone() -> None:
    part = plan(one=[0, 1], other=[0, 1], third=[0, 1])
    points = part.grid()
    both = [[float(point["one"] ^ point["other"])] for point in points]
    strongest = interactions(part, points, both)[0]
    assert strongest.fields == ("one", "other")
    assert strongest.share == pytest.approx(1)
    apart = [[float(point["one"] + point["other"])] for point in points]
    assert interactions(part, points, apart)[0].share == pytest.approx(0, abs=1e-9)


def test_an_unbalanced_plan_is_called_so() -> None:
    part = plan(one=[0, 1], other=[0, 1])
    points = part.grid()[:3]
    effects = main_effects(part, points, [[0.1], [0.2], [0.3]])
    assert not any(effect.balanced for effect in effects)
