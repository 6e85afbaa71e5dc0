"""Scores by models without the people who are scored: against a plain loop, and with groups that hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from toy_training import toy_network
from twinface.core.errors import DataError, SettingsError
from twinface.core.settings import Settings
from twinface.core.types import FaceSet
from twinface.datasets.draw_pairs import draw_pairs_in_groups
from twinface.networks.projections.whitening import shrunken_mean
from twinface.training.cross_fitting import cross_fitted_scores
from twinface.training.finalize import fit_to_people
from twinface.training.recipe import load_recipe


def people_of(*photos: int) -> FaceSet:
    people = np.repeat(np.arange(len(photos)), photos)
    names = tuple(f"p{number}" for number in range(len(photos)))
    paths = tuple(f"{person}/{row}.jpg" for row, person in enumerate(people))
    return FaceSet("photos", None, paths, people, names)  # type: ignore[arg-type]


@pytest.mark.parametrize("photos", [[2] * 12, [3, 3, 1, 1, 1, 1, 2, 1], [4, 4]])
def test_both_people_of_a_pair_are_in_one_group(photos: list[int]) -> None:
    pairs = draw_pairs_in_groups(people_of(*photos), 5, seed=2)
    assert pairs.fold is not None
    groups: dict[int, set[int]] = {}
    for group, (left, right), same in zip(pairs.fold, pairs.people, pairs.is_match, strict=True):
        assert same == (left == right)
        groups.setdefault(int(group), set()).update((int(left), int(right)))
    members = [person for group in groups.values() for person in group]
    assert len(members) == len(set(members)), "nobody is in two groups"
    assert len(groups) == max(1, min(5, len(photos) // 2, sum(number > 1 for number in photos)))
    for group in groups:
        assert set(pairs.is_match[pairs.fold == group].tolist()) == {True, False}


def test_scores_are_those_of_models_without_the_people() -> None:
    faces = people_of(*[3] * 8)
    embeddings = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    settings = Settings.model_validate(
        {"projection": {"name": "whitening", "centre": "shrunk"}, "trainer": {"epochs": 0}}
    )
    network = toy_network().eval()
    pairs = draw_pairs_in_groups(faces, 3, seed=0)
    found = cross_fitted_scores(network, settings, embeddings, pairs)
    assert network.projection is None, "the network itself is left as it was"
    assert pairs.fold is not None
    for row in range(len(pairs)):
        inside = set(pairs.people[pairs.fold == pairs.fold[row]].ravel().tolist())
        others = [number for number in range(24) if faces.people[number] not in inside]
        _, names = np.unique(faces.people[others], return_inverse=True)
        fit_to_people(network, settings, embeddings[others], names)
        with torch.inference_mode():
            left, right = (
                network.project(torch.from_numpy(embeddings[side[row]][None]))
                for side in (pairs.left, pairs.right)
            )
            assert found.scores[row] == pytest.approx(float(network.score(left, right)[0]), abs=1e-6)


def test_one_group_cannot_be_scored_without_itself() -> None:
    pairs = draw_pairs_in_groups(people_of(2, 2), 5, seed=0)
    with pytest.raises(DataError, match="one group of people, need two or more"):
        cross_fitted_scores(toy_network(), Settings(), np.zeros((4, 4), np.float32), pairs)


def test_what_does_not_go_with_cross_fitting_is_refused() -> None:
    for change in ("trainer.epochs=3", "data.cross_fitting=1"):
        with pytest.raises(SettingsError, match=r"data\.cross_fitting"):
            load_recipe("sface", ["data.cross_fitting=5", change])
    assert load_recipe("sface", ["projection=none", "data.cross_fitting=1"]).data.cross_fitting == 1


def test_the_shrunken_mean_is_short_for_chance_and_whole_for_a_shared_direction() -> None:
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(10), 4)
    centres = random.normal(size=(10, 64))
    chance = (centres[people] + 0.1 * random.normal(size=(40, 64))).astype(np.float32)
    assert np.linalg.norm(shrunken_mean(chance, people)) < 0.4 * np.linalg.norm(chance.mean(0))
    shared = chance + np.float32(5)
    np.testing.assert_allclose(shrunken_mean(shared, people), shared.mean(0), rtol=0.01)
    assert not shrunken_mean(chance[:4], people[:4]).any(), "one person says nothing of the others"
    uneven = np.repeat(np.arange(3), [1, 1, 30])
    rows = np.concatenate([np.eye(3)[[0, 1]], np.tile(np.eye(3)[2], (30, 1))]).astype(np.float32) + 9
    mean = shrunken_mean(rows, uneven)
    assert np.ptp(mean) < 1e-6, "a person with many pictures counts once"
