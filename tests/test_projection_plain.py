"""Projections and score normalisation where a default, a floor or a shape could slip."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from twinface.core.errors import DataError
from twinface.core.settings_sections import ScoreNormalisationSettings
from twinface.networks.projections import (
    FittedMap,
    LinearMap,
    Projection,
    covariance,
    empty_projection,
    fit_parts,
    join_parts,
    none,
    plda,
    whitening,
)
from twinface.networks.projections.covariance import principal_components, whitening_matrix, within_people
from twinface.networks.score_normalisation import (
    ScoreNormalisation,
    empty_score_normalisation,
    fit_score_normalisation,
)

SETTINGS = ScoreNormalisationSettings(spread=0.5, clarity=0.25)


def some_people(people: int = 40, pictures: int = 3, size: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    who = np.repeat(np.arange(people), pictures)
    places = 3 * random.normal(size=(people, size)) * np.arange(1, size + 1)
    return (places[who] + random.normal(size=(len(who), size)) + 7).astype(np.float32), who


@pytest.mark.parametrize("rows", [7, 120, 1024])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_principal_components_are_those_of_the_singular_vectors(
    monkeypatch: pytest.MonkeyPatch, rows: int, size: int
) -> None:
    monkeypatch.setattr(covariance, "ROWS", rows)
    embeddings, _ = some_people()
    mean, axes, along = principal_components(embeddings, size)
    plain = embeddings.astype(np.float64)
    assert mean == pytest.approx(plain.mean(0), rel=1e-12)
    expected = np.linalg.svd(plain - plain.mean(0), full_matrices=False)[2][:size].T
    assert axes.shape == (5, size)
    # The sign of an axis is free.
    np.testing.assert_allclose(np.abs(np.sum(axes * expected, axis=0)), np.ones(size), rtol=1e-9)
    np.testing.assert_allclose(along, (plain - plain.mean(0)) @ axes, atol=1e-9)


@pytest.mark.parametrize("size", [None, 5, 6])
def test_all_components_are_the_embeddings_themselves(size: int | None) -> None:
    embeddings, _ = some_people()
    mean, axes, along = principal_components(embeddings, size)
    np.testing.assert_array_equal(axes, np.eye(5))
    np.testing.assert_allclose(along, embeddings - mean)


@pytest.mark.parametrize("size", [2, 4])
def test_components_of_long_embeddings_are_drawn(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Above a length they come from random projections, with a fixed seed, and are nearly the exact ones."""
    embeddings, _ = some_people()
    exact = principal_components(embeddings, size)
    monkeypatch.setattr(covariance, "LONG", 4)
    mean, axes, along = principal_components(embeddings, size)
    assert (mean.dtype, axes.dtype, along.dtype) == (np.float64, np.float64, np.float64)
    assert (axes.shape, along.shape) == ((5, size), (120, size))
    assert not np.array_equal(axes, exact[1])
    np.testing.assert_allclose(np.abs(np.sum(axes * exact[1], axis=0)), np.ones(size), atol=1e-4)
    np.testing.assert_allclose(along, (embeddings - mean) @ axes, atol=1e-3)
    np.testing.assert_array_equal(axes, principal_components(embeddings, size)[1])
    # Not of more components than there are pictures.
    few = principal_components(embeddings[:size], size)
    monkeypatch.setattr(covariance, "LONG", 6000)
    np.testing.assert_array_equal(few[2], principal_components(embeddings[:size], size)[2])
    monkeypatch.setattr(covariance, "LONG", 5)
    np.testing.assert_array_equal(principal_components(embeddings, size)[1], exact[1])


