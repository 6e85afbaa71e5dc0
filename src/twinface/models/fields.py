"""Reads the fields of a JSON object that somebody else may have written: each with its type and its range.

pydantic would do this too, but its import takes as long as loading a model.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from twinface.core.types import Float32Array

MAX_TEXT = 32 << 20  # characters of JSON: the hashes of 1.6 million people
MAX_DEPTH = 20


class Fields:
    """The fields of one object. Each method returns a field's value, once it is checked.

    Args:
        values: parsed JSON.
        place: where the object is, for errors: "threshold."

    Raises:
        ValueError: from here and from every method: a field is missing or has another value; the message names it.

    Example:
        >>> Fields({"seed": 3}, "").whole("seed", 0, 9)
        3
        >>> Fields({"value": "0.3"}, "threshold.").number("value")
        Traceback (most recent call last):
        ...
        ValueError: threshold.value: found '0.3', need a finite number
    """

    def __init__(self, values: Any, place: str = "") -> None:
        if not isinstance(values, dict):
            raise ValueError(f"{place.rstrip('.') or 'the record'}: found {_shown(values)}, need an object")
        self._values: dict[str, Any] = values
        self._place = place

    def number(self, name: str) -> float:
        """A finite number."""
        return float(self._checked(name, _is_number, "a finite number"))

    def number_or_none(self, name: str) -> float | None:
        """A finite number, or null, or nothing."""
        return None if self._values.get(name) is None else self.number(name)

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""

        def fits(value: Any) -> bool:
            return type(value) is int and low <= value <= high

        found: int = self._checked(name, fits, f"a whole number from {low} to {high}")
        return found

    def text(self, name: str) -> str:
        """A text."""
        found: str = self._checked(name, _is_text, "a text")
        return found

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        found: list[str] = self._checked(name, _are_texts, "a list of texts")
        return found

    def named_texts(self, name: str) -> dict[str, str]:
        """An object whose values are texts."""
        found: dict[str, str] = self._checked(name, _are_named_texts, "an object of texts")
        return found

    def plain(self, name: str) -> dict[str, Any]:
        """An object of any plain values."""
        found: dict[str, Any] = self._checked(name, lambda value: isinstance(value, dict), "an object")
        return found

    def plain_or_none(self, name: str) -> dict[str, Any] | None:
        """An object of any plain values, or null, or nothing."""
        return None if self._values.get(name) is None else self.plain(name)

    def names(self) -> list[str]:
        """The names of all fields, in their order."""
        return list(self._values)

    def has(self, name: str) -> bool:
        """Whether there is a field of that name."""
        return name in self._values

    def inside(self, name: str) -> Fields:
        """The fields of an object in this one."""
        return Fields(self._required(name), f"{self._place}{name}.")

    def objects(self, name: str, most: int) -> list[Fields]:
        """The fields of each object of a list that has at most `most`."""

        def fits(value: Any) -> bool:
            return isinstance(value, list) and len(value) <= most

        found: list[Any] = self._checked(name, fits, f"a list of at most {most} objects")
        return [Fields(value, f"{self._place}{name}[{row}].") for row, value in enumerate(found)]

    def array(self, name: str, shape: tuple[int, ...]) -> Float32Array:
        """An array of finite float32 numbers, as `packed` writes it."""
        inside = self.inside(name)
        if inside._required("shape") != list(shape):
            raise ValueError(
                f"{inside._place}shape: found {_shown(inside._values['shape'])}, need {list(shape)}"
            )
        try:
            data = base64.b64decode(inside.text("float32"), validate=True)
        except ValueError as error:
            raise ValueError(f"{inside._place}float32: not base64 ({error})") from error
        count = math.prod(shape)
        if len(data) != 4 * count:
            raise ValueError(f"{inside._place}float32: found {len(data)} bytes, need {4 * count}")
        array = np.frombuffer(data, "<f4").reshape(shape).astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError(f"{inside._place}float32: a number is not finite")
        return array

    def _required(self, name: str) -> Any:
        if name not in self._values:
            raise ValueError(f"{self._place}{name} is missing")
        return self._values[name]

    def _checked(self, name: str, fits: Callable[[Any], bool], needed: str) -> Any:
        value = self._required(name)
        if not fits(value):
            raise ValueError(f"{self._place}{name}: found {_shown(value)}, need {needed}")
        return value


def packed(array: Float32Array) -> dict[str, Any]:
    """An array as JSON can hold it: little-endian float32 in base64."""
    data = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(data).decode()}


def parse_fields(text: str) -> Fields:
    """The fields of a JSON object in a text.

    Raises:
        ValueError: the text is too long, is no JSON object, is nested more than `MAX_DEPTH` deep, or has a number that
            is not finite.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"found {len(text):,} characters, need at most {MAX_TEXT:,}")
    try:
        values = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    _check_depth(values, MAX_DEPTH)
    return Fields(values)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"found the number {text[:40]}, need finite ones")
    return value


def _check_depth(value: Any, levels: int) -> None:
    if levels < 0:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, levels - 1)


def _is_number(value: Any) -> bool:
    # A whole number may be too large for a float.
    return type(value) in (int, float) and -1e300 < value < 1e300


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _shown(value: Any) -> str:
    """A value in at most 40 characters; of a container only its kind."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
