"""Builds a component (a backbone, loss, optimizer, schedule or sampler) from its table and its settings.

A table maps a name to a constructor. The constructor's keyword-only arguments, with their types and defaults, are the
component's settings. So a new component is one function in one file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from twinface.core.errors import SettingsError
from twinface.core.fields import LARGEST
from twinface.core.suggestion import nearest

T = TypeVar("T")


class Component(BaseModel):
    """The choice of a component: its `name`, and its settings beside it.

    Attributes:
        name: an entry of a table of constructors.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False, strict=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The settings beside `name`."""
        return dict(self.__pydantic_extra__ or {})


def build(kind: str, table: Mapping[str, Callable[..., T]], component: Component, *given: Any) -> T:
    """Calls the constructor of a component with the component's settings.

    Args:
        kind: what the table holds, for error messages: "loss".
        table: name → constructor.
        component: the name and the settings.
        given: positional arguments that do not come from settings, such as a network's input shape.

    Raises:
        SettingsError: the name or a setting is unknown, or a value has the wrong type or range.
    """
    constructor, values = _checked(kind, table, component)
    return constructor(*given, **values)


def check(kind: str, table: Mapping[str, Callable[..., T]], component: Component) -> Callable[..., T]:
    """The constructor of a component, after a check of its name and of all its settings; see `build`.

    Raises:
        SettingsError: the name or a setting is unknown, or a value has the wrong type or range.
    """
    return _checked(kind, table, component)[0]


def _checked(
    kind: str, table: Mapping[str, Callable[..., T]], component: Component
) -> tuple[Callable[..., T], dict[str, Any]]:
    """The constructor of a component, and its keyword-only arguments."""
    if component.name not in table:
        raise SettingsError(f'{kind}.name: no {kind} "{component.name}"{nearest(component.name, table)}')
    constructor = table[component.name]
    known = settings_of(constructor)
    for option in component.options:
        if option not in known:
            raise SettingsError(
                f'unknown field "{kind}.{option}" of {component.name}{nearest(option, known)}'
            )
    described: Any = vars(constructor)["__init__"] if inspect.isclass(constructor) else constructor
    hints = get_type_hints(described, include_extras=True)
    fields: dict[str, Any] = {name: (hints[name], default) for name, default in known.items()}
    schema = create_model(component.name, __config__=ConfigDict(allow_inf_nan=False, strict=True), **fields)
    try:
        checked = schema.model_validate(component.options)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise SettingsError(f"{kind}.{place}: {problem['msg']} (found {problem['input']!r})") from error
    _check_sizes(kind, component.options)
    return constructor, {name: getattr(checked, name) for name in fields}


def _check_sizes(place: str, value: Any) -> None:
    """Refuses numbers whose size no constructor is ready for."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_sizes(f"{place}.{name}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _check_sizes(f"{place}.{number}", inner)
    elif isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:
        raise SettingsError(f"{place}: found {value!r}, need a number from {-LARGEST:g} to {LARGEST:g}")


def settings_of(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The settings of a component and their defaults: its keyword-only arguments."""
    parameters = inspect.signature(constructor).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
