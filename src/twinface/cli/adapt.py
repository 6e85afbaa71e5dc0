"""`twinface adapt`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import Json
from twinface.core.formatting import count

if TYPE_CHECKING:
    from twinface.recognition.adapt import Adaptation

_NAMED = 10  # photos that were left out and are named


def adapt(
    model: Annotated[str, typer.Argument(help="A model's name, a run folder, or a model file.")],
    photos: Annotated[
        Path, typer.Option(help="A folder of photos of many people, or a text file with a path on each line.")
    ],
    out: Annotated[Path, typer.Option(help="The model to write: a file whose name ends in .json.")],
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Look for no face: the pictures are framed as the model needs.")
    ] = False,
    json: Json = False,
) -> None:
    """Adapt a model to photos of your own, without labels: 50 faces of many people suffice.

    The new model is a small file that points to the old one. Use it for photos of this kind, wherever a model is asked
    for. With labels, `twinface calibrate` does better, and says how well it holds.
    """
    from twinface.core.progress import progress_bar
    from twinface.models.derived_model import check_base, check_file_name, write_derived
    from twinface.models.load import load_model
    from twinface.recognition.adapt import adapt as fit
    from twinface.recognition.embed_photos import embed_photos
    from twinface.recognition.verifier import Verifier

    check_file_name(out)
    log_to_stderr()
    loaded = load_model(model)
    check_base(loaded)
    with progress_bar("embedding") as progress:
        found = embed_photos(Verifier(loaded, aligned=aligned), photos, progress)
    adaptation = fit(loaded, found.embeddings, str(photos))
    write_derived(out, model, loaded, adaptation.model.record, adaptation.model.shift)
    if json:
        values = {name: getattr(adaptation, name) for name in ("faces", "shared", "before", "after", "far")}
        print_json({**values, "skipped": found.skipped})
    else:
        print("\n".join(_lines(adaptation, len(found.skipped))))
    for name, why in islice(found.skipped.items(), _NAMED):
        say(f"left out: {name}: {why}")
    if len(found.skipped) > _NAMED:
        say(f"left out: {len(found.skipped) - _NAMED} more, which --json lists")
    say(f"model: {out}")


def _lines(found: Adaptation, skipped: int) -> list[str]:
    left_out = f"; left out: {count(skipped, 'photo')} without a usable face" if skipped else ""
    return [
        f"Adapted to {found.faces} faces{left_out}.",
        f"Length of what all of them share: {found.shared:.2f} of 1 (0 is nothing).",
        f"Pairs of these photos at or above the threshold for a false accept rate of {found.far:.2g}: "
        f"{found.before:.2%} before, {found.after:.2%} now. Pairs of one person are among them.",
    ]
