"""Who is trained on, validated on and kept out: numbers, words, seeds, and the same people again from a record."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from twinface.core.errors import DataError, SettingsError
from twinface.core.settings import Settings
from twinface.core.types import WHOLE_FRAME, PairSet
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.orl import Orl
from twinface.datasets.splits import split_pairs, split_pairs_at_random, split_people
from twinface.datasets.training_split import split_dataset, validation_of
from twinface.faces.preparation import Preparation
from twinface.models.decision import Calibration, Threshold
from twinface.models.provenance import Provenance, hash_people
from twinface.models.record import ModelRecord


class WithPairs(Orl):
    """ORL with official training pairs, as LFW has them: genuine ones, and a chain of impostors of each five people."""

    title = "paired faces"

    def training_pairs(self) -> PairSet:
        drawn = draw_pairs(self.faces(), seed=0, max_per_person=3)
        group = drawn.people // 5
        return replace(pair_set(drawn, group[:, 0] == group[:, 1]), name="official pairs")


def pair_set(pairs: PairSet, chosen: np.ndarray) -> PairSet:
    return replace(pairs, left=pairs.left[chosen], right=pairs.right[chosen], is_match=pairs.is_match[chosen])


def settings(validation: dict[str, Any] | None = None, **data: Any) -> Settings:
    values: dict[str, Any] = {"data": data, "validation": validation or {}}
    if "supervision" in data:
        values |= {"sampling": {"name": "given-pairs"}, "loss": {"name": "bce"}}
    return Settings.model_validate(values)


def sides(pairs: PairSet) -> list[tuple[str, str]]:
    paths = pairs.faces.paths
    return [(paths[left], paths[right]) for left, right in zip(pairs.left, pairs.right, strict=True)]


def test_three_groups_without_a_common_person() -> None:
    orl = Orl()
    split = split_dataset(
        orl,
        settings(
            {"per_person": 7, "pairs": 50}, validation_people=8, test_people=12, test_part=1, split_seed=5
        ),
    )
    kept, tested = split_people(orl.faces(), 12, 5, part=1)
    trained, tuned = split_people(kept, 8, 6)
    assert (len(trained.names), len(tuned.names), len(tested.names)) == (20, 8, 12)
    assert split.source.faces.names == trained.names
    assert split.source.pairs is None
    assert split.validation.faces.names == tuned.names
    assert sides(split.validation) == sides(draw_pairs(tuned, 5, max_per_person=7, limit=50))
    assert split.trained_on == "20 people of ORL faces"
    assert split.tuned_on == "8 other people of ORL faces"


@pytest.mark.parametrize("limit", [4000, 60])
def test_most_pairs_of_a_person_and_in_all(limit: int) -> None:
    split = split_dataset(Orl(), settings({"per_person": 5, "pairs": limit}, validation_people=0.25))
    assert len(split.validation.faces.names) == 10
    assert len(split.validation) == min(limit, 2 * 10 * 5)


def test_parts_validate_everybody_once() -> None:
    parts = [split_dataset(Orl(), settings(validation_people=10, validation_part=part)) for part in range(4)]
    for part in parts:
        assert not set(part.source.faces.names) & set(part.validation.faces.names)
    names = [name for part in parts for name in part.validation.faces.names]
    assert len(names) == len(set(names)) == 40
    with pytest.raises(
        DataError,
        match=r"data\.validation_people = 10, data\.validation_part = 4: there is no part 4 of 10 people: .* for 4 "
        r"parts, numbered from 0\. Add people, or change it, for example --set data\.validation_part=0",
    ):
        split_dataset(Orl(), settings(validation_people=10, validation_part=4))


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ({"test_people": 40, "test_part": 1}, {"test_people": 13, "test_part": 0}),
        ({"test_people": 20, "test_part": 2}, {"test_part": 0}),
        ({"test_people": 40}, {"test_people": 13}),
        ({"test_people": 39}, {"test_people": 0.3}),
        ({"test_people": 38}, {"test_people": 0.3}),
        ({"test_people": 10, "validation_people": 30}, {"validation_people": 10}),
        ({"validation_people": 40, "validation_part": 3}, {"validation_people": 13, "validation_part": 0}),
    ],
)
def test_the_advice_of_an_error_works(data: dict[str, Any], advice: dict[str, Any]) -> None:
    options = " ".join(f"--set data.{field}={value}" for field, value in advice.items())
    with pytest.raises(DataError) as caught:
        split_dataset(Orl(), settings(**data))
    assert str(caught.value).endswith(f"Add people, or change it, for example {options}")
    split_dataset(Orl(), settings(**data | advice))


def test_without_test_people_nobody_is_kept_out() -> None:
    split = split_dataset(Orl(), settings(validation_people=10))
    assert len(set(split.source.faces.names) | set(split.validation.faces.names)) == 40


def test_pairs_are_drawn_where_there_are_none() -> None:
    """Of the people who are trained on; the names themselves are not used then."""
    split = split_dataset(
        Orl(), settings({"per_person": 4}, supervision="pairs", validation_people=10, split_seed=3)
    )
    trained, _ = split_people(Orl().faces(), 10, 4)
    assert split.source.pairs is not None
    assert split.source.faces is split.source.pairs.faces
    assert sides(split.source.pairs) == sides(draw_pairs(trained, 3, max_per_person=4))
    assert len(split.source.pairs) == 2 * 30 * 4


def test_official_pairs_are_split() -> None:
    dataset = WithPairs()
    given = dataset.training_pairs()
    split = split_dataset(dataset, settings(supervision="pairs", validation_people=0.25, split_seed=2))
    rest, held = split_pairs(given, 0.25, 2)
    assert split.source.pairs is not None
    assert sides(split.source.pairs) == sides(rest)
    assert split.source.faces is split.source.pairs.faces
    assert sides(split.validation) == sides(held)
    assert not set(rest.faces.names) & set(held.faces.names)
    assert len(rest) + len(held) == len(given)
    assert split.trained_on == f"{len(rest)} pairs of official pairs"
    assert split.tuned_on == f"{len(held)} pairs of other people of official pairs"


@pytest.mark.parametrize("split", ["pairs", "pairs-by-label"])
def test_official_pairs_are_split_at_random_if_asked_for(split: str) -> None:
    """The same people are in both parts, and the words say so."""
    dataset = WithPairs()
    given = dataset.training_pairs()
    found = split_dataset(
        dataset, settings(supervision="pairs", validation_people=0.25, split_seed=2, split=split)
    )
    rest, held = split_pairs_at_random(given, 0.25, 2, by_label=split == "pairs-by-label")
    assert found.source.pairs is not None
    assert sides(found.source.pairs) == sides(rest)
    assert sides(found.validation) == sides(held)
    assert set(rest.faces.names) & set(held.faces.names)
    assert found.trained_on == f"{len(rest)} pairs of official pairs"
    assert found.tuned_on == f"{len(held)} pairs of official pairs, of people who are in training too"


@pytest.mark.parametrize("values", [{}, {"supervision": "pairs"}])
def test_only_official_pairs_are_split_at_random(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r'data\.split = "pairs" needs the official pairs of a data set'):
        split_dataset(Orl(), settings(validation_people=0.25, split="pairs", **values))


@pytest.mark.parametrize("share", [1, 1.0, 8])
def test_official_pairs_need_a_share(share: float) -> None:
    with pytest.raises(SettingsError, match=rf"validation_people = {share}: .* a fraction of them, below 1"):
        split_dataset(WithPairs(), settings(supervision="pairs", validation_people=share))


def test_official_pairs_have_one_set_of_validation_pairs() -> None:
    with pytest.raises(
        SettingsError, match="validation_part = 2: the official pairs of paired faces have one set"
    ):
        split_dataset(WithPairs(), settings(supervision="pairs", validation_people=0.2, validation_part=2))


def test_names_can_be_used_where_there_are_official_pairs() -> None:
    split = split_dataset(WithPairs(), settings(validation_people=10))
    assert split.source.pairs is None
    assert split.trained_on == "30 people of paired faces"


def record(chosen: Settings, tuned: tuple[str, ...]) -> ModelRecord:
    seen = Provenance("salt", frozenset(), hash_people(tuned, "salt"), "some", "others")
    return ModelRecord(
        "toy", Preparation(WHOLE_FRAME, 16, 16, "gray"), "any", 2, "cosine", {}, Threshold(0.5, "toys"),
        Calibration(1.0, 0.0, "toys"), seen, chosen.to_dict(), 0, {},
    )  # fmt: skip


def test_validation_pairs_are_found_again() -> None:
    chosen = settings({"pairs": 60}, validation_people=8, split_seed=5)
    pairs = split_dataset(Orl(), chosen).validation
    names = pairs.faces.names
    found = validation_of(record(chosen, names), Orl())
    assert found is not None
    assert sides(found) == sides(pairs)
    assert validation_of(record(chosen, names[1:]), Orl()) is None
    assert validation_of(record(chosen, ()), Orl()) is None
    other = settings({"pairs": 60}, validation_people=8, split_seed=6)
    assert validation_of(record(other, names), Orl()) is None


def test_settings_of_another_version_find_nothing() -> None:
    made = record(settings(validation_people=8), ())
    made.settings["unheard"] = {"of": 1}
    assert validation_of(made, Orl()) is None
