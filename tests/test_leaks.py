"""Who may be scored: pairs with people that the model has seen are counted, and refused unless that is allowed."""

from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import DataError, LeakError
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet
from twinface.datasets.orl import Orl
from twinface.evaluation.leaks import check_leak, unseen_pairs, untrained_people
from twinface.evaluation.summary import SeenPeople
from twinface.faces.preparation import Preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.provenance import Provenance, hash_people
from twinface.models.record import ModelRecord

NAMES = ("Ann", "Bob", "Cem", "Dee")


def model(trained: tuple[str, ...] = (), tuned: tuple[str, ...] = ()) -> ModelRecord:
    seen = Provenance("salt", hash_people(trained, "salt"), hash_people(tuned, "salt"), "some", "others")
    return ModelRecord(
        "toy", Preparation(WHOLE_FRAME, 16, 16, "gray"), "any", 2, "cosine", {}, Threshold(0.5, "toys"),
        Calibration(1.0, 0.0, "toys"), seen, {}, 0, {},
    )  # fmt: skip


def pairs(*sides: tuple[int, int], folds: bool = False) -> PairSet:
    """Pairs of people; each person has two pictures, of which the right side takes the second."""
    people = np.repeat(np.arange(4), 2)
    faces = FaceSet("toys", Path(), tuple(f"{n}.png" for n in range(8)), people, NAMES)
    left, right = np.array(sides, np.int64).reshape(-1, 2).T
    fold = np.arange(len(left)) if folds else None
    return PairSet("toy pairs", faces, 2 * left, 2 * right + 1, left == right, fold)


@pytest.mark.parametrize(
    ("trained", "tuned", "sides", "found"),
    [
        ((), (), [(0, 0), (1, 2)], SeenPeople(0, 0, 0)),
        (("ann",), (), [(0, 0), (1, 2), (3, 0)], SeenPeople(1, 0, 2)),
        ((), ("Cem", "Dee"), [(0, 0), (1, 2), (3, 3), (2, 3)], SeenPeople(0, 2, 3)),
        (("Ann", "Bob"), ("Dee",), [(0, 1), (2, 2), (3, 2)], SeenPeople(2, 1, 2)),
        # Somebody in both lists, in pairs of nobody else.
        (("Ann",), ("Ann",), [(0, 0)], SeenPeople(1, 1, 1)),
        # People in the data that no pair shows do not make a leak.
        (("Ann",), (), [(1, 1), (1, 2)], SeenPeople(1, 0, 0)),
        (("Ann",), (), [], SeenPeople(1, 0, 0)),
    ],
)
def test_seen_people_are_counted_and_refused(
    trained: tuple[str, ...], tuned: tuple[str, ...], sides: list[tuple[int, int]], found: SeenPeople
) -> None:
    assert check_leak(model(trained, tuned), pairs(*sides), allow_seen=True) == found
    if found.pairs:
        said = (
            f"toy pairs: the model toy has seen {found.trained_on} of these 4 people in training and fitted its "
            f"threshold on {found.tuned_on}; {found.pairs} of {len(sides)} pairs are not a test"
        )
        with pytest.raises(LeakError, match=said) as caught:
            check_leak(model(trained, tuned), pairs(*sides))
        assert str(caught.value).endswith("for figures that say so")
    else:
        assert check_leak(model(trained, tuned), pairs(*sides)) == found


def test_pairs_in_folds_can_be_used_by_ten_models() -> None:
    with pytest.raises(LeakError, match=r"say so; or train ten models without them: twinface view2 RECIPE$"):
        check_leak(model(("Ann",)), pairs((0, 0), (1, 2), folds=True))


def test_nobody_is_no_leak() -> None:
    nobody = FaceSet("empty", Path(), (), np.zeros(0, np.int64), ())
    none = np.zeros(0, np.int64)
    empty = PairSet("none", nobody, none, none, none.astype(np.bool_))
    assert check_leak(model(("Ann",)), empty) == SeenPeople(0, 0, 0)


def test_unseen_pairs_are_of_everybody_else() -> None:
    orl = Orl()
    trained, tuned = tuple(f"orl_s{n}" for n in range(1, 29)), tuple(f"orl_s{n}" for n in range(28, 35))
    drawn = unseen_pairs(orl, model(trained, tuned))
    assert drawn.faces.names == tuple(f"orl_s{n}" for n in range(35, 41))
    assert drawn.faces.name == "6 unseen people of ORL faces"
    # Ten pictures each: all their 45 genuine pairs, and as many impostor pairs.
    assert (len(drawn), int(drawn.is_match.sum())) == (2 * 6 * 45, 6 * 45)
    assert check_leak(model(trained, tuned), drawn) == SeenPeople(0, 0, 0)


def test_unseen_pairs_are_drawn_as_asked() -> None:
    orl, record = Orl(), model(tuple(f"orl_s{n}" for n in range(1, 39)))

    def sides(seed: int) -> list[tuple[int, int]]:
        drawn = unseen_pairs(orl, record, per_person=3, seed=seed)
        assert len(drawn) == 2 * 2 * 3
        return list(zip(drawn.left.tolist(), drawn.right.tolist(), strict=True))

    assert sides(1) == sides(1) != sides(2)
    drawn = unseen_pairs(orl, record)
    assert drawn.left.tolist() == unseen_pairs(orl, record, seed=0).left.tolist()
    assert len(drawn) == 2 * 2 * 45


@pytest.mark.parametrize("left", [0, 1])
def test_two_people_are_needed(left: int) -> None:
    with pytest.raises(DataError, match=f"ORL faces: {left} people that toy has not seen, need at least 2"):
        unseen_pairs(Orl(), model(tuple(f"orl_s{n}" for n in range(1, 41 - left))))


def test_forty_five_genuine_pairs_of_a_person_unless_more_are_asked_for() -> None:
    class ManyPictures(Orl):
        """Two people with twelve pictures each: 66 genuine pairs."""

        def faces(self) -> FaceSet:
            return FaceSet("m", Path(), tuple(map(str, range(24))), np.repeat([0, 1], 12), ("Ann", "Bob"))

    drawn = unseen_pairs(ManyPictures(), model())
    assert np.bincount(drawn.people[drawn.is_match][:, 0]).tolist() == [45, 45]
    assert len(unseen_pairs(ManyPictures(), model(), per_person=50)) == 2 * 2 * 50


def test_people_that_a_model_was_not_trained_on() -> None:
    """Those that it was tuned on are among them."""
    faces = pairs((0, 0)).faces
    found = untrained_people(model(("Bob", "Eve"), ("Ann",)), faces)
    assert found.names == ("Ann", "Cem", "Dee")
    assert found.paths == ("0.png", "1.png", "4.png", "5.png", "6.png", "7.png")
    assert untrained_people(model((), ("Ann",)), faces) is faces
    assert untrained_people(model(("Ann", "Bob")), faces).names == ("Cem", "Dee")
    with pytest.raises(
        DataError, match="toys: toy was trained on 3 of these 4 people, need at least 2 others"
    ):
        untrained_people(model(("Ann", "Bob", "Cem")), faces)
