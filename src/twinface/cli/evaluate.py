"""`twinface evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from twinface.cli.console import log_to_stderr, print_evaluation, say
from twinface.cli.options import DataOptions, Json, grouped


@dataclass(frozen=True)
class ProtocolOptions:
    """What to judge it on."""

    protocol: Annotated[
        str | None, typer.Option(help="view1 or view2 on LFW; unseen: people that the model has not seen.")
    ] = None
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="A pair file of your own, LFW's format or CSV; faces are aligned unless you say --no-align."
        ),
    ] = None
    allow_seen_people: Annotated[
        bool, typer.Option("--allow-seen-people", help="Score people that the model has seen, and say so.")
    ] = False
    only: Annotated[
        str | None, typer.Option(help="Show it one part of each picture: face or background.")
    ] = None


@grouped
def evaluate(
    model: Annotated[
        str, typer.Argument(help="A run folder, a model file, or a model's name (`twinface models`).")
    ],
    judge: ProtocolOptions,
    data: DataOptions,
    json: Json = False,
) -> None:
    """Judge a model: figures with intervals, on people that it has not seen.

    The data set is the run's own unless --data names another. A run folder keeps the result. In photos of your own
    (--pairs, --data folder) faces are found and aligned; --no-align takes pictures that are framed already. The run's
    own data are taken as the run took them.

    With --only the rest of each picture is painted over, to see what the model relies on. Its threshold is fitted anew
    on its validation people, masked as well, where their pictures are at hand.
    """
    from twinface.core.progress import progress_bar
    from twinface.training.evaluate_run import EvaluationRequest, answer, keep_result

    request = EvaluationRequest(
        protocol=judge.protocol,
        pairs=judge.pairs,
        data=data.data,
        root=data.root,
        layout=data.layout,
        align=data.align,
        allow_seen=judge.allow_seen_people,
        only=judge.only,
    )
    log_to_stderr()
    with progress_bar("embedding") as progress:
        result = answer(model, request, progress)
    print_evaluation(result, json)
    folder = keep_result(model, request, result)
    if folder is None:
        return
    say(f"saved: {folder.path / 'results'}")
    try:
        from twinface.reports import write_report
    except ModuleNotFoundError:  # judging needs no drawing, and the extra that draws may be missing
        return
    say(f"report: {write_report(folder)}")