@pytest.mark.parametrize("count", [1, 3, 4])
def test_few_long_embeddings_have_the_axes_that_they_vary_along_and_others(count: int) -> None:
    """Twenty thousand numbers each: no matrix of that size squared is made."""
    embeddings = np.random.default_rng(3).normal(size=(count, 20_000)).astype(np.float32)
    mean, axes, along = principal_components(embeddings, 4)
    assert axes.shape == (20_000, 4)
    np.testing.assert_allclose(axes.T @ axes, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(mean + along @ axes.T, embeddings, atol=1e-6)
    variances = np.square(along).sum(axis=0)
    assert (np.diff(variances) <= 1e-9 * variances[0]).all()
    np.testing.assert_allclose(variances[max(count - 1, 0) :], 0, atol=1e-9)


def test_covariance_within_people_leaves_out_single_pictures() -> None:
    centred = np.array([[0.0, 0], [2, 0], [5, 5], [1, 1], [1, 3], [1, 5]])
    people = np.array([0, 0, 1, 2, 2, 2])
    # Person 0: ±1 along x; person 2: -2, 0, 2 along y; two and three pictures leave one and two degrees of freedom.
    np.testing.assert_allclose(within_people(centred, people), np.diag([2, 8]) / 3)
    assert within_people(centred[:2], people[:2]).tolist() == [[2, 0], [0, 0]]
    with pytest.raises(DataError, match="found nobody with two pictures"):
        within_people(centred[1:4], people[1:4])


@pytest.mark.parametrize("shrinkage", [0.0, 0.5, 2.0])
def test_whitening_matrix_is_a_root_of_the_inverse(shrinkage: float) -> None:
    covariance = np.array([[4.0, 1, 0], [1, 2, 0.5], [0, 0.5, 3]])
    root = whitening_matrix(covariance, shrinkage)
    shrunk = covariance + shrinkage * 3 * np.eye(3)  # the mean variance is 3
    np.testing.assert_allclose(root @ root.T, np.linalg.inv(shrunk), rtol=1e-9)
    np.testing.assert_allclose(root.T @ shrunk @ root, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("fit", [whitening, plda])
def test_settings_unless_others_are_given(fit) -> None:
    embeddings, people = some_people()
    plain = fit(embeddings, people)
    np.testing.assert_array_equal(plain.matrix, fit(embeddings, people, shrinkage=1.0, size=None).matrix)
    assert not np.allclose(plain.matrix, fit(embeddings, people, shrinkage=2.0).matrix)
    assert fit(embeddings, people, size=2).matrix.shape == (5, 2)


def test_plda_by_its_formulas() -> None:
    """Whitened within people, rotated to the axes between people, each scaled by v / (1 + v)."""
    embeddings, people = some_people(size=3)
    _, matrix, variances = plda(embeddings, people, shrinkage=0.3)
    centred = embeddings.astype(float) - embeddings.mean(0, dtype=float)
    within = within_people(centred, people)
    between = centred.T @ centred / len(centred) - within
    shrunk = within + 0.3 * np.trace(within) / 3 * np.eye(3)
    found = np.sort(np.linalg.eigvals(np.linalg.inv(shrunk) @ between).real)
    assert variances is not None
    np.testing.assert_allclose(np.sort(variances), found, rtol=1e-6)
    unscaled = matrix / (variances / (1 + variances))
    np.testing.assert_allclose(unscaled.T @ shrunk @ unscaled, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(unscaled.T @ between @ unscaled, np.diag(variances), atol=1e-5)


def test_directions_in_which_people_differ_little_are_kept() -> None:
    """Less than pictures of one person do, but more than not at all."""
    random = np.random.default_rng(4)
    people = np.repeat(np.arange(400), 4)
    places = random.normal(size=(400, 2)) * [3.0, 0.5]
    embeddings = (places[people] + random.normal(size=(1600, 2))).astype(np.float32)
    variances = plda(embeddings, people, shrinkage=1e-9).variances
    assert variances is not None
    assert sorted(variances.tolist()) == pytest.approx([0.25, 9.0], rel=0.3)


def test_a_map_and_its_clarity() -> None:
    mean, matrix = torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0, 2], [0, 3, 0]])
    given = torch.tensor([[2.0, 2.0], [1.0, 4.0], [1.0, 2.0]])
    mapped, clarity = LinearMap(mean, matrix)(given)
    assert mapped.tolist() == [[1, 0, 2], [0, 6, 0], [0, 0, 0]]
    assert clarity.tolist() == [0, 0, 0]
    variances = torch.tensor([2.0, 3.0, 0.5])
    again, clarity = LinearMap(mean, matrix, variances)(given)
    assert again.tolist() == mapped.tolist()
    # Of the lengths of the person's part and of the rest, here without the common factor 1 / (1 + v).
    expected = [math.log(math.hypot(1, 2) / math.hypot(1 / 2, 2 / 0.5)), math.log(6 / 2), 0.0]
    assert clarity.tolist() == pytest.approx(expected, abs=1e-6)


def test_tiny_parts_have_a_floor() -> None:
    variances = torch.tensor([1e6])
    _, clarity = LinearMap(torch.zeros(1), torch.eye(1), variances)(torch.tensor([[1e-3]]))
    assert clarity.item() == pytest.approx(math.log(1e-6 / 1e-12) / 2, rel=1e-5)


def test_parts_have_their_weights_as_lengths() -> None:
    parts = [torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[5.0], [-1.0]])]
    joined = join_parts(parts, (1.0, 0.5))
    torch.testing.assert_close(joined, torch.tensor([[0.6, 0.8, 0.5], [0, 1, -0.5]]))
    with pytest.raises(ValueError, match="argument 2 is longer"):
        join_parts(parts, (1.0,))


def test_a_projection_maps_each_part() -> None:
    first = LinearMap(torch.ones(2), torch.tensor([[1.0, 0, 0], [0, 2, 0]]), torch.tensor([1.0, 4.0, 1.0]))
    second = LinearMap(torch.zeros(1), torch.tensor([[3.0, 4.0]]))
    projection = Projection([first, second], [2.0, 1.0])
    assert (projection.sizes, projection.embedding_size, projection.weights) == ([2, 1], 5, (2.0, 1.0))
    joined, clarity = projection(torch.tensor([[1.0, 3.0, 2.0]]))
    torch.testing.assert_close(joined, torch.tensor([[0.0, 2, 0, 0.6, 0.8]]))
    assert clarity.item() == pytest.approx(math.log(4) / 2)  # the mean of log 4 and 0


