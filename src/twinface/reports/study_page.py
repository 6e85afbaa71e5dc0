"""The page of a study."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.formatting import duration, percent
from twinface.core.storage import write_json, write_text
from twinface.core.types import BoolArray
from twinface.evaluation.metrics import Confusion
from twinface.evaluation.results import load_validation
from twinface.reports.charts import Chart
from twinface.reports.decision_charts import confusion_chart
from twinface.reports.figures_table import NOTHING, Row, interval, share
from twinface.reports.page import render
from twinface.reports.pictures import Picture, PictureGroup, PicturePair, read_picture
from twinface.reports.study_charts import (
    agreement_chart,
    curves_chart,
    effect_charts,
    leaderboard_chart,
)
from twinface.studies.leaderboard import Contender
from twinface.studies.results import contender, costs, finished, run_folders, study_figures
from twinface.studies.sweep import Sweep
from twinface.studies.trial import curve

COMPARED = 6  # models whose curves, decisions and disagreements are shown
SHOWN_PAIRS = 8


@dataclass(frozen=True)
class PartEffects:
    """What the page shows of one part's factors."""

    name: str
    charts: list[Chart]
    rows: list[Row]


def write_study_report(sweep: Sweep) -> Path:
    """Writes `leaderboard.json`, `costs.json` and `report.html` into the study's folder; returns the last.

    The leaderboard is the same however often the study was interrupted; what depends on the clock is in the costs.

    Raises:
        ModelError: a run's files are damaged.
        StorageError: a file cannot be written.
    """
    figures, spent = study_figures(sweep), costs(sweep)
    write_json(sweep.place / "leaderboard.json", figures)
    write_json(sweep.place / "costs.json", spent)
    target = sweep.place / "report.html"
    write_text(target, _page(sweep, figures, spent))
    return target


def _page(sweep: Sweep, figures: dict[str, Any], spent: dict[str, list[dict[str, Any]]]) -> str:
    places = figures["leaderboard"]
    names = [place["name"] for place in places if place["point"] is not None][:COMPARED]
    entries = {entry.name: entry for entry in finished(sweep)}
    first = [contender(sweep, entries[name]) for name in names]
    curves = {name: curve(run_folders(sweep, entries[name])[0], figures["objective"]) for name in names}
    together = curves_chart(curves, figures["objective"])
    board = [leaderboard_chart(places)] if places else []
    if len(places) > 1:
        board.append(
            agreement_chart([place["name"] for place in places], {p["name"]: p["apart"] for p in places})
        )
    return render(
        "study.html.j2",
        title=figures["title"],
        headline=_headline(figures),
        points=sum(part.size for part in sweep.study.parts),
        seeds=figures["seeds"],
        finished=sum(place["point"] is not None for place in places),
        objective=figures["objective"],
        leaderboard=places,
        comparisons=len(places) * (len(places) - 1) // 2,
        given_up=figures["given_up"],
        tests=_tests(figures["test"]),
        test_claims=list(dict.fromkeys(each["may_be_claimed"] for each in figures["test"])),
        board_charts=board,
        parts_effects=_parts(figures),
        curves=[together] if together else [],
        confusions=[confusion_chart(_confusion(each), each.name) for each in first],
        groups=_disagreements(sweep, first) if len(first) > 1 else [],
        cost_rows=[_cost_row(name, runs) for name, runs in spent.items()],
        total_cost=duration(sum(run["seconds"] for runs in spent.values() for run in runs)),
        study=(sweep.place / "study.toml").read_text(encoding="utf-8"),
        share=share,
        interval=interval,
    )


