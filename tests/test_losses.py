"""Losses against plain loops over a handful of pictures."""

import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses
from torch.nn.functional import normalize

from twinface.networks.backbones import Residual
from twinface.networks.siamese import SiameseNetwork
from twinface.training.losses import LOSSES, Labels, PartByPart

PEOPLE = torch.tensor([0, 0, 1, 1, 2, 2])
PAIRS = [(0, 1, 1.0), (2, 3, 1.0), (4, 5, 1.0), (0, 2, 0.0), (1, 4, 0.0), (3, 5, 0.0)]
LEFT, RIGHT = (torch.tensor([pair[side] for pair in PAIRS]) for side in (0, 1))
LABELS = Labels(PEOPLE, LEFT, RIGHT, torch.tensor([pair[2] for pair in PAIRS]))


@pytest.fixture
def embeddings() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)).requires_grad_()


@pytest.fixture
def network() -> SiameseNetwork:
    torch.manual_seed(1)
    return SiameseNetwork(Residual((1, 16, 16), channels=(2,), embedding=4), "euclidean")


def test_cross_entropy(network: SiameseNetwork, embeddings: torch.Tensor) -> None:
    expected = 0.0
    for left, right, match in PAIRS:
        score = network.score(embeddings[left], embeddings[right]).item()
        same = 1 / (1 + math.exp(-score))
        expected -= math.log(same if match else 1 - same) / len(PAIRS)
    assert LOSSES["bce"](4, 3)(network, embeddings, LABELS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("unit", [True, False])
def test_contrastive(network: SiameseNetwork, embeddings: torch.Tensor, unit: bool) -> None:
    vectors = normalize(embeddings, dim=1) if unit else embeddings
    expected = 0.0
    for left, right, match in PAIRS:
        distance = torch.dist(vectors[left], vectors[right]).item()
        expected += (distance**2 if match else max(0.0, 1.3 - distance) ** 2) / 2 / len(PAIRS)
    loss = LOSSES["contrastive"](4, 3, margin=1.3, unit=unit)
    assert loss(network, embeddings, LABELS).item() == pytest.approx(expected, rel=1e-5)


def test_triplet_on_semi_hard_triplets(network: SiameseNetwork, embeddings: torch.Tensor) -> None:
    margin, vectors, found = 0.5, normalize(embeddings, dim=1), []
    for anchor in range(6):
        for positive in range(6):
            for negative in range(6):
                if (
                    anchor == positive
                    or PEOPLE[anchor] != PEOPLE[positive]
                    or PEOPLE[anchor] == PEOPLE[negative]
                ):
                    continue
                near = torch.dist(vectors[anchor], vectors[positive]).item()
                far = torch.dist(vectors[anchor], vectors[negative]).item()
                if 0 < far - near <= margin:
                    found.append(near - far + margin)
    assert found
    loss = LOSSES["triplet"](4, 3, margin=margin)
    assert loss(network, embeddings, LABELS).item() == pytest.approx(
        np.mean([f for f in found if f > 0]), rel=1e-4
    )


@pytest.mark.parametrize("name", ["cosface", "arcface"])
def test_margin_softmax(network: SiameseNetwork, embeddings: torch.Tensor, name: str) -> None:
    margin = {"cosface": 0.2, "arcface": 11.5}[name]
    loss = LOSSES[name](4, 3, margin=margin, scale=16.0)
    centres = normalize(loss.vectors.detach().T, dim=0)
    expected = 0.0
    for row in range(6):
        cosines = (normalize(embeddings[row], dim=0) @ centres).tolist()
        own = int(PEOPLE[row])
        if name == "cosface":
            cosines[own] -= margin
        else:
            cosines[own] = math.cos(math.acos(cosines[own]) + math.radians(margin))
        total = sum(math.exp(16 * cosine) for cosine in cosines)
        expected -= math.log(math.exp(16 * cosines[own]) / total) / 6
    assert loss(network, embeddings, LABELS).item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["cosface", "arcface"])
def test_margin_softmax_has_values_and_gradients_of_pytorch_metric_learning(
    network: SiameseNetwork, embeddings: torch.Tensor, name: str
) -> None:
    margin, theirs = {"cosface": (0.2, losses.CosFaceLoss), "arcface": (130.0, losses.ArcFaceLoss)}[name]
    torch.manual_seed(3)
    ours = LOSSES[name](4, 3, margin=margin, scale=16.0)
    torch.manual_seed(3)
    reference = theirs(3, 4, margin=margin, scale=16.0)
    torch.testing.assert_close(ours.vectors.detach(), reference.W.detach().T)  # the same draws
    found, expected = ours(network, embeddings, LABELS), reference(embeddings, PEOPLE)
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad(found, [embeddings, ours.vectors])
    wanted = torch.autograd.grad(expected, [embeddings, reference.W])
    torch.testing.assert_close(gradients[0], wanted[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients[1], wanted[1].T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_has_a_finite_gradient(
    network: SiameseNetwork, embeddings: torch.Tensor, name: str
) -> None:
    value = LOSSES[name](4, 3)(network, embeddings, LABELS)
    value.backward()
    assert value.ndim == 0
    assert torch.isfinite(embeddings.grad).all()


def test_parts_learn_as_they_would_alone(network: SiameseNetwork, embeddings: torch.Tensor) -> None:
    torch.manual_seed(2)
    each = [LOSSES["cosface"](3, 3), LOSSES["cosface"](1, 3)]
    together = PartByPart(each, (3, 1))(network, embeddings, LABELS)
    alone = each[0](network, embeddings[:, :3], LABELS) + each[1](network, embeddings[:, 3:], LABELS)
    assert together.item() == pytest.approx(alone.item(), rel=1e-6)


@pytest.mark.parametrize("cosine", [1.0, -1.0])
def test_arcface_has_a_finite_gradient_where_an_embedding_lies_on_its_person(cosine: float) -> None:
    loss = LOSSES["arcface"](1, 3, margin=11.5)
    embeddings = torch.full((1, 1), cosine, requires_grad=True)
    with torch.no_grad():
        loss.vectors.fill_(1)
    angles = loss.with_margin(embeddings)
    angles.sum().backward()
    assert torch.isfinite(embeddings.grad).all()
    assert torch.isfinite(angles).all()
