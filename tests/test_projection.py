"""The projection: fitted as defined, part of both forms of a model, and refused where it makes no sense."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import TINY, train_tiny
from twinface.core.errors import DataError, SettingsError
from twinface.core.types import FaceSet, PairSet, TrainingSource
from twinface.models.load import load_model
from twinface.networks.build import build_network
from twinface.networks.projections import covariance, fit_parts, none, plda, whitening
from twinface.networks.projections.covariance import principal_components
from twinface.training.build import check_components, check_network, check_steps
from twinface.training.checkpoint import load_checkpoint
from twinface.training.finalize import embed_with, fit_to_training_people
from twinface.training.recipe import load_recipe


def some_people(size: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    people = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3])
    spread = random.normal(size=(len(people), size)) * np.arange(1, size + 1)
    return (random.normal(size=(4, size))[people] * 5 + spread).astype(np.float32), people


def test_whitening_against_a_plain_loop() -> None:
    embeddings, people = some_people()
    mean, matrix, _ = whitening(embeddings, people, shrinkage=0.5)
    scatter, freedom = np.zeros((4, 4)), 0
    for person in (0, 1, 3):
        own = embeddings[people == person].astype(float)
        for row in own:
            scatter += np.outer(row - own.mean(0), row - own.mean(0))
        freedom += len(own) - 1
    covariance = scatter / freedom
    covariance += 0.5 * np.trace(covariance) / 4 * np.eye(4)
    np.testing.assert_allclose(mean, embeddings.mean(0), rtol=1e-6)
    # Cosines depend on matrix @ matrix.T alone, which is the inverse of the covariance.
    np.testing.assert_allclose(matrix @ matrix.T, np.linalg.inv(covariance), rtol=1e-6)


def test_whitening_makes_the_covariance_within_people_the_identity() -> None:
    embeddings, people = some_people()
    mean, matrix, _ = whitening(embeddings, people, shrinkage=1e-9)
    projected = (embeddings - mean) @ matrix
    scatter = sum(
        (projected[people == person] - projected[people == person].mean(0)).T
        @ (projected[people == person] - projected[people == person].mean(0))
        for person in (0, 1, 3)
    )
    np.testing.assert_allclose(scatter / 6, np.eye(4), atol=1e-5)


def test_fewer_components_are_the_largest() -> None:
    embeddings, people = some_people()
    mean, matrix, _ = whitening(embeddings, people, size=2)
    assert matrix.shape == (4, 2)
    axes = np.linalg.svd(embeddings - mean)[2][:2]
    # The columns lie in the plane of the two largest components.
    np.testing.assert_allclose(axes.T @ (axes @ matrix), matrix, atol=1e-4)


def test_whitening_needs_somebody_with_two_pictures() -> None:
    with pytest.raises(DataError, match="nobody with two pictures"):
        whitening(np.eye(3, dtype=np.float32), np.arange(3))


def test_plda_gives_the_mean_of_the_person_given_the_picture() -> None:
    """Regression of a person's place on the picture, and the covariance within people measures lengths."""
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(30), 3)
    # People differ in every direction, so that no variance between them is estimated below 0 and cut off there.
    embeddings = (random.normal(size=(30, 4))[people] * 3 + random.normal(size=(90, 4))).astype(np.float32)
    mean, matrix, _ = plda(embeddings, people, shrinkage=1e-9)
    centred = embeddings - embeddings.mean(0, dtype=float)
    within, freedom = np.zeros((4, 4)), 0
    for person in range(30):
        own = centred[people == person]
        within += (own - own.mean(0)).T @ (own - own.mean(0))
        freedom += len(own) - 1
    within /= freedom
    total = centred.T @ centred / len(centred)
    regression = (total - within) @ np.linalg.inv(total)
    believed = regression.T @ np.linalg.inv(within) @ regression
    np.testing.assert_allclose(matrix @ matrix.T, believed, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mean, embeddings.mean(0), rtol=1e-6)


