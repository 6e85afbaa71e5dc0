"""The network: shared weights, one direction of score, and formulas that NumPy and torch agree on."""

import numpy as np
import pytest
import torch

from twinface.core.settings_sections import ScoreNormalisationSettings
from twinface.models.distances import DISTANCES
from twinface.networks.backbones import Koch, Member, Residual, committee
from twinface.networks.projections import LinearMap, Projection
from twinface.networks.score_normalisation import ScoreNormalisation
from twinface.networks.siamese import SiameseNetwork

SHAPE = (1, 32, 32)


def tiny_network(distance: str = "cosine", **settings) -> SiameseNetwork:
    torch.manual_seed(0)
    return SiameseNetwork(Residual(SHAPE, channels=(4, 8), embedding=6), distance, **settings).eval()


@pytest.mark.parametrize("distance", sorted(DISTANCES))
def test_a_face_is_nearest_to_itself_and_order_does_not_matter(distance: str) -> None:
    network = tiny_network(distance)
    faces = torch.rand(5, *SHAPE) * 255
    with torch.no_grad():
        embeddings = network.features(faces)
        scores = network.score(embeddings[:, None], embeddings[None])
        assert torch.allclose(scores, scores.T, atol=1e-6)
        # Score normalisation subtracts less from some faces than from others, so one of those may score higher.
        if DISTANCES[distance].learns:
            assert (scores.diagonal()[:, None] >= scores - 1e-5).all()


@pytest.mark.parametrize("distance", sorted(DISTANCES))
@pytest.mark.parametrize("count", [1, 3])
def test_numpy_and_torch_score_alike(distance: str, count: int) -> None:
    random = np.random.default_rng(1)
    left, right = random.normal(size=(2, count, 7)).astype(np.float32)
    parameters = {
        name: (value + random.normal(size=value.shape)).astype(np.float32)
        for name, value in DISTANCES[distance].parameters(7).items()
    }
    plain = DISTANCES[distance].score(left, right, parameters)
    tensors = {name: torch.from_numpy(np.asarray(value)) for name, value in parameters.items()}
    in_torch = DISTANCES[distance].score(torch.from_numpy(left), torch.from_numpy(right), tensors)
    assert plain.shape == (count,)
    np.testing.assert_allclose(plain, in_torch.numpy(), rtol=1e-5, atol=1e-6)


def test_a_cosine_does_not_depend_on_the_length_of_embeddings() -> None:
    left, right = np.array([[3.0, 4.0]], np.float32), np.array([[4.0, 3.0]], np.float32)
    parameters = {"scale": 1.0, "bias": 0.0}
    for length in (1e-3, 1.0, 1e4):
        score = DISTANCES["cosine"].score(length * left, length * right, parameters)
        assert score == pytest.approx([0.96], abs=1e-6)


def test_both_sides_go_through_the_same_weights() -> None:
    network = tiny_network()
    left, right = torch.rand(2, 3, *SHAPE) * 255
    with torch.no_grad():
        scores = network(left, right)
        one_by_one = torch.cat(
            [
                network.score(network.features(a[None]), network.features(b[None]))
                for a, b in zip(left, right, strict=True)
            ]
        )
    assert scores.shape == (3,)
    assert torch.allclose(scores, one_by_one, atol=1e-5)


