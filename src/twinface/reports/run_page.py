"""The page of a run, at whatever stage the run is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinface.core.formatting import duration, percent
from twinface.core.storage import write_text
from twinface.evaluation.results import Result, load_results
from twinface.evaluation.summary import EVERYTHING
from twinface.reports.charts import Chart
from twinface.reports.decision_charts import decision_charts
from twinface.reports.explained_pairs import explained_pairs
from twinface.reports.extreme_pairs import extreme_pairs
from twinface.reports.figures_table import NOTHING, Row, fact_rows, figure_rows, interval, share
from twinface.reports.learning_charts import best_epoch, learning_charts
from twinface.reports.page import render
from twinface.reports.pictures import PictureGroup
from twinface.reports.rate_charts import rate_charts
from twinface.training.run_folder import RunFolder

_STATUS = {
    "new": "not begun",
    "training": "in training",
    "stopped": "stopped, can be resumed",
    "finished": "finished",
    "pruned": "given up early, being worse than half of those before it",
}
_TRUSTED_FIRST = ("view2", "view1", "unseen")
_EPOCH_COLUMNS = {
    "epoch": "epoch",
    "loss": "training loss",
    "validation_loss": "validation loss",
    "accuracy": "accuracy",
    "auc": "AUC",
    "one_shot": "one-shot",
    "learning_rate": "learning rate",
    "seconds": "seconds so far",
}


@dataclass(frozen=True)
class Section:
    """What the page shows of one evaluation."""

    title: str
    partial: str
    claim: str
    seen_pairs: int
    pairs: int
    figures: list[Row]
    methods: str
    facts: list[Row]
    charts: list[Chart]
    groups: list[PictureGroup]


def write_report(folder: RunFolder) -> Path:
    """Draws a run's `report.html` anew and returns where it is.

    Raises:
        ModelError: the folder holds no run, or an evaluation in it is damaged.
        StorageError: the page cannot be written; the one of before stays.
    """
    settings, about, records = folder.settings(), folder.about(), folder.records()
    results = sorted(load_results(folder.path), key=_trust)
    whole = [result for result in results if not _partial(result)]
    page = render(
        "run.html.j2",
        name=folder.name,
        status=_STATUS.get(about["status"], about["status"]),
        description=settings.description,
        recipe=settings.recipe,
        records=records,
        epochs_wanted=settings.trainer.epochs,
        headline=_headline(whole, records, about, settings.trainer.epochs),
        claim=whole[0].figures["may_be_claimed"] if whole else "",
        leaks=[result.figures for result in results if _seen_pairs(result)],
        tiles=_tiles(whole, records, about, settings.trainer.epochs),
        tiles_of=whole[0].figures["data"] if whole else "",
        results=results,
        learning=learning_charts(records, settings.loss.name == "bce"),
        sections=[_section(result) for result in results],
        explained=explained_pairs(folder.path, whole[0]) if whole else None,
        epoch_columns=[title for name, title in _EPOCH_COLUMNS.items() if _measured(records, name)],
        epoch_rows=_epoch_rows(records),
        best_epoch=best_epoch(records),
        times=_times(results, records, about),
        settings=folder.settings_file.read_text(encoding="utf-8"),
        machine=_machine(about),
        data=_data(about),
        command=about.get("command", ""),
        commands=_commands(about, results),
        share=share,
        interval=interval,
    )
    target = folder.path / "report.html"
    write_text(target, page)
    return target


def _trust(result: Result) -> tuple[bool, bool, int, str]:
    """Sorts evaluations: of whole pictures first, those without seen people, official protocols, then by name."""
    protocol = result.figures["protocol"]
    rank = _TRUSTED_FIRST.index(protocol) if protocol in _TRUSTED_FIRST else len(_TRUSTED_FIRST)
    return _partial(result) != "", _seen_pairs(result) > 0, rank, result.name


def _partial(result: Result) -> str:
    """What the model was shown of the pictures, in words; "" where nothing was painted over."""
    shown = str(result.figures.get("shown", EVERYTHING))
    return "" if shown == EVERYTHING else shown


def _seen_pairs(result: Result) -> int:
    return int(result.figures["seen_people"]["pairs"])


def _section(result: Result) -> Section:
    figures = result.figures
    return Section(
        title=figures["data"],
        partial=_partial(result),
        claim=figures["may_be_claimed"],
        seen_pairs=_seen_pairs(result),
        pairs=figures["pairs"],
        figures=figure_rows(figures),
        methods="; ".join(figures["interval_methods"]),
        facts=fact_rows(figures),
        charts=[*rate_charts(result), *decision_charts(result)],
        groups=extreme_pairs(result),
    )


def _headline(
    results: Sequence[Result], records: Sequence[dict[str, Any]], about: dict[str, Any], epochs_wanted: int
) -> str:
    """The result in one sentence."""
    if results:
        figures = results[0].figures
        between = figures["accuracy_interval"]
        whom = "of people that it has seen" if _seen_pairs(results[0]) else "of people that it has not seen"
        folds = figures.get("folds")
        error = f"; {len(folds)} folds, standard error {percent(figures['standard_error'])}" if folds else ""
        ends = f"{percent(between[0])} to {percent(between[1])}"
        return (
            f"{figures['data']}: {percent(figures['accuracy'])} of {figures['pairs']:,} pairs {whom} "
            f"were judged rightly (95\N{NO-BREAK SPACE}% interval {ends}{error})."
        )
    if not epochs_wanted:
        if "validation" not in about:
            return "The model is not fitted yet."
        return (
            f"Not evaluated yet. On validation people its accuracy is {percent(about['validation']['accuracy'])}; "
            "its threshold was chosen on them, so this is no test result."
        )
    best = best_epoch(records)
    if best is None:
        return f"{_epochs(records)} finished, none validated yet." if records else "No epoch is finished yet."
    record = next(record for record in records if record["epoch"] == best)
    return (
        f"Not evaluated yet. On validation people, epoch {best} reached an accuracy of "
        f"{percent(record['accuracy'])}; it was chosen for that, so this is no test result."
    )


def _epochs(records: Sequence[dict[str, Any]]) -> str:
    return f"{len(records)} epoch{'s' if len(records) > 1 else ''}"


def _tiles(
    results: Sequence[Result],
    records: Sequence[dict[str, Any]],
    about: dict[str, Any],
    epochs_wanted: int,
) -> list[Row]:
    """The key figures: the first evaluation's where there is one, and training's."""
    tiles = []
    if results:
        wanted = ("Accuracy", "Area under ROC", "Equal error rate", "One-shot")
        rows = figure_rows(results[0].figures)
        tiles += [Row(row.name, row.value, row.interval) for row in rows if row.name in wanted]
    best = best_epoch(records)
    if best is not None:
        record = next(record for record in records if record["epoch"] == best)
        tiles.append(Row("Best epoch", str(best), note=f"validation accuracy {share(record['accuracy'])}"))
    if not epochs_wanted and about.get("numbers"):
        tiles.append(Row("Numbers", f"{about['numbers']:,}", note="in the model; none trained by steps"))
    elif about.get("parameters"):
        tiles.append(Row("Parameters", f"{about['parameters']['twin']:,}", note="of the twin network"))
    if records:
        tiles.append(Row("Training", duration(records[-1]["seconds"]), note=_epochs(records)))
    return tiles


def _measured(records: Sequence[dict[str, Any]], name: str) -> bool:
    return any(record.get(name) is not None for record in records)


def _epoch_rows(records: Sequence[dict[str, Any]]) -> list[tuple[int, list[str]]]:
    """Each epoch's number and its measurements as text, in the order of the columns."""
    names = [name for name in _EPOCH_COLUMNS if _measured(records, name)]

    def text(name: str, value: Any) -> str:
        if value is None:
            return NOTHING
        form = {"epoch": "d", "learning_rate": ".3g", "seconds": ",.1f"}.get(name, ".4f")
        return format(value, form)

    return [(record["epoch"], [text(name, record.get(name)) for name in names]) for record in records]


