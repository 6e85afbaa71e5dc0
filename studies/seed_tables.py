"""The tables and the chart of docs/seeds.md. Which runs test which conclusion is in `conclusions.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dot_chart import Dot, Line, dot_chart
from kept_figures import (
    ENOUGH,
    NOT_YET,
    SEEDS,
    Gain,
    Kept,
    accuracy_of,
    between,
    gain,
    kept,
    mean_and_spread,
    share,
    table,
    test_pairs,
)

from twinface.core.types import FloatArray

PATIENCE = (3, 5, 10)  # epochs; seed B's program has 5, and it is off by default
SMALL = 0.02  # a gain in accuracy that is not worth twice the training


def seed(name: str) -> Kept:
    """An entry of studies/seeds.toml."""
    return kept("seeds", name)


def models() -> str:
    """The published models: published, judged their way here, judged our way here."""
    rows = []
    for run in SEEDS.runs:
        if not run.published:
            continue
        here, published = seed(run.name), run.published
        said = published.get("said") or ", ".join(
            share(published[each]) if each in published else "–" for each in ("validation", "test")
        )
        if "listed" in published:
            said += f"; {share(published['listed'])} on its training list"
        cells = [run.what, said]
        if not here.each:
            rows.append([*cells, NOT_YET, "", "", ""])
            continue
        rows.append(
            [
                *cells,
                f"{mean_and_spread(here.values('validation', 'accuracy'))}, "
                f"{mean_and_spread(here.values('test', 'accuracy'))}",
                f"{mean_and_spread(here.values('people', 'accuracy'))}, "
                f"{mean_and_spread(here.values('test_of_people', 'accuracy'))} "
                f"{between(accuracy_of('seeds', run.name, 'test_of_people'))}",
                mean_and_spread(here.values("test_of_people", "auc")),
                str(len(here.each)),
            ]
        )
    return table(
        [
            "model",
            "published: validation, test",
            "their way here: validation, test",
            "our way here: other people, test [95 %, people]",
            "AUC, test",
            "seeds",
        ],
        rows,
    )


READINGS = (
    ("as it ran: weights as meant, weight decay .005", "seed-b-2"),
    ("as reported: weights as meant, no weight decay", "seed-b-2-as-reported"),
    ("as published: swapped weights, weight decay .005", "seed-b-2-as-published"),
)


def readings() -> str:
    """Model 2 by the three readings of report and program."""
    rows = []
    for what, name in READINGS:
        here = seed(name)
        if not here.each:
            rows.append([what, NOT_YET, "", "", ""])
            continue
        losses = np.array([figures["curve"][-1]["loss"] for figures in here.each])
        rows.append(
            [
                what,
                mean_and_spread(losses),
                mean_and_spread(here.values("validation", "accuracy")),
                mean_and_spread(here.values("test", "accuracy")),
                mean_and_spread(here.values("test", "auc")),
            ]
        )
    rows.append(["published", ".565", ".699", ".732; .707 in a second run", "–"])
    return table(["reading of model 2", "training loss", "held-out pairs", "test", "AUC, test"], rows)


@dataclass(frozen=True)
class Conclusion:
    """A conclusion of a report, and the change that tests it.

    Attributes:
        text: what the report concludes.
        what: the change in words.
        changed, base: entries of the lists, as "LIST/NAME".
        claim: what the conclusion says of the gain: "more", "less", or "little" (at most `SMALL`).
    """

    text: str
    what: str
    changed: str
    base: str
    claim: str

    def verdict(self, found: Gain | None) -> str:
        """Confirmed, refuted, or neither."""
        if found is None:
            return NOT_YET
        if found.over_seeds is None:
            return f"cannot be told: {found.seeds} of {ENOUGH} seeds"
        edge = SMALL if self.claim == "little" else 0.0
        above, below = found.lies_above(edge), found.lies_below(edge)
        if not (above or below):
            return "cannot be told"
        return "**confirmed**" if above == (self.claim == "more") else "**refuted**"


QUESTIONS = tomllib.loads((Path(__file__).parent / "conclusions.toml").read_text(encoding="utf-8"))


def conclusions() -> str:
    """A row for each conclusion."""
    rows = []
    for each in (Conclusion(**values) for values in QUESTIONS["conclusions"]):
        found = gain(kept(*each.changed.split("/")), kept(*each.base.split("/")))
        rows.append([each.text, each.verdict(found), each.what, *gain_cells(found)])
    return table(
        ["conclusion", "verdict", "tested by", "adds to test accuracy", "95 %, people", "95 %, seeds"], rows
    )


def gain_cells(found: Gain | None) -> list[str]:
    """Mean and both intervals."""
    if found is None:
        return [NOT_YET, "", ""]
    return [share(found.mean, True), between(found.people, True), between(found.over_seeds, True)]


def protocols() -> str:
    """The same weights by several ways of evaluating."""
    rows = []
    for run in SEEDS.runs:
        here = seed(run.name)
        if here.each:
            rows.append(
                [
                    run.what,
                    *(
                        mean_and_spread(here.values(way, "accuracy"))
                        for way in ("listed_pairs", "validation", "people", "test", "test_of_people")
                    ),
                ]
            )
    return table(
        [
            "model",
            "its training list",
            "pairs held out at random",
            "pairs of other people",
            "test, threshold .5",
            "test, threshold of other people",
        ],
        rows or [[NOT_YET, *[""] * 5]],
    )


def grids() -> str:
    """Seed B's second and third table and its plots of batch, rate and epochs."""
    rows = []
    for grid in QUESTIONS["grids"]:
        for name in grid["runs"]:
            here = seed(name)
            figures = [
                mean_and_spread(here.values("validation", "accuracy")),
                mean_and_spread(here.values("test", "accuracy")),
                mean_and_spread(here.values("test_of_people", "accuracy")),
            ]
            rows.append([grid["what"], here.run.what, *(figures if here.each else [NOT_YET, "", ""])])
    return table(["experiment", "setting", "held-out pairs", "test, their way", "test, our way"], rows)