def _tests(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each point with its runs, their mean accuracy and its standard deviation over seeds, None of a single one."""
    points = []
    for name in dict.fromkeys(each["name"] for each in figures):
        runs = [each for each in figures if each["name"] == name]
        accuracies = [each["accuracy"] for each in runs]
        spread = statistics.stdev(accuracies) if len(runs) > 1 else None
        points.append({"name": name, "runs": runs, "accuracy": statistics.mean(accuracies), "spread": spread})
    return points


def _headline(figures: dict[str, Any]) -> str:
    places = figures["leaderboard"]
    if not places:
        return "No point was trained to its end."
    level = [place["name"] for place in places[1:] if place["level_with_first"]]
    best = places[0]
    rest = (
        f"{len(level)} of the other {len(places) - 1} cannot be told apart from it"
        if level
        else "every other is worse"
        if len(places) > 1
        else "it was the only one"
    )
    low, high = best["interval"]
    return (
        f"The first of {len(places)}, {best['name']}, judged {percent(best['accuracy'])} of the validation pairs "
        "rightly "
        f"(95\N{NO-BREAK SPACE}% interval {percent(low)} to {percent(high)}); {rest}."
    )


def _parts(figures: dict[str, Any]) -> list[PartEffects]:
    result = []
    for name, effects in figures["effects"].items():
        if not effects["main"]:
            continue
        rows = [
            Row(field, percent(value), note="of the variance, by fANOVA")
            for field, value in effects["importances"].items()
        ]
        rows += [
            Row(
                " with ".join(each["fields"]),
                percent(each["share"]),
                note="of the variance, beyond both alone",
            )
            for each in effects["interactions"]
        ]
        result.append(PartEffects(name, effect_charts(effects["main"], figures["objective"]), rows))
    return result


def _confusion(contender: Contender) -> Confusion:
    """Of the first run, each tenth of the pairs at the threshold of the others."""
    right, match = contender.right()[0], contender.runs[0].is_match
    return Confusion(
        true_accept=int((right & match).sum()),
        false_reject=int((~right & match).sum()),
        false_accept=int((~right & ~match).sum()),
        true_reject=int((right & ~match).sum()),
    )


def _disagreements(sweep: Sweep, first: Sequence[Contender]) -> list[PictureGroup]:
    """The pairs on which the models are most evenly divided, of each kind."""
    rights = np.stack([each.right()[0] for each in first])
    entries = {entry.name: entry for entry in finished(sweep)}
    pairs, _ = load_validation(run_folders(sweep, entries[first[0].name])[0].path)
    divided = np.minimum(rights.sum(0), (~rights).sum(0))
    root = pairs.faces.root

    @cache
    def read(path: str) -> Picture:
        return read_picture(root, path)

    def group(title: str, kind: str, members: BoolArray) -> PictureGroup:
        rows = np.flatnonzero(members & (divided > 0))
        rows = rows[np.argsort(-divided[rows], kind="stable")][:SHOWN_PAIRS]
        return PictureGroup(
            title,
            kind,
            tuple(
                PicturePair(
                    read(pairs.faces.paths[pairs.left[row]]),
                    read(pairs.faces.paths[pairs.right[row]]),
                    (f"right: {_names(first, rights[:, row])}", f"wrong: {_names(first, ~rights[:, row])}"),
                )
                for row in rows
            ),
        )

    return [
        group("Genuine pairs", "genuine", pairs.is_match),
        group("Impostor pairs", "impostor", ~pairs.is_match),
    ]


def _names(first: Sequence[Contender], chosen: BoolArray) -> str:
    return ", ".join(each.name for each, is_chosen in zip(first, chosen, strict=True) if is_chosen)


def _cost_row(name: str, runs: Sequence[dict[str, Any]]) -> list[str]:
    seconds = float(np.mean([run["seconds"] for run in runs]))
    speeds = [run["images_per_second"] for run in runs if run["images_per_second"]]
    parameters = runs[0]["parameters"]
    return [
        name,
        duration(seconds),
        f"{np.mean(speeds):,.0f}" if speeds else NOTHING,
        str(runs[0]["threads"] or NOTHING),
        f"{parameters:,}" if parameters is not None else NOTHING,
    ]