def _times(results: Sequence[Result], records: Sequence[dict[str, Any]], about: dict[str, Any]) -> list[Row]:
    rows = [Row("Started", about.get("started", NOTHING))]
    if about.get("finished"):
        rows.append(Row("Finished", about["finished"]))
    for part, seconds in about.get("seconds", {}).items():
        rows.append(Row(part[:1].upper() + part[1:], duration(seconds)))
    if records:
        seconds = records[-1]["seconds"]
        rows.append(
            Row("Each epoch, on average", f"{seconds / len(records):.2f} s", note="validation included")
        )
    if about.get("images_per_second"):
        rows.append(Row("Pictures trained on", f"{about['images_per_second']:,.0f} a second"))
    for result in results:
        speed, seconds = result.figures["images_per_second"], result.figures["seconds"]
        rows.append(
            Row(f"Evaluation {result.name}", duration(seconds), note=f"{speed:,.0f} pictures/s embedded")
        )
    return rows


def _machine(about: dict[str, Any]) -> list[Row]:
    machine = dict(about.get("machine", {}))
    versions = machine.pop("versions", {})
    rows = [Row(name.replace("_", " "), str(value)) for name, value in machine.items()]
    return rows + [Row(package, version) for package, version in versions.items()]


def _data(about: dict[str, Any]) -> list[Row]:
    data = about.get("data")
    if not data:
        return []
    rows = [
        Row("Data set", data["title"]),
        Row("Trained on", data["trained_on"], note=f"{data['pictures']['training']:,} pictures"),
        Row("Tuned on", data["tuned_on"], note=f"{data['pictures']['validation']:,} pictures"),
        Row("What may be claimed", data["claims"]),
    ]
    return rows + [Row(f"SHA-256, {part}", digest) for part, digest in data["sha256"].items()]


def _commands(about: dict[str, Any], results: Sequence[Result]) -> list[str]:
    """What to type for the same run again, from the settings file beside this page."""
    source = about.get("source", {})
    words = ["twinface", "train", "--data", source.get("data", "DATA"), "--recipe", "settings.toml"]
    words += ["--seed", str(about.get("seed", 0)), "--out", "again"]
    for option, value in (
        ("--root", source.get("root")),
        ("--layout", source.get("layout")),
        ("--start-from", about.get("start_from")),
    ):
        words += [option, value] if value else []
    judged = [_evaluation(result) for result in results if not _seen_pairs(result)]
    return [shlex.join(words), *dict.fromkeys(filter(None, judged))]


def _evaluation(result: Result) -> str:
    """What to type for this evaluation of the run that was made again; "" for pairs of one's own."""
    protocol = result.figures["protocol"]
    only = ""
    if _partial(result):
        protocol, _, part = protocol.rpartition("-")
        only = f" --only {part}"
    return "" if protocol == "pairs" else f"twinface evaluate again --protocol {protocol}{only}"
