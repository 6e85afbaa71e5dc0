"""`twinface view2`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import log_to_stderr, print_evaluation, say
from twinface.cli.options import Align, Json, Layout, Overrides, Root, Seed, grouped


@dataclass(frozen=True)
class LfwOptions:
    """Which copy of LFW."""

    root: Root = None
    layout: Layout = None
    align: Align = None


@grouped
def view2(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a TOML file.")],
    pictures: LfwOptions,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the ten runs; default runs/RECIPE-view2.")
    ] = None,
    set_: Overrides = None,
    json: Json = False,
) -> None:
    """Judge a recipe by LFW's View 2: ten models, each trained without the people of the fold that it is tested on.

    It can be stopped at any time, and continues when it is called again.
    """
    from twinface.core.interruption import Interrupted
    from twinface.datasets.data_source import DataSource
    from twinface.studies.lfw_view2 import view2 as judge
    from twinface.training.recipe import default_folder, load_recipe

    settings = load_recipe(recipe, set_ or [])
    root = str(pictures.root) if pictures.root else None
    source = DataSource("lfw", root, pictures.layout, align=bool(pictures.align))
    place = out or default_folder(settings, "view2")
    log_to_stderr()
    try:
        result = judge(source, settings, seed, place)
    except Interrupted as interrupted:
        say(f"twinface: {interrupted}; the same command continues")
        sys.exit(128 + interrupted.signal_number)
    print_evaluation(result, json)
    say(f"saved: {place / 'results'}")