def test_flip_average_does_not_see_mirrors() -> None:
    network = tiny_network(flip_average=True)
    faces = torch.randint(0, 256, (3, 32, 32, 1), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(network.embed(faces), network.embed(faces.flip(2)), atol=1e-5)
        network.flip_average = False
        assert not torch.allclose(network.embed(faces), network.embed(faces.flip(2)), atol=1e-3)


def test_per_image_normalisation_ignores_light() -> None:
    network = tiny_network(normalisation="per-image")
    faces = torch.rand(2, *SHAPE) * 100 + 20
    normal = network.normalise(faces)
    assert torch.allclose(normal, network.normalise(faces * 1.7 + 11), atol=1e-4)
    assert torch.allclose(normal.mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(normal.std(dim=(1, 2, 3), correction=0), torch.ones(2), atol=1e-4)


def test_a_picture_of_one_colour_is_finite() -> None:
    network = tiny_network()
    with torch.no_grad():
        embedding = network.embed(torch.full((1, 32, 32, 1), 7, dtype=torch.uint8))
    assert torch.isfinite(embedding).all()


def test_a_spread_below_one_grey_level_counts_as_one() -> None:
    """So that a picture of one colour is zero, and a nearly flat one is not blown up into noise."""
    pattern = torch.tensor([[-1.0, 1.0], [1.0, -1.0]]).repeat(1, 1, 4, 4)
    network = tiny_network()
    for spread, found in ((0.0, 0.0), (0.25, 0.25), (0.999, 0.999), (1.0, 1.0), (1.5, 1.0), (40.0, 1.0)):
        torch.testing.assert_close(network.normalise(100 + spread * pattern), found * pattern)


def test_unit_normalisation_divides_by_255() -> None:
    network = SiameseNetwork(Koch((1, 66, 66), dense=4), "weighted-l1", "unit", flip_average=False)
    assert torch.equal(network.normalise(torch.full((1, 1, 2, 2), 255.0)), torch.ones(1, 1, 2, 2))


def test_equal_faces_have_a_finite_gradient_under_every_distance() -> None:
    for distance in DISTANCES:
        network = tiny_network(distance)
        embedding = torch.rand(2, 6, requires_grad=True)
        network.score(embedding, embedding.detach().clone()).sum().backward()
        assert torch.isfinite(embedding.grad).all(), distance


def test_each_part_of_an_embedding_counts_equally() -> None:
    torch.manual_seed(0)
    members = [
        Member(name="residual", channels=[4], embedding=3),
        Member(name="residual", channels=[4], embedding=5),
    ]
    network = SiameseNetwork(committee(SHAPE, members=members), flip_average=False).eval()
    faces = torch.randint(0, 256, (2, 32, 32, 1), dtype=torch.uint8)
    with torch.no_grad():
        embeddings = network.embed(faces)
        features = network.features(faces.permute(0, 3, 1, 2).float())
        cosines = [
            torch.nn.functional.cosine_similarity(part[:1], part[1:])
            for part in features.split([3, 5], dim=1)
        ]
        score = network.score(embeddings[:1], embeddings[1:])
    torch.testing.assert_close(score, sum(cosines) / 2, atol=1e-6, rtol=0)


def test_the_projection_is_the_last_step() -> None:
    network = tiny_network(flip_average=True)
    faces = torch.randint(0, 256, (2, 32, 32, 1), dtype=torch.uint8)
    with torch.no_grad():
        before = network.embed(faces)
        mean, matrix = torch.randn(6), torch.randn(6, 4)
        network.projection = Projection([LinearMap(mean, matrix)], [1.0])
        assert network.embedding_size == 4
        assert network.feature_size == 6
        mapped = (before - mean) @ matrix
        torch.testing.assert_close(network.embed(faces), mapped / mapped.norm(dim=1, keepdim=True))


def test_score_normalisation_is_one_more_element_and_another_distance() -> None:
    network = tiny_network(flip_average=True)
    assert (network.embedding_size, network.distance_name) == (6, "cosine")
    faces = torch.randint(0, 256, (3, 32, 32, 1), dtype=torch.uint8)
    with torch.no_grad():
        before = network.embed(faces)
        network.score_normalisation = ScoreNormalisation(
            torch.randn(6, 6), ScoreNormalisationSettings(spread=0.5)
        )
        assert (network.embedding_size, network.distance_name) == (7, "local-cosine")
        assert network.feature_size == 6
        embeddings = network.embed(faces)
        torch.testing.assert_close(embeddings, network.score_normalisation(before, torch.zeros(3)))
        scores = network.score(embeddings[:1], embeddings[1:])
    scale, bias = network.distance["scale"], network.distance["bias"]
    cosines = torch.nn.functional.cosine_similarity(before[:1], before[1:])
    torch.testing.assert_close(scores, scale * (cosines - embeddings[0, 6] - embeddings[1:, 6]) + bias)


def test_cosine_per_image_and_flip_average_unless_others_are_asked_for() -> None:
    network = SiameseNetwork(Residual(SHAPE, channels=(4,), embedding=6))
    assert (network.distance_name, network.normalisation, network.flip_average) == (
        "cosine",
        "per-image",
        True,
    )
    assert (network.projection, network.score_normalisation) == (None, None)
    assert set(network.distance) == set(DISTANCES["cosine"].parameters(6))
    for name, value in SiameseNetwork(
        Residual(SHAPE, channels=(4,), embedding=6), "weighted-l1"
    ).distance.items():
        start = DISTANCES["weighted-l1"].parameters(6)[name]
        assert value.requires_grad
        np.testing.assert_array_equal(value.detach().numpy(), start)
        with torch.no_grad():
            value.add_(1)
        np.testing.assert_array_equal(DISTANCES["weighted-l1"].parameters(6)[name], start)


def test_mean_and_spread_are_of_the_whole_picture() -> None:
    """Over channels, rows and columns together, and of each picture by itself; bytes will do."""
    network = tiny_network()
    faces = torch.randint(0, 256, (3, 2, 5, 4), dtype=torch.uint8)
    found = network.normalise(faces)
    assert found.dtype == torch.float32
    for picture, normal in zip(faces.double().numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(normal, (picture - picture.mean()) / picture.std(), atol=1e-5)
    network.normalisation = "unit"
    torch.testing.assert_close(network.normalise(faces), faces / 255)


def test_scores_of_a_batch_of_pairs() -> None:
    """Left sides with right sides, in one batch: in training both have the statistics of all."""
    network = tiny_network("euclidean").train()
    network.backbone.dropout.p = 0.0
    left, right = torch.rand(2, 4, *SHAPE) * 255
    scores = network(left, right)
    together = network.backbone(network.normalise(torch.cat([left, right])))
    torch.testing.assert_close(scores, network.score(together[:4], together[4:]))
    assert scores.dtype == torch.float32


@pytest.mark.parametrize("flip_average", [True, False])
def test_an_embedding_is_joined_projected_and_then_corrected(flip_average: bool) -> None:
    """Two members with weights of their own, a map for each, and the clarity in the last element."""
    torch.manual_seed(0)
    members = [
        Member(name="residual", channels=[4], embedding=3),
        Member(name="residual", channels=[4], embedding=5, weight=0.5),
    ]
    network = SiameseNetwork(committee(SHAPE, members=members), flip_average=flip_average).eval()
    maps = [
        LinearMap(torch.randn(3), torch.randn(3, 2), torch.rand(2) + 0.5),
        LinearMap(torch.randn(5), torch.randn(5, 4), torch.rand(4) + 0.5),
    ]
    network.projection = Projection(maps, network.backbone.weights)
    settings = ScoreNormalisationSettings(spread=0.5, clarity=0.25)
    network.score_normalisation = ScoreNormalisation(torch.randn(6, 6), settings)
    assert network.embedding_size == 7
    faces = torch.randint(0, 256, (3, 32, 32, 1), dtype=torch.uint8)
    planes = faces.permute(0, 3, 1, 2).float()
    with torch.no_grad():
        found = network.embed(faces)
        pictures = [planes, planes.flip(3)] if flip_average else [planes]
        parts = [network.features(each).split([3, 5], dim=1) for each in pictures]
        joined = torch.cat(
            [
                weight * sum(torch.nn.functional.normalize(each[place], dim=1) for each in parts) / len(parts)
                for place, weight in enumerate(network.backbone.weights)
            ],
            dim=1,
        )
        expected = network.score_normalisation(*network.projection(joined))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
