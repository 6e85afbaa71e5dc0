"""The record of the people that a model has seen: one hash for each, whichever way the name is written."""

import hashlib
import re

import pytest

from twinface.core.errors import ModelError
from twinface.models.provenance import Provenance, hash_people, hash_person, new_salt

SALT = "salt"


def record(trained: tuple[str, ...] = ("Ann", "Bob"), tuned: tuple[str, ...] = ("Cem",)) -> Provenance:
    return Provenance(SALT, hash_people(trained, SALT), hash_people(tuned, SALT), "two people", "one person")


def test_the_hash_is_the_documented_one() -> None:
    """Models that were made before carry these, so that they must never change."""
    wanted = hashlib.sha256(b"salt\0aaron peirsol").hexdigest()[:16]
    assert hash_person("Aaron_Peirsol", SALT) == wanted == "d731654d19c166f7"


@pytest.mark.parametrize(
    "name",
    [
        "aaron peirsol",
        "AARON PEIRSOL",
        "Aaron__Peirsol",
        " Aaron\tPeirsol_",
        "Ａａｒｏｎ Ｐｅｉｒｓｏｌ",
    ],  # full-width
)
def test_one_person_has_one_hash(name: str) -> None:
    assert hash_person(name, SALT) == hash_person("Aaron_Peirsol", SALT)


@pytest.mark.parametrize(("one", "other"), [("É", "e\u0301"), ("straße", "STRASSE"), ("ﬁn", "fin")])
def test_forms_of_unicode_have_one_hash(one: str, other: str) -> None:
    assert hash_person(one, SALT) == hash_person(other, SALT)


@pytest.mark.parametrize("name", ["AaronPeirsol", "Aaron-Peirsol", "Aaron Peirsol 2", "Peirsol Aaron", ""])
def test_other_people_and_other_salts_have_other_hashes(name: str) -> None:
    assert hash_person(name, SALT) != hash_person("Aaron Peirsol", SALT)
    assert hash_person(name, SALT) != hash_person(name, "pepper")


def test_salts_are_random() -> None:
    salts = {new_salt() for _ in range(100)}
    assert len(salts) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", salt) for salt in salts)


def test_who_was_seen() -> None:
    assert record().seen(["bob", "Cem", "Dee"]) == ({"bob"}, {"Cem"})
    assert record(("Ann",), ("Ann",)).seen(["ann"]) == ({"ann"}, {"ann"})
    assert record().seen([]) == (set(), set())


def test_it_survives_json_in_a_fixed_order() -> None:
    values = record(("b", "a", "c", "d"), ("f", "e")).to_dict()
    assert list(values) == ["salt", "trained_on", "tuned_on", "trained", "tuned"]
    assert values == {
        "salt": SALT,
        "trained_on": "two people",
        "tuned_on": "one person",
        "trained": sorted(hash_person(name, SALT) for name in "abcd"),
        "tuned": sorted(hash_person(name, SALT) for name in "ef"),
    }
    assert Provenance.from_dict(values) == record(("b", "a", "c", "d"), ("f", "e"))


@pytest.mark.parametrize("field", ["salt", "trained", "tuned", "trained_on", "tuned_on"])
def test_a_record_with_a_field_missing_or_of_another_kind_is_damaged(field: str) -> None:
    values = record().to_dict()
    with pytest.raises(ModelError, match=rf"the people that it has seen is damaged \({field}: found 3, need"):
        Provenance.from_dict({**values, field: 3})
    values.pop(field)
    with pytest.raises(ModelError, match=rf"the people that it has seen is damaged \({field} is missing\)"):
        Provenance.from_dict(values)