def grids_chart() -> str:
    """Seed B's plots of batch, rate and epochs, as a line for each setting."""
    kinds = ["held-out pairs", "test, their way", "test, our way"]
    ways = dict(zip(kinds, ("validation", "test", "test_of_people"), strict=True))
    lines = []
    for name in dict.fromkeys(name for grid in QUESTIONS["grids"] for name in grid["runs"]):
        here = seed(name)
        dots = {
            kind: Dot(float(here.values(way, "accuracy").mean())) for kind, way in ways.items() if here.each
        }
        lines.append(Line(here.run.what, dots))
    return dot_chart("Seed B's tables and plots: accuracy of each setting", kinds, lines)


def stopping() -> str:
    """Where early stopping on held-out accuracy would have ended seed B's trainings, and with which accuracy."""
    rows = []
    for run in SEEDS.runs:
        here = seed(run.name)
        if not here.each or not run.published or not run.name.startswith("seed-b"):
            continue
        curves = [np.array([epoch["accuracy"] for epoch in figures["curve"]]) for figures in here.each]
        for patience in PATIENCE:
            ends = [stop_early(curve, patience) for curve in curves]
            at_end = np.array([curve[end - 1] for curve, end in zip(curves, ends, strict=True)])
            rows.append(
                [
                    run.what,
                    str(patience),
                    ", ".join(map(str, ends)),
                    mean_and_spread(at_end),
                    mean_and_spread(np.array([curve[-1] for curve in curves])),
                ]
            )
    return table(
        [
            "model",
            "patience",
            "ends after epochs",
            "held-out pairs then",
            "held-out pairs at the end of all epochs",
        ],
        rows or [[NOT_YET, *[""] * 4]],
    )


def stop_early(accuracies: FloatArray, patience: int) -> int:
    """The number of epochs until `patience` of them have brought no gain; all epochs if that never happens."""
    best = 0
    for epoch, accuracy in enumerate(accuracies):
        if accuracy > accuracies[best]:
            best = epoch
        if epoch - best >= patience:
            return epoch + 1
    return len(accuracies)


def confusion() -> str:
    """The confusion matrix of each model on the test pairs, at its own threshold."""
    rows, is_match = [], test_pairs().is_match
    for run in SEEDS.runs:
        here = seed(run.name)
        if here.each and run.published:
            right = here.right("test")[0]
            cells = [right & is_match, ~right & is_match, ~right & ~is_match, right & ~is_match]
            rows.append([run.what, *(str(int(cell.sum())) for cell in cells)])
    return table(
        [
            "model, seed 0, threshold .5",
            "genuine accepted",
            "genuine rejected",
            "impostors accepted",
            "impostors rejected",
        ],
        rows or [[NOT_YET, *[""] * 4]],
    )


def times() -> str:
    """Minutes of training, with a bar for each; of the fastest seed, as other work on the machine only adds to them."""
    rows = []
    found = {run.name: seed(run.name).values("seconds") / 60 for run in SEEDS.runs}
    longest = max((minutes.min() for minutes in found.values() if len(minutes)), default=1.0)
    for run in SEEDS.runs:
        minutes = found[run.name]
        if len(minutes):
            epochs = seed(run.name).values("epochs").mean()
            bar = "█" * max(1, round(20 * minutes.min() / longest))
            said = f"{run.published['minutes']:g}" if "minutes" in run.published else "–"
            rows.append([run.what, said, f"{epochs:.0f}", f"{minutes.min():.0f}", bar])
    return table(
        ["model", "published: minutes", "epochs here", "minutes here", ""], rows or [[NOT_YET, *[""] * 4]]
    )


def models_chart() -> str:
    """The published models: published, their way here, our way here."""
    kinds, lines = ["published", "here, their way", "here, our way"], []
    for run in SEEDS.runs:
        if not run.published:
            continue
        here, dots = seed(run.name), {}
        if "test" in run.published:
            dots[kinds[0]] = Dot(run.published["test"])
        if here.each:
            ends = accuracy_of("seeds", run.name, "test_of_people")
            dots[kinds[1]] = Dot(float(here.values("test", "accuracy").mean()))
            dots[kinds[2]] = Dot(float(here.values("test_of_people", "accuracy").mean()), ends.low, ends.high)
        lines.append(Line(run.what, dots))
    return dot_chart("The reports' models on LFW View 1 test, 95 % over people", kinds, lines)