def test_plda_leaves_out_where_people_do_not_differ() -> None:
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(1000), 4)
    embeddings = random.normal(size=(4000, 6)).astype(np.float32)
    embeddings[:, :2] += 5 * random.normal(size=(1000, 2))[people]
    # Pictures of one person lie opposite each other: people's means are equal.
    embeddings[1::2, 2:] = -embeddings[::2, 2:]
    _, matrix, _ = plda(embeddings, people, shrinkage=1e-9)
    assert matrix.shape == (6, 2)
    assert np.linalg.norm(matrix[2:]) < 0.05 * np.linalg.norm(matrix[:2])
    with pytest.raises(DataError, match="in no direction do people differ"):
        plda(embeddings[:, 2:], people, shrinkage=1e-9)


def test_plda_of_few_people_leaves_out_what_is_zero_up_to_rounding() -> None:
    """Six people span five directions between them; embeddings are divided by the variance along each."""
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(6), 10)
    embeddings = (random.normal(size=(6, 200))[people] + random.normal(size=(60, 200))).astype(np.float32)
    _, _, variances = plda(embeddings, people, shrinkage=0.1)
    assert variances is not None
    assert variances.min() > 1e-9 * variances.max()
    module = fit_parts(partial(plda, shrinkage=0.1), embeddings, people, (200,), (1.0,))
    assert module is not None
    made_up = random.normal(size=(5, 200)).astype(np.float32)
    assert all(torch.isfinite(each).all() for each in module(torch.from_numpy(made_up)))


def test_clarity_compares_the_person_with_the_noise_of_a_picture() -> None:
    """In the model that PLDA assumes, by the formula for two covariances, of two parts."""
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(30), 3)
    embeddings = (random.normal(size=(30, 6))[people] * 3 + random.normal(size=(90, 6))).astype(np.float32)
    module = fit_parts(partial(plda, shrinkage=1e-9), embeddings, people, (4, 2), (1.0, 1.0))
    assert module is not None
    found = module(torch.from_numpy(embeddings))[1].numpy()
    expected = []
    for columns in (slice(0, 4), slice(4, 6)):
        centred = embeddings[:, columns] - embeddings[:, columns].mean(0, dtype=float)
        own = centred - (np.eye(30)[people] @ np.eye(30)[people].T / 3) @ centred
        within, total = own.T @ own / 60, centred.T @ centred / 90
        believed = centred @ np.linalg.inv(total) @ (total - within)
        lengths = [
            np.einsum("ij,jk,ik->i", each, np.linalg.inv(within), each)
            for each in (believed, centred - believed)
        ]
        expected.append(np.log(lengths[0] / lengths[1]) / 2)
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-3, atol=1e-4)


def test_each_part_has_a_map_and_a_weight_of_its_own() -> None:
    embeddings, people = some_people(5)
    module = fit_parts(whitening, embeddings, people, (2, 3), (1.0, 0.5))
    assert module is not None
    assert module.embedding_size == 5
    found, clarity = (each.numpy() for each in module(torch.from_numpy(embeddings)))
    assert not clarity.any()  # whitening does not say what is chance
    for columns, weight in ((slice(0, 2), 1.0), (slice(2, 5), 0.5)):
        mean, matrix, _ = whitening(embeddings[:, columns], people)
        expected = (embeddings[:, columns] - mean) @ matrix
        expected *= weight / np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(found[:, columns], expected, rtol=1e-4, atol=1e-5)
    assert fit_parts(none, embeddings, people, (5,), (1.0,)) is None


COMMITTEE = (
    'network.backbone={name="committee", members=[{name="residual", channels=[4, 8], embedding=8}, '
    '{name="gradients", cells=[8], embedding=8, region=[0.1, 0.1, 0.8, 0.8], height=16, width=16}]}'
)


@pytest.mark.slow
def test_a_projected_committee_trains_and_both_forms_agree(tmp_path) -> None:
    sizes = ["imaging.height=24", "imaging.width=24", "trainer.epochs=1"]
    changes = [*sizes, COMMITTEE, "projection.name=plda", "projection.size=5"]
    folder = train_tiny(tmp_path / "run", *changes, tiny=False)
    network, record = load_checkpoint(folder.path)
    faces = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 1), np.uint8)
    with torch.inference_mode():
        expected = network.embed(torch.from_numpy(faces)).numpy()
    assert expected.shape == (3, 10)
    assert record.embedding_size == 10
    np.testing.assert_allclose(load_model(folder.path)(faces), expected, atol=1e-4 * np.abs(expected).max())


