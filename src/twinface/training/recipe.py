"""Recipes: settings by name or from a TOML file, with single fields overridden."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from twinface.core.errors import SettingsError
from twinface.core.registry import settings_of
from twinface.core.settings import Settings, settings_from
from twinface.core.suggestion import nearest
from twinface.datasets.names import unsafe_name

_COMPONENTS = {"loss", "optimizer", "projection", "sampling", "schedule", "network.backbone"}


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    folder = resources.files("twinface.training") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load_recipe(name: str, overrides: Iterable[str] = ()) -> Settings:
    """Reads a recipe by its name, or by the path of a TOML file, and applies `field=value` overrides.

    Raises:
        SettingsError: no such recipe, a file that is not TOML, an unknown field, an impossible value.
    """
    values, source = read_recipe(name)
    overrides = list(overrides)
    try:
        return settings_from(override(values, overrides), source)
    except SettingsError as error:
        for text in overrides:
            path = text.partition("=")[0].strip()
            if "." not in path and path not in Settings.model_fields and (places := _places_of(path)):
                raise SettingsError(
                    f'--set {text}: unknown field "{path}"; did you mean {places}?'
                ) from error
        raise


def recipe_comment(name: str) -> list[str]:
    """The comment at the top of a recipe that comes with the package, as lines; none for any other."""
    if name not in recipe_names():
        return []
    lines = _shipped(name).splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return [line.removeprefix("#").strip() for line in comment]


def _places_of(name: str) -> str:
    """The dotted fields whose last word this is, of sections and of components: "sampling.batch_size"."""
    from twinface.networks.backbones import BACKBONES
    from twinface.networks.projections import PROJECTIONS
    from twinface.training.losses import LOSSES
    from twinface.training.optimizers import OPTIMIZERS
    from twinface.training.sampling import SAMPLERS
    from twinface.training.schedules import SCHEDULES

    tables: dict[str, Mapping[str, Callable[..., Any]]] = {
        "sampling": SAMPLERS,
        "loss": LOSSES,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "projection": PROJECTIONS,
        "network.backbone": BACKBONES,
    }
    found = [
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        if name in getattr(field.annotation, "model_fields", {}) and f"{section}.{name}" not in _COMPONENTS
    ]
    found += [kind for kind in _COMPONENTS if kind.rpartition(".")[2] == name]
    for kind, table in tables.items():
        if any(name in settings_of(constructor) for constructor in table.values()):
            found.append(f"{kind}.{name}")
    return " or ".join(f'"{place}"' for place in found)


def default_folder(settings: Settings, ending: object) -> Path:
    """The run folder where none was chosen: `runs/RECIPE-ENDING`.

    Raises:
        SettingsError: the recipe's name cannot be a part of a folder's name, and could lead out of `runs`.
    """
    if problem := unsafe_name(settings.recipe):
        raise SettingsError(
            f"recipe = {settings.recipe!r}: {problem}, need a plain name for the folder in runs/; change it, or choose "
            "a folder with --out"
        )
    return Path("runs") / f"{settings.recipe}-{ending}"


def read_recipe(name: str) -> tuple[dict[str, Any], str]:
    """A recipe's plain values, unchecked, and what to call it in an error.

    A file may begin with `base = "NAME"`, a recipe that comes with the package; it then says only what differs.

    Raises:
        SettingsError: no such recipe, or a file that is not TOML.
    """
    if name in recipe_names():
        text = _shipped(name)
        source = f"recipe {name}"
    elif name.endswith(".toml"):
        try:
            # Editors on Windows begin a file with a byte order mark.
            text = Path(name).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}: cannot be read as a recipe ({error}); give a TOML file") from error
        source = name
    else:
        raise SettingsError(
            f'no recipe "{name}"{nearest(name, recipe_names())}; or give the path of a .toml file'
        )
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not TOML: {error}") from error
    if "base" in values:
        base = values.pop("base")
        if base not in recipe_names():
            raise SettingsError(f'{source}: base: no recipe "{base}"{nearest(str(base), recipe_names())}')
        own = {"recipe": Path(name).stem, "description": f"changed from the recipe {base}", "suits": ""}
        values = _merged(read_recipe(base)[0] | own, values)
    values.setdefault("recipe", Path(name).stem)
    return values, source


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values with some fields changed; a component with another name replaces the former one as a whole."""
    result = dict(base)
    for field, value in changes.items():
        before = base.get(field)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            own_name = before.get("name")
            result[field] = _merged(before, value) if value.get("name", own_name) == own_name else value
        else:
            result[field] = value
    return result


def _shipped(name: str) -> str:
    return (resources.files("twinface.training") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")


def override(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Applies overrides such as `trainer.epochs=5` to plain values; the right side is TOML or a bare word.

    A component is replaced as a whole by naming it (`loss=bce`) or field by field (`loss.margin=0.2`).

    Raises:
        SettingsError: an override without `=`, or one that reaches into something that has no fields.

    >>> override({"trainer": {"epochs": 9}}, ["trainer.epochs=5", "loss=bce"])
    {'trainer': {'epochs': 5}, 'loss': {'name': 'bce'}}
    >>> override({}, ["projection=none", "validation.patience=none"])
    {'projection': {'name': 'none'}, 'validation': {'patience': None}}
    """
    result = values
    for text in overrides:
        path, equals, right = text.partition("=")
        if not equals or not path.strip():
            raise SettingsError(f'--set {text}: need FIELD=VALUE, for example "trainer.epochs=5"')
        path, right = path.strip(), right.strip()
        # "none" is no value, except where it is a name: projection.name=none.
        is_name = path in _COMPONENTS or path.endswith(".name")
        result = assign(
            result, path, right if right == "none" and is_name else _parsed(right), f"--set {text}"
        )
    return _copied(result)


def assign(values: Mapping[str, Any], path: str, value: Any, source: str) -> dict[str, Any]:
    """A copy of plain values with the field at a dotted path changed; a bare word makes a component by its name.

    Raises:
        SettingsError: the path reaches into something that has no fields.
    """
    result: dict[str, Any] = _copied(values)
    *parents, leaf = path.split(".")
    place = result
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise SettingsError(f'{source}: "{parent}" has a value and no fields')
    is_component = path in _COMPONENTS and isinstance(value, str)
    place[leaf] = {"name": value} if is_component else value
    return result


def _parsed(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return None if text == "none" else text


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in values.items()}
