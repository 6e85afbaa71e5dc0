"""The table and the chart of docs/ladder.md."""

from __future__ import annotations

from dot_chart import Dot, Line, dot_chart
from kept_figures import (
    LADDER,
    NOT_YET,
    Gain,
    Kept,
    accuracy_of,
    between,
    gain,
    kept,
    mean_and_spread,
    share,
    table,
)


def rungs() -> str:
    """A row for each rung of the ladder."""
    rows: list[list[str]] = []
    before: Kept | None = None
    for number, run in enumerate(LADDER.runs, start=1):
        here = kept(run.list, run.name)
        cells = [str(number), run.what]
        if not here.each:
            rows.append([*cells, NOT_YET, "", "", "", ""])
            before = None
            continue
        step: Gain | None = gain(here, before, "test") if before else None
        ends, minutes = accuracy_of(run.list, run.name, "test"), here.values("seconds").min() / 60
        rows.append(
            [
                *cells,
                f"{mean_and_spread(here.values('test', 'accuracy'))} {between(ends)}",
                f"{share(step.mean, True)} {between(step.people, True)}" if step else "–",
                mean_and_spread(here.values("validation", "accuracy")),
                f"{minutes:.0f}" if minutes >= 1 else "under 1",
                str(len(here.each)),
            ]
        )
        before = here
    return table(
        [
            "rung",
            "what is done",
            "View 1 test [95 %, people]",
            "adds [95 %, people]",
            "validation people",
            "minutes",
            "seeds",
        ],
        rows,
    )


def ladder_chart() -> str:
    """The accuracy of each rung on View 1's test pairs."""
    kind, lines = "accuracy", []
    for run in LADDER.runs:
        here = kept(run.list, run.name)
        dots = {}
        if here.each:
            ends = accuracy_of(run.list, run.name, "test")
            dots = {kind: Dot(float(here.values("test", "accuracy").mean()), ends.low, ends.high)}
        lines.append(Line(run.label, dots))
    return dot_chart(f"{LADDER.title}: accuracy on LFW View 1 test, 95 % over people", [kind], lines)
