"""`twinface explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import SHIPPED, Json, Left, ModelPlace, Right
from twinface.cli.verdict import plain

if TYPE_CHECKING:
    from twinface.recognition.explanation import Explanation


def explain(
    left: Left,
    right: Right,
    model: ModelPlace = SHIPPED,
    out: Annotated[Path | None, typer.Option(help="Draw both faces with their maps: a PNG file.")] = None,
    json: Json = False,
) -> None:
    """Say which regions of two pictures move their score, and which way; exit 0 whatever the verdict.

    A grey patch slides over one picture while the other stays. Above 0: the score falls without that region, which
    speaks for "same". Below 0: it rises.
    """
    from twinface.recognition.explanation import explain as ask

    explanation = ask(left, right, model)
    if json:
        print_json(_values(explanation))
    else:
        print("\n".join(_lines(explanation)))
    if out:
        from twinface.core.storage import write_bytes

        write_bytes(out, explanation.png())
        say(f"picture: {out}")
    for note in explanation.verdict.notes:
        say(note)


def _values(explanation: Explanation) -> dict[str, Any]:
    """The verdict, and the maps as means over a coarse grid, row by row from the top left."""
    left, right = explanation.grid().round(5).tolist()
    return {**plain(explanation.verdict), "grid": {"left": left, "right": right}}


def _lines(explanation: Explanation) -> list[str]:
    """The verdict, and both grids side by side in thousandths of the score."""
    rows = [
        "   ".join("".join(f"{1000 * value:+6.0f}" for value in part) for part in row)
        for row in zip(*explanation.grid().tolist(), strict=True)
    ]
    return [
        explanation.verdict.explain(),
        "How far the score falls when a patch of the first picture, or of the second, is painted over (thousandths):",
        *rows,
    ]
