"""Score normalisation: against a plain loop, in both forms of a model, and refused where it makes no sense."""

import numpy as np
import pytest
import torch

from conftest import TINY, train_tiny
from twinface.core.errors import SettingsError
from twinface.core.settings_sections import ScoreNormalisationSettings
from twinface.datasets.data_source import DataSource
from twinface.models.distances import DISTANCES
from twinface.models.load import load_model
from twinface.networks.score_normalisation import fit_score_normalisation
from twinface.training.checkpoint import load_checkpoint
from twinface.training.open_run import RunOptions, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run import continue_run
from twinface.training.run_folder import RunFolder

NORMALISED = ["score_normalisation.spread=1", "score_normalisation.clarity=0.2"]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_scores_against_a_plain_loop() -> None:
    drawn = np.random.default_rng(0)
    people = np.array([0, 0, 0, 1, 2, 2, 3])
    known = drawn.normal(size=(7, 5)).astype(np.float32)
    faces = drawn.normal(size=(6, 5)).astype(np.float32)
    clarity = drawn.normal(size=6).astype(np.float32)

    def spread(face: np.ndarray) -> float:
        """Root of the mean over people of the mean over their pictures."""
        each = [[cosine(face, other) ** 2 for other in known[people == person]] for person in range(4)]
        return float(np.sqrt(np.mean([np.mean(own) for own in each])))

    normalisation = fit_score_normalisation(
        known, people, ScoreNormalisationSettings(spread=0.7, clarity=0.3)
    )
    embeddings = normalisation(torch.from_numpy(faces), torch.from_numpy(clarity)).numpy()
    assert embeddings.shape == (6, 6)
    parameters = {"scale": 2.0, "bias": 0.5}
    scores = DISTANCES["local-cosine"].score(embeddings[:3], embeddings[3:], parameters)
    for left, right, score in zip(range(3), range(3, 6), scores, strict=True):
        taken = sum(0.7 * spread(faces[one]) + 0.3 * clarity[one] for one in (left, right))
        assert score == pytest.approx(2 * (cosine(faces[left], faces[right]) - taken) + 0.5, abs=1e-5)


def test_a_face_where_many_people_lie_loses_most() -> None:
    known = np.array([[1.0, 0.2], [1.0, -0.2], [1.0, 0.0]], np.float32)
    normalisation = fit_score_normalisation(known, np.arange(3), ScoreNormalisationSettings(spread=1.0))
    among_them, aside = normalisation(torch.eye(2), torch.zeros(2))[:, -1]
    assert among_them > 2 * aside


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train_tiny(tmp_path_factory.mktemp("runs") / "plda", *NORMALISED, "projection.name=plda")


def test_both_forms_of_a_model_agree_behind_plda(run: RunFolder) -> None:
    check_both_forms(run)


@pytest.mark.slow
@pytest.mark.parametrize("projection", ["none", "whitening"])
def test_both_forms_of_a_model_agree(tmp_path, projection: str) -> None:
    check_both_forms(train_tiny(tmp_path / "run", *NORMALISED, f"projection.name={projection}"))


def check_both_forms(run: RunFolder) -> None:
    network, record = load_checkpoint(run.path)
    assert record.distance == "local-cosine"
    assert network.score_normalisation.settings == ScoreNormalisationSettings(spread=1.0, clarity=0.2)
    model = load_model(run.path)
    faces = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 1), np.uint8)
    faces[0] = 7  # flat
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces))
        scores = network.score(expected[:2], expected[2:]).numpy()
    found = model(faces)
    assert found.shape == (4, network.embedding_size)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(model.record.score(found[:2], found[2:]), scores, atol=1e-4)


def test_training_can_start_from_a_model_with_score_normalisation(run: RunFolder, tmp_path) -> None:
    second = RunFolder(tmp_path / "second")
    settings = load_recipe("demo", [*TINY, *NORMALISED])
    continue_run(start_run(DataSource("orl"), settings, 0, second, RunOptions(run.path)))
    assert load_checkpoint(second.path)[0].score_normalisation is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "network.distance=euclidean",
            r'score_normalisation\.spread = 0, score_normalisation\.clarity = 0\.2 need network\.distance = "cosine"',
        ),
        ("network.distance=local-cosine", "local-cosine"),
    ],
)
def test_other_distances_take_no_score_normalisation(tmp_path, change: str, message: str) -> None:
    settings = load_recipe("demo", ["score_normalisation.clarity=0.2", change])
    with pytest.raises(SettingsError, match=message):
        start_run(DataSource("orl"), settings, 0, RunFolder(tmp_path / "x"))
