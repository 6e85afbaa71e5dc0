"""The people that a model has seen, remembered without their names.

A model file carries a salted hash of each person that the model was trained on, and of each person that its threshold,
its calibration and its best epoch were chosen on. Evaluation checks these hashes before it scores anybody. The hashes
keep names out of the file. They do not hide a name from somebody who tries a list of likely names.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twinface.core.errors import ModelError
from twinface.models.fields import Fields

_HEX_DIGITS = 16  # 64 bits: a chance match among a million people has a probability of 1 in 3e7


@dataclass(frozen=True)
class Provenance:
    """Salted hashes of people.

    Attributes:
        salt: random, a different one for each model.
        trained: hashes of the people that the weights were trained on.
        tuned: hashes of the people that the epoch, the threshold and the calibration were chosen on.
        trained_on, tuned_on: these people in words: "3,634 people of LFW-a".
    """

    salt: str
    trained: frozenset[str]
    tuned: frozenset[str]
    trained_on: str
    tuned_on: str

    def seen(self, names: Iterable[str]) -> tuple[set[str], set[str]]:
        """Which of these people the model was trained on, and which of them it was tuned on."""
        hashes = {name: hash_person(name, self.salt) for name in names}
        trained = {name for name, value in hashes.items() if value in self.trained}
        tuned = {name for name, value in hashes.items() if value in self.tuned}
        return trained, tuned

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in a fixed order."""
        return {
            "salt": self.salt,
            "trained_on": self.trained_on,
            "tuned_on": self.tuned_on,
            "trained": sorted(self.trained),
            "tuned": sorted(self.tuned),
        }

    @classmethod
    def from_dict(cls, values: Any) -> Provenance:
        """The inverse of `to_dict`.

        Raises:
            ModelError: a field is missing or of another kind.
        """
        try:
            fields = Fields(values)
            return cls(
                fields.text("salt"),
                frozenset(fields.texts("trained")),
                frozenset(fields.texts("tuned")),
                fields.text("trained_on"),
                fields.text("tuned_on"),
            )
        except ValueError as error:
            raise ModelError(
                f"the model's record of the people that it has seen is damaged ({error})"
            ) from error


def new_salt() -> str:
    """32 random hexadecimal digits."""
    return secrets.token_hex(16)


def hash_people(names: Iterable[str], salt: str) -> frozenset[str]:
    """Salted hashes of people's names."""
    return frozenset(hash_person(name, salt) for name in names)


def hash_person(name: str, salt: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of salt and name.

    Names that differ only in upper and lower case, in spaces and underscores, or in their Unicode form have one hash.

    >>> hash_person("Aaron_Peirsol", "salt") == hash_person("aaron peirsol", "salt")
    True
    """
    return hashlib.sha256(f"{salt}\0{plain_name(name)}".encode()).hexdigest()[:_HEX_DIGITS]


def plain_name(name: str) -> str:
    """A name as it is hashed. Two names of one plain form are taken for one person.

    >>> plain_name("Aaron_Peirsol")
    'aaron peirsol'
    >>> plain_name("Καΐρης") == plain_name("Καΐρης".upper())
    True
    """
    folded = unicodedata.normalize("NFKC", name).casefold()  # takes some letters apart again
    plain = unicodedata.normalize("NFKC", folded).replace("_", " ")
    return " ".join(plain.split())
