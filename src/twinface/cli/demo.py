"""`twinface demo`: the main job on the ORL faces, in under three minutes on two cores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import Json


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the runs.")] = Path("runs/demo"),
    json: Json = False,
) -> None:
    """Train on ORL, judge on people never seen, in three parts, beside reference verifiers; then verify two pairs."""
    from twinface.core.interruption import Interrupted
    from twinface.reports import write_report
    from twinface.studies.demo import PARTS, run_demo
    from twinface.training.run_folder import RunFolder

    log_to_stderr()
    try:
        found = run_demo(out)
    except Interrupted as interrupted:
        say(f"twinface: {interrupted}; the same command continues")
        sys.exit(128 + interrupted.signal_number)
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
