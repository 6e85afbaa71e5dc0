"""`twinface demo`: the main job on the ORL faces in under three minutes, or on LFW in five, on two cores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import Json


def demo(
    data: Annotated[str, typer.Option(help="orl, or lfw where it is at hand.")] = "orl",
    root: Annotated[
        Path | None, typer.Option(help="Folder of LFW, where it is not in a usual place.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the runs; default runs/demo, or runs/demo-lfw.")
    ] = None,
    json: Json = False,
) -> None:
    """Train on ORL, judge on people never seen, in three parts, beside reference verifiers; then verify two pairs.

    With --data lfw: a student report's network and the default recipe, on the same pairs, on one page.
    """
    from twinface.core.errors import SettingsError
    from twinface.core.interruption import Interrupted

    log_to_stderr()
    try:
        if data == "orl":
            _on_orl(out or Path("runs/demo"), json)
        elif data == "lfw":
            _on_lfw(root, out or Path("runs/demo-lfw"), json)
        else:
            raise SettingsError(f'--data: found "{data}", need "orl" or "lfw"')
    except Interrupted as interrupted:
        say(f"twinface: {interrupted}; the same command continues")
        sys.exit(128 + interrupted.signal_number)


def _on_lfw(root: Path | None, out: Path, json: bool) -> None:
    """Two models on the same pairs."""
    from twinface.datasets.data_source import DataSource
    from twinface.reports.lfw_demo_page import write_lfw_demo_page
    from twinface.studies.lfw_demo import run_lfw_demo

    found = run_lfw_demo(DataSource("lfw", str(root) if root else None), out)
    page = write_lfw_demo_page(found, out / "demo.html")
    if json:
        print_json({**found.to_dict(), "page": str(page)})
        return
    here, published = found.epochs
    print("\nAccuracy on LFW's View 1 test pairs, of people never seen:")
    for name, evaluation in found.evaluations.items():
        print(f"  {name:<10}{evaluation.summary.accuracy}")
    print(
        f"\n{next(iter(found.evaluations))} is a student report's network after {here} of its {published} epochs."
    )
    print(f"The same pairs side by side: {page}")


def _on_orl(out: Path, json: bool) -> None:
    """Three parts of ORL."""
    from twinface.reports import write_report
    from twinface.studies.demo import PARTS, run_demo
    from twinface.training.run_folder import RunFolder

    found = run_demo(out)
    report = write_report(RunFolder(found.last_run))
    if json:
        print_json(found.to_dict())
        return
    tested = found.parts["twin"][-1].people
    print(f"\nAccuracy on pairs of {tested} people never seen, mean of {PARTS} parts of ORL's 40 people:")
    for name, mean in found.means.items():
        each = ", ".join(f"{value:.3f}" for value in mean.each)
        low, high = mean.interval
        label = "network" if name == "twin" else name
        print(f"  {label:<10}{mean.accuracy:.3f} [{low:.3f}, {high:.3f}]   each part: {each}")
    print(f"\nReport: {report}\n")
    for kind, verdict in found.verdicts.items():
        print(f"Two pictures of {kind}: {verdict.left} and {verdict.right}")
        print(f"  {verdict.explained}")
    pair = found.verdicts["two people"]
    print("\nTry it on any two pictures of faces, framed like those (--aligned takes them as they are):")
    left, right = (found.pictures / name for name in (pair.left, pair.right))
    print(f"  .venv/bin/twinface verify {left} {right} --aligned --model {found.last_run}")
