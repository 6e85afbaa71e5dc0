"""`twinface recipes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json
from twinface.cli.options import Json, Overrides

if TYPE_CHECKING:
    from twinface.core.settings import Settings
    from twinface.models.layer import Layer

app = typer.Typer(
    help="List the recipes: what each trains, and for which photos.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def recipes(context: typer.Context, json: Json = False) -> None:
    """List the recipes: what each trains, and for which photos."""
    if context.invoked_subcommand:
        if json:
            raise typer.BadParameter("--json goes after the command: `twinface recipes show NAME --json`")
        return
    from twinface.training.recipe import load_recipe, recipe_names

    found = [load_recipe(name) for name in recipe_names()]
    if json:
        print_json(
            [{"name": each.recipe, "description": each.description, "suits": each.suits} for each in found]
        )
        return
    width = max(len(each.recipe) for each in found) + 2
    for each in found:
        print(f"{each.recipe:<{width}}{each.description}" + (f". For: {each.suits}" if each.suits else ""))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A recipe's name, or a TOML file.")],
    set_: Overrides = None,
    json: Json = False,
) -> None:
    """Print a recipe: what it is, its network layer by layer, and every setting."""
    from twinface.training.build import check_components, check_network
    from twinface.training.recipe import load_recipe

    settings = load_recipe(name, set_ or [])
    check_components(settings)
    network = check_network(settings)
    from twinface.networks.backbones import layers_of
    from twinface.networks.build import input_shape

    shape = input_shape(settings.imaging)
    layers = layers_of(network.backbone, shape)
    if json:
        print_json({"settings": settings.to_dict(), "layers": [_values(layer) for layer in layers]})
    else:
        print("\n".join(_lines(settings, shape, layers)))


def _values(layer: Layer) -> dict[str, Any]:
    return {**vars(layer), "output": list(layer.output)}


def _lines(settings: Settings, shape: tuple[int, int, int], layers: list[Layer]) -> Iterator[str]:
    import tomli_w

    from twinface.training.recipe import recipe_comment

    yield f"{settings.recipe}: {settings.description}"
    if settings.suits:
        yield f"for: {settings.suits}"
    yield from recipe_comment(settings.recipe)
    yield ""
    yield f"layers, for one picture of {shape[0]} x {shape[1]} x {shape[2]}:"
    wide = max(26, *(len(layer.name) for layer in layers)) + 2
    yield f"  {'name':<{wide}}{'kind':<16}{'output':<16}{'parameters':>12}{'multiply-adds':>16}"
    for layer in layers:
        size = " x ".join(map(str, layer.output))
        yield f"  {layer.name:<{wide}}{layer.kind:<16}{size:<16}{layer.parameters:>12,}{layer.multiply_adds:>16,}"
    parameters, multiplied = (
        sum(getattr(each, name) for each in layers) for name in ("parameters", "multiply_adds")
    )
    yield f"  {'in all':<{wide + 32}}{parameters:>12,}{multiplied:>16,}"
    yield ""
    yield tomli_w.dumps(settings.to_dict()).rstrip()
