"""The cohort: against a plain loop, in both forms of a model, from names and from pairs alone."""

import numpy as np
import pytest
import torch

from conftest import TINY, train_tiny
from twinface.checkpoint import load_twin
from twinface.cohort import Cohort, draw_cohort
from twinface.config import CohortSettings
from twinface.distances import DISTANCES
from twinface.errors import SettingsError
from twinface.interruption import StopRequest
from twinface.onnx_model import OnnxModel
from twinface.recipe import load_recipe
from twinface.runs import RunFolder
from twinface.trainer import Watcher
from twinface.training_data import DataSource
from twinface.training_run import continue_run, start_run


def test_scores_against_a_plain_loop() -> None:
    drawn = np.random.default_rng(0)
    strangers = drawn.normal(size=(9, 5))
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    faces = drawn.normal(size=(6, 5))

    def cosine(one: np.ndarray, other: np.ndarray) -> float:
        return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

    def near(face: np.ndarray) -> float:
        return sum(sorted((cosine(face, stranger) for stranger in strangers), reverse=True)[:3]) / 3

    cohort = Cohort(torch.from_numpy(strangers), 3)
    embeddings = cohort(torch.from_numpy(faces)).numpy()
    assert embeddings.shape == (6, 6)
    parameters = {"scale": 2.0, "bias": 0.5}
    found = DISTANCES["local-cosine"].score(embeddings[:3], embeddings[3:], parameters)
    for left, right, score in zip(faces[:3], faces[3:], found, strict=True):
        assert score == pytest.approx(2 * (cosine(left, right) - (near(left) + near(right)) / 2) + 0.5)


def test_a_face_that_resembles_everybody_loses_most() -> None:
    strangers = torch.nn.functional.normalize(torch.tensor([[1.0, 0.2], [1.0, -0.2], [1.0, 0.0]]), dim=1)
    like_all, like_none = Cohort(strangers, 2)(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))[:, -1]
    assert like_all > like_none


def test_one_picture_of_each_person_is_drawn() -> None:
    people = np.repeat(np.arange(40), 5)
    rows = draw_cohort(people, CohortSettings(faces=30, nearest=5), np.random.default_rng(0))
    assert len(rows) == len(set(people[rows])) == 30
    every = draw_cohort(people, CohortSettings(faces=1000, nearest=5), np.random.default_rng(0))
    assert len(every) == len(set(people[every])) == 40
    with pytest.raises(SettingsError, match="found 40 training people, need more"):
        draw_cohort(people, CohortSettings(faces=1000, nearest=40), np.random.default_rng(0))


@pytest.mark.parametrize("projection", ["none", "plda"])
def test_both_forms_of_a_model_agree(tmp_path, projection: str) -> None:
    run = train_tiny(tmp_path / "run", "cohort.faces=15", "cohort.nearest=3", f"projection.name={projection}")
    twin, record = load_twin(run.path)
    assert record.distance == "local-cosine"
    assert twin.cohort.nearest == 3
    model = OnnxModel(run.path)
    faces = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 1), np.uint8)
    with torch.inference_mode():
        expected = twin.embed(torch.from_numpy(faces))
        scores = twin.score(expected[:2], expected[2:]).numpy()
    found = model(faces)
    assert found.shape == (4, twin.embedding_size)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(model.record.score(found[:2], found[2:]), scores, atol=1e-4)


def test_training_can_start_from_a_model_with_a_cohort(tmp_path) -> None:
    options = [*TINY, "cohort.faces=15", "cohort.nearest=3"]
    first = train_tiny(tmp_path / "first", *options, tiny=False)
    second = RunFolder(tmp_path / "second")
    start_run(DataSource("orl"), load_recipe("demo", options), 0, second, first.path)
    continue_run(second, StopRequest(), Watcher())
    assert load_twin(second.path)[0].cohort is not None


def test_a_cohort_of_too_few_people_is_refused_before_training(tmp_path) -> None:
    """The run has 21 people to train on."""
    options = [*TINY, "cohort.faces=1000"]
    refused, begun = RunFolder(tmp_path / "refused"), RunFolder(tmp_path / "begun")
    with pytest.raises(SettingsError, match=r"cohort\.nearest = 21: found 21 training people, need more"):
        start_run(DataSource("orl"), load_recipe("demo", [*options, "cohort.nearest=21"]), 0, refused)
    assert not refused.manifest.exists()
    start_run(DataSource("orl"), load_recipe("demo", [*options, "cohort.nearest=20"]), 0, begun)
    assert begun.manifest.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.distance=euclidean", 'cohort.faces = 9 needs network.distance = "cosine"'),
        ("network.distance=local-cosine", "local-cosine"),
    ],
)
def test_other_distances_take_no_cohort(tmp_path, change: str, message: str) -> None:
    settings = load_recipe("demo", ["cohort.faces=9", change])
    with pytest.raises(SettingsError, match=message):
        start_run(DataSource("orl"), settings, 0, RunFolder(tmp_path / "x"))
