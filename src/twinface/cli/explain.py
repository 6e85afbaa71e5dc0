"""`twinface explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import print_json, say
from twinface.cli.options import BEST, Json, Left, ModelPlace, Right, VerdictOptions, grouped
from twinface.core.errors import SettingsError

if TYPE_CHECKING:
    from twinface.recognition.explanation import Explanation


@grouped
def explain(
    left: Left,
    right: Right,
    which: VerdictOptions,
    model: ModelPlace = BEST,
    out: Annotated[Path | None, typer.Option(help="Draw both faces with their maps: a PNG file.")] = None,
    json: Json = False,
) -> None:
    """Say which regions of two faces raise or lower their score; exit 0 for any verdict, 2 without a face.

    A grey patch slides over one face while the other stays. A number above 0 means that the score falls without that
    region, so the region speaks for "same". Below 0 it speaks for "different".
    """
    from twinface.core.progress import progress_bar
    from twinface.recognition.explanation import explain as ask

    if out is not None and out.suffix.lower() != ".png":
        raise SettingsError(
            f"--out {out}: the name of the picture has to end in .png; `twinface verify A B --show x.html` makes a page"
        )
    with progress_bar("maps") as progress:
        explanation = ask(left, right, which.verifier(model), progress=progress)
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
    """The verdict, and both maps as means over a coarse grid, row by row from the top left."""
    left, right = explanation.grid().round(5).tolist()
    return {**explanation.verdict.to_dict(), "grid": {"left": left, "right": right}}


def _lines(explanation: Explanation) -> list[str]:
    """The verdict, and both grids side by side in thousandths of the score."""
    from twinface.recognition.face_text import model_text

    rows = [
        "   ".join("".join(f"{1000 * value:+6.0f}" for value in part) for part in row)
        for row in zip(*explanation.grid().tolist(), strict=True)
    ]
    return [
        explanation.verdict.explain(),
        model_text(explanation.verdict),
        "How far the score falls without each region of the first and of the second face (thousandths):",
        *rows,
    ]
