"""A point of a search: the settings that vary, and a value for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Point = Mapping[str, Any]
"""Dotted field names of a recipe and their values: `{"trainer.epochs": 5}`."""


def describe(point: Point) -> str:
    """A point in one line: the last part of each field's name, and its value.

    >>> describe({"optimizer.learning_rate": 0.001, "trainer.epochs": 5})
    'learning_rate 0.001, epochs 5'
    """
    return ", ".join(f"{field.split('.')[-1]} {readable(value)}" for field, value in point.items())


def readable(value: Any) -> str:
    """A setting's value as short text.

    >>> readable(0.001), readable({"name": "koch", "dropout": 0.2}), readable([1, 2])
    ('0.001', 'koch dropout 0.2', '1 2')
    """
    if isinstance(value, Mapping):
        rest = [f"{key} {readable(each)}" for key, each in value.items() if key != "name"]
        return " ".join([str(value.get("name", "")), *rest]).strip()
    if isinstance(value, list | tuple):
        return " ".join(map(readable, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
