"""Builds a backbone, loss, optimiser, schedule or sampler from its table and its settings.

A table maps a name to a constructor; the constructor's keyword-only arguments, with their types and
defaults, are the component's settings. So a new component is one function in one file.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from pydantic import ValidationError, create_model

from twinface.core.errors import SettingsError
from twinface.core.settings import Component, nearest

T = TypeVar("T")


def build(kind: str, table: Mapping[str, Callable[..., T]], component: Component, *given: Any) -> T:
    """Calls the constructor that `component.name` names, with what is `given` and the component's settings.

    Args:
        kind: what the table holds, for error messages: "loss".
        table: name → constructor.
        component: the name and its settings.
        given: positional arguments that do not come from settings (a network's input shape, say).

    Raises:
        SettingsError: the name or a setting is unknown, or a value has the wrong type or range.
    """
    constructor = check(kind, table, component)
    described: Any = vars(constructor)["__init__"] if inspect.isclass(constructor) else constructor
    hints = get_type_hints(described, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], default) for name, default in settings_of(constructor).items()
    }
    schema = create_model(component.name, **fields)
    try:
        checked = schema.model_validate(component.options)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise SettingsError(f"{kind}.{place}: {problem['msg']} (found {problem['input']!r})") from error
    return constructor(*given, **{name: getattr(checked, name) for name in fields})


def check(kind: str, table: Mapping[str, Callable[..., T]], component: Component) -> Callable[..., T]:
    """The constructor that `component` names, if that and all of its settings exist; see `build`."""
    if component.name not in table:
        raise SettingsError(f'{kind}.name: no {kind} "{component.name}"{nearest(component.name, table)}')
    constructor = table[component.name]
    known = settings_of(constructor)
    for option in component.options:
        if option not in known:
            raise SettingsError(
                f'unknown field "{kind}.{option}" of {component.name}{nearest(option, known)}'
            )
    return constructor


def settings_of(constructor: Callable[..., Any]) -> dict[str, Any]:
    """The settings of a component and their defaults: its keyword-only arguments."""
    parameters = inspect.signature(constructor).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
