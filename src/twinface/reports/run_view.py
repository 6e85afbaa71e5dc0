"""What the page of a run shows, as records: gathered from the run's files, ready for the template."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from twinface.core.formatting import count, percent
from twinface.datasets.data_source import DataSource
from twinface.evaluation.results import StoredEvaluation, load_results
from twinface.evaluation.summary import Summary
from twinface.models.layer import Layer
from twinface.reports.charts import Chart
from twinface.reports.decision_charts import decision_charts
from twinface.reports.explained_pairs import ExplainedPairs, explained_pairs, is_judged_by_run
from twinface.reports.extreme_pairs import extreme_pairs
from twinface.reports.figures_table import Row, fact_rows, figure_rows
from twinface.reports.learning_view import LearningView, learning_view
from twinface.reports.pictures import PictureGroup
from twinface.reports.rate_charts import rate_charts
from twinface.reports.run_facts import data_rows, key_figures, machine_rows, time_rows
from twinface.training.epoch_metrics import EpochMetrics, best_epoch
from twinface.training.run_folder import RunFolder
from twinface.training.run_info import RunInfo, Status

_STATUS: dict[Status, str] = {
    "new": "not started",
    "training": "in training",
    "stopped": "stopped, can be resumed",
    "finished": "finished",
    "failed": "failed",
    "pruned": "given up early, being worse than half of the runs before it",
}
_TRUSTED_FIRST = ("view2", "view1", "cross-validated", "unseen")


@dataclass(frozen=True)
class EvaluationView:
    """What the page shows of one evaluation; `explained` is None but for one of them."""

    summary: Summary
    figures: list[Row]
    facts: list[Row]
    charts: list[Chart]
    groups: list[PictureGroup]
    explained: ExplainedPairs | None


@dataclass(frozen=True)
class RunView:
    """What the page shows of a run.

    Attributes:
        info, status: the run's record, and its status in words.
        recipe, description, epochs_wanted: from its settings.
        shared_people: whether people of the validation pairs are in training too.
        headline: the result in one sentence.
        key_figures: of the first evaluation and of training.
        learning: how training went.
        evaluations: the most trustworthy first.
        layers: of the network; none for runs of earlier versions.
        times, data, machine: rows of facts.
        settings: the settings file.
        commands: to make the run again.
    """

    info: RunInfo
    status: str
    recipe: str
    description: str
    epochs_wanted: int
    shared_people: bool
    headline: str
    key_figures: list[Row]
    learning: LearningView
    evaluations: list[EvaluationView]
    layers: list[Layer]
    times: list[Row]
    data: list[Row]
    machine: list[Row]
    settings: str
    commands: list[str]

    @property
    def first(self) -> Summary | None:
        """The figures that headline and key figures are taken from."""
        return next((each.summary for each in self.evaluations if not each.summary.is_partial), None)

    @property
    def leaks(self) -> list[Summary]:
        """Evaluations of people that the model has seen."""
        return [each.summary for each in self.evaluations if each.summary.seen_people.pairs]


def run_view(folder: RunFolder) -> RunView:
    """Gathers what the page of a run shows, at any stage of the run.

    Raises:
        ModelError: the folder holds no run, or an evaluation in it is damaged.
    """
    settings, info, metrics = folder.settings(), folder.info(), folder.metrics()
    results = sorted(load_results(folder.path), key=_trust)
    first = next((result for result in results if not result.summary.is_partial), None)
    # The run's model made the scores of an evaluation with maps, if there is one.
    with_maps = next((result for result in results if is_judged_by_run(result.summary)), first)
    summary = first.summary if first else None
    by_steps = settings.trainer.epochs > 0
    return RunView(
        info=info,
        status=_STATUS[info.status],
        recipe=settings.recipe,
        description=settings.description,
        epochs_wanted=settings.trainer.epochs,
        shared_people=settings.data.split != "people",
        headline=_headline(summary, info, metrics, by_steps),
        key_figures=key_figures(summary, info, metrics, by_steps),
        learning=learning_view(metrics, loss_is_cross_entropy=settings.loss.name == "bce"),
        evaluations=[
            _evaluation_view(
                result,
                explained_pairs(folder.path, result, info.source.align) if result is with_maps else None,
            )
            for result in results
        ],
        layers=folder.layers(),
        times=time_rows(info, metrics, results),
        data=data_rows(info),
        machine=machine_rows(info),
        settings=folder.settings_file.read_text(encoding="utf-8"),
        commands=_commands(info, results, settings.data.test_people > 0),
    )


def _evaluation_view(result: StoredEvaluation, explained: ExplainedPairs | None) -> EvaluationView:
    return EvaluationView(
        summary=result.summary,
        figures=figure_rows(result.summary),
        facts=fact_rows(result.summary),
        charts=[*rate_charts(result), *decision_charts(result)],
        groups=extreme_pairs(result),
        explained=explained,
    )


def _trust(result: StoredEvaluation) -> tuple[bool, bool, int, str]:
    """Sorts evaluations: whole pictures first, then those without seen people, official protocols, by name."""
    summary = result.summary
    known = summary.protocol in _TRUSTED_FIRST
    rank = _TRUSTED_FIRST.index(summary.protocol) if known else len(_TRUSTED_FIRST)
    return summary.is_partial, summary.seen_people.pairs > 0, rank, result.name


def _headline(summary: Summary | None, info: RunInfo, metrics: Sequence[EpochMetrics], by_steps: bool) -> str:
    """The result in one sentence."""
    if summary:
        return _tested(summary)
    if not by_steps:
        if info.validation is None:
            return "The model is not fitted yet."
        return (
            f"Not evaluated yet. On validation people its accuracy is {percent(info.validation.accuracy)}; "
            "its threshold was chosen on them, so this is no test result."
        )
    best = best_epoch(metrics)
    if best is None or best.validation is None:
        return (
            f"{count(len(metrics), 'epoch')} finished, none validated yet."
            if metrics
            else "No epoch is finished yet."
        )
    return (
        f"Not evaluated yet. On validation people, epoch {best.epoch} reached an accuracy of "
        f"{percent(best.validation.accuracy)}; it was chosen for that, so this is no test result."
    )


def _tested(summary: Summary) -> str:
    people = "people that it has seen" if summary.seen_people.pairs else "people that it has not seen"
    folds, between = summary.folds, summary.accuracy.interval
    error = (
        f"; {len(folds.accuracies)} folds, standard error {percent(folds.standard_error)}" if folds else ""
    )
    ends = f"{percent(between.low)} to {percent(between.high)}" if between else "unknown"
    return (
        f"{summary.data}: {percent(summary.accuracy.value)} of {summary.pairs:,} pairs of {people} "
        f"were judged rightly (95\N{NO-BREAK SPACE}% interval {ends}{error})."
    )


def _commands(info: RunInfo, results: Sequence[StoredEvaluation], people_kept_out: bool) -> list[str]:
    """Commands for the same run again, from the settings file beside the page.

    Args:
        info: of the run.
        results: its evaluations.
        people_kept_out: whether the settings keep people out who judge the model.
    """
    source, place, remark = info.source, "again", ""
    # With PHOTOS, train judges the model too. Without people to judge it, it would choose some; --data does not.
    photos = source.root if info.judge and people_kept_out else None
    if source.without_fold is not None:
        place = f"again/fold-{source.without_fold + 1:02d}"
        words, remark = ["twinface", "view2", "settings.toml"], f"  # ten runs; this one is {place}"
    else:
        words = ["twinface", "train", *([photos] if photos else ["--data", source.data])]
        words += ["--recipe", "settings.toml"]
    words += ["--seed", str(info.seed), "--out", "again"]
    words += _given(("--root", None if photos else source.root), ("--layout", source.layout))
    words += _given(("--start-from", info.start_from))
    words += _aligning(source, if_unsaid=source.data == "folder")
    judged = [
        _evaluation(result.summary, place, source.align)
        for result in results
        if not result.summary.seen_people.pairs
    ]
    return [shlex.join(words) + remark, *dict.fromkeys(filter(None, judged))]


def _given(*options: tuple[str, str | None]) -> list[str]:
    """The options that have a value, as words."""
    return [word for option, value in options if value for word in (option, value)]


def _aligning(source: DataSource, if_unsaid: bool) -> list[str]:
    """What to say so that these pictures are aligned or not, as they were; `if_unsaid` is what happens otherwise."""
    if source.align == if_unsaid:
        return []
    return ["--align" if source.align else "--no-align"]


def _evaluation(summary: Summary, place: str, run_aligns: bool) -> str:
    """The command for this evaluation of the run that was made again.

    It is "" for a pair file of one's own, and for a cross-validation, which only `train PHOTOS` makes.
    """
    protocol, part, source = summary.protocol, None, summary.source
    if summary.is_partial:
        protocol, _, part = protocol.rpartition("-")
    if protocol in ("pairs", "cross-validated"):
        return ""
    words = ["twinface", "evaluate", place, "--protocol", protocol, *_given(("--only", part))]
    if source:  # another data set than the run's own
        words += _given(("--data", source.data), ("--root", source.root), ("--layout", source.layout))
        words += _aligning(source, if_unsaid=source.data == "folder" or run_aligns)
    return shlex.join(words)