def test_a_distance_with_weights_of_its_own_takes_no_projection() -> None:
    settings = load_recipe("koch", ["projection.name=whitening"])
    with pytest.raises(SettingsError, match=r'projection\.name = "whitening" does not go with .*weighted-l1'):
        check_components(settings)


def test_so_many_numbers_that_components_are_drawn_span_what_the_exact_ones_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above `LONG` numbers the covariance would not fit into memory."""
    random = np.random.default_rng(2)
    shape = np.diag([9.0, 7.0, 5.0, *[0.05] * 17]) @ np.linalg.qr(random.normal(size=(20, 20)))[0]
    embeddings = (random.normal(size=(60, 20)) @ shape + 3).astype(np.float32)
    mean, axes, along = principal_components(embeddings, 3)
    monkeypatch.setattr(covariance, "LONG", 10)
    drawn_mean, drawn_axes, drawn_along = principal_components(embeddings, 3)
    np.testing.assert_array_equal(drawn_mean, mean)
    np.testing.assert_allclose(np.abs(drawn_axes.T @ axes), np.eye(3), atol=1e-3)
    np.testing.assert_allclose(np.abs(drawn_along), np.abs(along), atol=0.02)


def test_from_labelled_pairs_alone_only_a_matched_pair_is_known_to_show_one_person() -> None:
    """A picture that is on two pairs counts twice, as two people unless both pairs say otherwise."""
    settings = load_recipe("demo", [*TINY, "projection.name=whitening", "projection.shrinkage=0.5"])
    faces = np.random.default_rng(0).integers(0, 256, (6, 24, 24, 1), np.uint8)
    left, right = np.array([0, 2, 0, 4]), np.array([1, 3, 5, 1])
    is_match = np.array([True, True, False, False])
    made_up = FaceSet("made up", Path(), tuple("abcdef"), np.array([0, 0, 1, 1, 2, 3]), tuple("wxyz"))
    source = TrainingSource(made_up, PairSet("pairs", made_up, left, right, is_match))
    network = build_network(settings.network, settings.imaging, 1)
    embeddings = embed_with(network.eval(), faces)
    fit_to_training_people(network, settings, source, faces)
    rows, people = [], []
    for number, (one, other, match) in enumerate(zip(left, right, is_match, strict=True)):
        rows += [one, other]
        people += [f"{number}", f"{number}" if match else f"{number}, the other"]
    numbers = np.unique(people, return_inverse=True)[1]
    expected = fit_parts(
        partial(whitening, shrinkage=0.5),
        embeddings[rows],
        numbers,
        network.backbone.parts,
        network.backbone.weights,
    )
    assert expected is not None
    with torch.inference_mode():
        found = network.project(torch.from_numpy(embeddings))
        torch.testing.assert_close(found, expected(torch.from_numpy(embeddings))[0], rtol=1e-4, atol=1e-5)


def test_pictures_that_are_all_equal_are_refused() -> None:
    vectors = np.repeat(np.random.default_rng(0).normal(size=(5, 8)), 3, axis=0).astype(np.float32)
    for fit in (whitening, plda):
        with pytest.raises(DataError, match="all pictures of each person are equal"):
            fit(vectors, np.repeat(np.arange(5), 3))


@pytest.mark.parametrize(
    ("recipe", "changes", "words"),
    [
        (
            "seed-b-2",
            ["projection.name=plda", "network.distance=cosine"],
            'validation.threshold = "even" is the network',
        ),
        ("default", ["data.cross_fitting=5"], "augment.copies = 1 does not go with data.cross_fitting = 5"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(recipe: str, changes: list[str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check_components(load_recipe(recipe, changes))


def test_steps_need_layers_to_train() -> None:
    settings = load_recipe("fast", ["trainer.epochs=2"])
    with pytest.raises(
        SettingsError, match=r"trainer\.epochs: found 2, need 0: the network has no layers to train"
    ):
        check_steps(settings, check_network(settings))
    weighted = load_recipe(
        "seed-b-2", ['network.backbone={name="gradients", cells=[8]}', "network.difference_dropout=0"]
    )
    check_steps(weighted, check_network(weighted))  # each element of the distance has a weight to train