def test_maps_are_fitted_to_each_part() -> None:
    embeddings, people = some_people()
    found = fit_parts(partial(plda, shrinkage=0.5), embeddings, people, (2, 3), (1.0, 0.5))
    assert found is not None
    assert found.weights == (1.0, 0.5)
    for module, part in zip(found.maps, (embeddings[:, :2], embeddings[:, 2:]), strict=True):
        fitted = plda(part, people, shrinkage=0.5)
        for name, value in fitted._asdict().items():
            assert getattr(module, name).dtype == torch.float32
            np.testing.assert_array_equal(getattr(module, name).numpy(), value.astype(np.float32))
    white = fit_parts(whitening, embeddings, people, (5,), (1.0,))
    assert white is not None
    assert white.maps[0].variances is None
    assert fit_parts(none, embeddings, people, (2, 3), (1.0, 1.0)) is None

    def second_has_none(part: np.ndarray, who: np.ndarray) -> FittedMap | None:
        return whitening(part, who) if part.shape[1] == 2 else None

    assert fit_parts(second_has_none, embeddings, people, (2, 3), (1.0, 1.0)) is None


def test_an_empty_projection_takes_a_models_tensors() -> None:
    embeddings, people = some_people()
    for fit in (whitening, plda):
        made = fit_parts(fit, embeddings, people, (2, 3), (1.0, 0.5))
        assert made is not None
        tensors = {f"projection.{name}": value for name, value in made.state_dict().items()}
        empty = empty_projection({**tensors, "other": torch.zeros(1)}, (1.0, 0.5))
        assert empty is not None
        assert empty.weights == (1.0, 0.5)
        assert {name: value.shape for name, value in empty.state_dict().items()} == {
            name: value.shape for name, value in made.state_dict().items()
        }
        assert all(part.variances is None for part in empty.maps) == (fit is whitening)
        empty.load_state_dict(made.state_dict())
        given = torch.from_numpy(embeddings[:4])
        for one, other in zip(made(given), empty(given), strict=True):
            torch.testing.assert_close(one, other)
    assert empty_projection({"other": torch.zeros(1)}, (1.0,)) is None


def test_an_empty_projection_gives_finite_numbers() -> None:
    tensors = {"projection.maps.0.matrix": torch.ones(3, 2), "projection.maps.0.variances": torch.zeros(2)}
    empty = empty_projection(tensors, (1.0,))
    assert empty is not None
    assert (empty.sizes, empty.embedding_size) == ([3], 2)
    assert all(torch.isfinite(each).all() for each in empty(torch.ones(1, 3)))


def test_the_correction_of_scores() -> None:
    root = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    found = ScoreNormalisation(root, SETTINGS)(
        torch.tensor([[3.0, 4.0], [0.0, -2.0]]), torch.tensor([1.0, -2.0])
    )
    spread = [math.hypot(0.6 * 2, 0.8), 1.0]
    torch.testing.assert_close(
        found, torch.tensor([[0.6, 0.8, 0.5 * spread[0] + 0.25], [0.0, -1.0, 0.5 * spread[1] - 0.5]])
    )


def test_strangers_count_once_each() -> None:
    """The second moment is a mean over people of the mean over their pictures, of embeddings of length 1."""
    embeddings, people = (
        np.array([[2.0, 0], [5, 0], [0, 1], [3, 3], [0, 0]], np.float32),
        np.array([0, 0, 1, 3, 3]),
    )
    fitted = fit_score_normalisation(embeddings, people, SETTINGS)
    assert fitted.settings == SETTINGS
    assert fitted.root.dtype == torch.float32
    # People 0, 1 and 3, the last of them with a picture whose embedding is 0.
    expected = (np.diag([1.0, 0]) + np.diag([0, 1.0]) + np.full((2, 2), 0.5) / 2) / 3
    np.testing.assert_allclose((fitted.root @ fitted.root.T).numpy(), expected, atol=1e-6)


def test_directions_without_strangers_have_no_spread() -> None:
    """Rounding may put an eigenvalue below 0, which has no root."""
    line = np.outer(np.arange(1, 8), np.arange(1, 5)).astype(np.float32) / 3
    root = fit_score_normalisation(line, np.arange(7), SETTINGS).root
    assert torch.isfinite(root).all()


def test_an_empty_normalisation_takes_a_models_tensors() -> None:
    root = torch.ones(3, 3)
    empty = empty_score_normalisation({"score_normalisation.root": root, "other": root}, SETTINGS)
    assert empty is not None
    assert empty.settings == SETTINGS
    assert torch.equal(empty.root, torch.zeros(3, 3))
    assert empty_score_normalisation({"other": root}, SETTINGS) is None
