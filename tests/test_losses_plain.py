"""Losses where a default, a floor or a sign could slip: defaults, equal faces, angles beyond 180°, parts left out."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from twinface.networks.backbones import Residual
from twinface.networks.siamese import SiameseNetwork
from twinface.training.losses import LOSSES, Labels, PartByPart, labels_of

PEOPLE = np.array([0, 0, 1, 1, 2, 2])
LEFT, RIGHT = np.array([0, 2, 4, 0, 1, 3]), np.array([1, 3, 5, 2, 4, 5])
LABELS = labels_of(PEOPLE, LEFT, RIGHT, PEOPLE[LEFT] == PEOPLE[RIGHT], "cpu")


def network(distance: str = "euclidean") -> SiameseNetwork:
    torch.manual_seed(1)
    return SiameseNetwork(Residual((1, 16, 16), channels=(2,), embedding=4), distance)


def embeddings(seed: int = 5) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(6, 4)).astype(np.float32))


def value(name: str, given: torch.Tensor, labels: Labels = LABELS, **settings: Any) -> float:
    torch.manual_seed(3)
    return LOSSES[name](4, 3, **settings)(network(), given, labels).item()


def test_labels_are_tensors_of_their_kinds() -> None:
    assert (LABELS.people.tolist(), LABELS.left.tolist(), LABELS.right.tolist()) == (
        PEOPLE.tolist(), LEFT.tolist(), RIGHT.tolist(),
    )  # fmt: skip
    assert LABELS.is_match.tolist() == [1, 1, 1, 0, 0, 0]
    assert (LABELS.people.dtype, LABELS.is_match.dtype) == (torch.int64, torch.float32)
    assert {each.device.type for each in vars(LABELS).values()} == {"cpu"}
    where = labels_of(PEOPLE, LEFT, RIGHT, PEOPLE[LEFT] == PEOPLE[RIGHT], "meta")
    assert {each.device.type for each in vars(where).values()} == {"meta"}


@pytest.mark.parametrize(
    ("name", "defaults", "others"),
    [
        ("contrastive", {"margin": 1.0, "unit": True}, {"margin": 1.1}),
        ("triplet", {"margin": 0.2}, {"margin": 0.3}),
        ("cosface", {"margin": 0.2, "scale": 32.0}, {"scale": 33.0}),
        ("arcface", {"margin": 11.5, "scale": 32.0}, {"scale": 33.0}),
    ],
)
def test_settings_unless_others_are_given(
    name: str, defaults: dict[str, Any], others: dict[str, Any]
) -> None:
    given = torch.cat([embeddings(seed) for seed in range(20)])
    labels = labels_of(np.tile(PEOPLE, 20), LEFT, RIGHT, PEOPLE[LEFT] == PEOPLE[RIGHT], "cpu")
    assert value(name, given, labels) == value(name, given, labels, **defaults)
    assert value(name, given, labels) != value(name, given, labels, **others)


@pytest.mark.parametrize("unit", [True, False])
def test_contrastive_at_distance_0_and_at_the_margin(unit: bool) -> None:
    """Equal genuine faces cost nothing, equal impostors half the square of the margin, far ones nothing."""
    same = torch.tensor([[1.0, 0, 0, 0]] * 6, requires_grad=True)
    loss = LOSSES["contrastive"](4, 3, margin=0.5, unit=unit)(network(), same, LABELS)
    assert loss.item() == pytest.approx(0.5**2 / 2 * 3 / 6, rel=1e-5)
    loss.backward()
    assert torch.isfinite(same.grad).all()
    apart = torch.eye(4)[torch.tensor([0, 0, 1, 1, 2, 2])]
    assert value("contrastive", apart, margin=0.5, unit=unit) == pytest.approx(0, abs=1e-9)
    assert value("contrastive", apart, margin=1.5, unit=unit) == pytest.approx(
        (1.5 - 2**0.5) ** 2 / 4, rel=1e-4
    )
    # Without the scaling to length 1, distances double with the embeddings.
    twice = 2**0.5 if unit else 8**0.5
    assert value("contrastive", 2 * apart, margin=3.0, unit=unit) == pytest.approx(
        (3 - twice) ** 2 / 4, rel=1e-4
    )


@pytest.mark.parametrize("angle", [0.0, 40.0, 100.0, 140.0, 179.0])
@pytest.mark.parametrize(("name", "margin"), [("cosface", 0.3), ("arcface", 60.0)])
def test_the_margin_at_an_angle(name: str, margin: float, angle: float) -> None:
    """Where angle and margin go beyond 180°, ArcFace goes on falling: cos(angle) - margin sin(margin)."""
    loss = LOSSES[name](4, 3, margin=margin)
    found = loss.with_margin(torch.tensor([[math.cos(math.radians(angle))]])).item()
    turned = math.radians(margin)
    if name == "cosface":
        expected = math.cos(math.radians(angle)) - margin
    elif angle + margin <= 180:
        expected = math.cos(math.radians(angle) + turned)
    else:
        expected = math.cos(math.radians(angle)) - turned * math.sin(turned)
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["cosface", "arcface"])
def test_rounding_beyond_1_and_a_vector_of_0_stay_finite(name: str) -> None:
    loss = LOSSES[name](4, 3)
    with torch.no_grad():
        loss.vectors[0] = 0
        loss.vectors[1] = torch.tensor([3.0, 0, 0, 0])
    assert loss.vectors.shape == (3, 4)
    given = torch.tensor([[1.0, 0, 0, 0]] * 6)
    assert math.isfinite(loss(network(), given, LABELS).item())
    assert torch.isfinite(loss.with_margin(torch.tensor([[1.0000001], [-1.0000001]]))).all()


def test_the_scores_of_cross_entropy_are_the_networks() -> None:
    net, given = network("cosine"), embeddings()
    loss = LOSSES["bce"](4, 3)(net, given, LABELS)
    scores = net.score(given[torch.from_numpy(LEFT)], given[torch.from_numpy(RIGHT)]).tolist()
    each = [
        math.log1p(math.exp(-score if same else score))
        for score, same in zip(scores, LABELS.is_match, strict=True)
    ]
    assert loss.item() == pytest.approx(np.mean(each), rel=1e-5)


def test_parts_that_do_not_learn_are_left_out() -> None:
    torch.manual_seed(2)
    learning = LOSSES["cosface"](2, 3)
    together = PartByPart([None, learning, None], (1, 2, 1))
    given = embeddings().requires_grad_()
    loss = together(network(), given, LABELS)
    assert loss.item() == pytest.approx(learning(network(), given[:, 1:3], LABELS).item(), rel=1e-6)
    loss.backward()
    assert (given.grad[:, [0, 3]] == 0).all()
    assert (given.grad[:, 1:3] != 0).any()
    assert len(list(together.parameters())) == 1
