"""Whom a model has seen, remembered without their names.

A model file carries a salted hash of each person it was trained on and of each person its threshold,
calibration and best epoch were chosen on. Evaluation asks it before it scores anybody. The hash keeps
names out of the file; it does not hide them from someone who tries a list of likely names.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twinface.core.errors import ModelError

_HEX_DIGITS = 16  # 64 bits: among a million people a chance match has odds of 1 to 3e7


@dataclass(frozen=True)
class Provenance:
    """Salted hashes of people.

    Attributes:
        salt: random, of this model alone.
        trained: hashes of the people whose pictures set the weights.
        tuned: hashes of the people on whom epoch, threshold and calibration were chosen.
        trained_on, tuned_on: the same in words.
    """

    salt: str
    trained: frozenset[str]
    tuned: frozenset[str]
    trained_on: str
    tuned_on: str

    def seen(self, names: Iterable[str]) -> tuple[set[str], set[str]]:
        """Which of these people the model was trained on, and which it was tuned on."""
        hashes = {name: hash_person(name, self.salt) for name in names}
        trained = {name for name, value in hashes.items() if value in self.trained}
        tuned = {name for name, value in hashes.items() if value in self.tuned}
        return trained, tuned

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in a fixed order."""
        return {
            "salt": self.salt,
            "trained_on": self.trained_on,
            "tuned_on": self.tuned_on,
            "trained": sorted(self.trained),
            "tuned": sorted(self.tuned),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Provenance:
        """The inverse of `as_dict`.

        Raises:
            ModelError: a field is missing or of another kind.
        """
        try:
            return cls(
                str(values["salt"]),
                frozenset(map(str, values["trained"])),
                frozenset(map(str, values["tuned"])),
                str(values["trained_on"]),
                str(values["tuned_on"]),
            )
        except (KeyError, TypeError) as error:
            raise ModelError(f"the model's record of whom it has seen is damaged ({error!r})") from error


def new_salt() -> str:
    """32 random hexadecimal digits."""
    return secrets.token_hex(16)


def hash_people(names: Iterable[str], salt: str) -> frozenset[str]:
    """Salted hashes of people's names."""
    return frozenset(hash_person(name, salt) for name in names)


def hash_person(name: str, salt: str) -> str:
    """SHA-256 of salt and name, shortened; spelling variants in case, spaces and Unicode form count as one.

    >>> hash_person("Aaron_Peirsol", "salt") == hash_person("aaron peirsol", "salt")
    True
    """
    plain = unicodedata.normalize("NFKC", name).casefold().replace("_", " ")
    return hashlib.sha256(f"{salt}\0{' '.join(plain.split())}".encode()).hexdigest()[:_HEX_DIGITS]
