"""Reads JSON that may be damaged or made by others into frozen records: every value is checked, errors are one line."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

Record = TypeVar("Record")


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object in a text.

    Raises:
        ValueError: the text is no JSON, is nested too deeply, has a number that is not finite, or is no object.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"found {_shown(value)}, need an object with fields")
    return value


def record_from(kind: type[Record], values: dict[str, Any]) -> Record:
    """A frozen dataclass from plain values, with each value checked against the type of its field.

    Args:
        kind: the dataclass. Values that it has no field for are left out.
        values: field → value, as JSON has them.

    Raises:
        ValueError: a value is missing or of another type; the message names the field.
    """
    schema: Any = kind
    try:
        # As JSON, because pydantic's strict mode takes a nested record from JSON, and from Python only an instance.
        record: Record = _adapter(schema).validate_json(json.dumps(values), strict=True)
        return record
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the record"
        if problem["type"] == "missing":
            raise ValueError(f'"{place}" is missing') from error
        message = problem["msg"][:1].lower() + problem["msg"][1:]
        raise ValueError(f"{place}: {message} (found {_shown(problem['input'])})") from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _refuse(constant: str) -> None:
    raise ValueError(f"found {constant}, need numbers that are finite")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse(digits)
    return number


def _shown(value: Any) -> str:
    """A value as JSON has it, in at most 40 characters."""
    shown = json.dumps(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
