"""Which points come next: random and guided searches."""

from pathlib import Path

import numpy as np
import pytest

from study_files import DRAWN, study_of
from twinface.studies.trials.proposals import RANDOM_FIRST, PastPoint, next_points


@pytest.mark.parametrize("method", ["random", "guided"])
def test_draws_are_a_function_of_the_file_and_of_what_ended(tmp_path: Path, method: str) -> None:
    study = study_of(tmp_path, DRAWN.replace("METHOD", method))
    (search,) = study.searches
    past: list[PastPoint] = []
    while batch := next_points(study, search, past):
        assert batch == next_points(study, search, past)
        past += [PastPoint(point, -abs(point["optimizer.learning_rate"] - 0.01)) for point in batch]
    assert len(past) == 20
    for end in past:
        assert 1e-4 <= end.point["optimizer.learning_rate"] <= 1e-1
        assert end.point["sampling.batch_size"] in range(8, 65, 8)
        assert end.point["loss"] in ("cosface", "arcface")
    assert len({end.point["optimizer.learning_rate"] for end in past}) == 20
    other = study.model_copy(update={"search_seed": 6})
    assert next_points(other, search, []) != next_points(study, search, [])


def test_a_guided_search_comes_nearer_than_a_random_one(tmp_path: Path) -> None:
    def distance(point: dict) -> float:
        return abs(np.log10(point["optimizer.learning_rate"]) + 3) + (point["loss"] != "arcface")

    means = {}
    for method in ("random", "guided"):
        study = study_of(tmp_path, DRAWN.replace("METHOD", method).replace("trials = 20", "trials = 40"))
        past: list[PastPoint] = []
        while batch := next_points(study, study.searches[0], past):
            past += [PastPoint(point, -distance(point)) for point in batch]
        means[method] = np.mean([distance(end.point) for end in past[RANDOM_FIRST:]])
    assert means["guided"] < means["random"]


def test_points_that_failed_do_not_stop_a_search(tmp_path: Path) -> None:
    study = study_of(tmp_path, DRAWN.replace("METHOD", "guided"))
    past: list[PastPoint] = []
    while batch := next_points(study, study.searches[0], past):
        past += [PastPoint(point, None if number % 3 else 0.1) for number, point in enumerate(batch)]
    assert len(past) == 20
