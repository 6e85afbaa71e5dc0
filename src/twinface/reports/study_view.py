"""The contents of a study's page, as records that are ready for the template."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.formatting import duration, percent
from twinface.evaluation.metrics import Confusion
from twinface.reports.charts import Chart
from twinface.reports.decision_charts import confusion_chart
from twinface.reports.figures_table import NOTHING, Row
from twinface.reports.pictures import PictureGroup
from twinface.reports.study_charts import (
    agreement_chart,
    as_compared,
    cost_chart,
    curves_chart,
    effect_charts,
    leaderboard_chart,
)
from twinface.reports.study_disagreements import disagreements
from twinface.studies.results.costs import RunCost
from twinface.studies.results.leaderboard import ScoredModel
from twinface.studies.results.read_results import scored_model
from twinface.studies.results.records import FinalTestResult, StudyResults
from twinface.studies.study_folder import StudyFolder
from twinface.studies.trials.objective import curve

COMPARED = 6  # models whose curves, decisions and disagreements are shown


@dataclass(frozen=True)
class FactorsView:
    """The factors of one search.

    Attributes:
        name: of the search.
        charts: one for each factor.
        rows: importances and interactions.
    """

    name: str
    charts: list[Chart]
    rows: list[Row]


@dataclass(frozen=True)
class FinalTestView:
    """A trial on test people.

    Attributes:
        name: of the trial.
        runs: one for each seed.
        accuracy: their mean.
        spread: standard deviation over seeds; None for a single run.
    """

    name: str
    runs: list[FinalTestResult]
    accuracy: float
    spread: float | None


@dataclass(frozen=True)
class StudyView:
    """Everything that the page shows.

    Attributes:
        results: leaderboard, unfinished trials, final test.
        headline: the main result in a sentence.
        points: number of points of the whole study.
        finished: number of trials that were trained to their end.
        comparisons: number of pairs of models on the leaderboard.
        tests: the final test, by trial.
        test_claims: what its results may be called.
        leaderboard_charts: the leaderboard, and which models can be told apart.
        factors: of each search in which they can be compared.
        curves: learning curves of the first models in one chart; empty if no model was validated more than once.
        confusions: decisions of the first models.
        disagreements: pairs on which the first models disagree.
        cost_charts: how long runs took.
        cost_rows: cells of the table of costs.
        total_cost: of all runs, in words.
        text: the study file.
    """

    results: StudyResults
    headline: str
    points: int
    finished: int
    comparisons: int
    tests: list[FinalTestView]
    test_claims: list[str]
    leaderboard_charts: list[Chart]
    factors: list[FactorsView]
    curves: list[Chart]
    confusions: list[Chart]
    disagreements: list[PictureGroup]
    cost_charts: list[Chart]
    cost_rows: list[list[str]]
    total_cost: str
    text: str

    @property
    def objective(self) -> str:
        """As the models are compared."""
        return as_compared(self.results.objective)


def study_view(
    folder: StudyFolder, results: StudyResults, costs: Mapping[str, Sequence[RunCost]]
) -> StudyView:
    """Collects the contents of a study's page.

    Args:
        folder: the study.
        results: from `study_results`.
        costs: from `study_costs`.

    Raises:
        ModelError: a run's files are damaged.
    """
    lines, objective = results.leaderboard, results.objective
    names = [line.place.name for line in lines if line.point is not None]
    trials = {trial.name: trial for trial in folder.finished()}
    first = [trials[name] for name in names[:COMPARED]]
    models = [scored_model(folder, trial) for trial in first]
    together = curves_chart(
        {trial.name: curve(folder.runs(trial)[0], objective) for trial in first}, objective, results.label
    )
    charts = [leaderboard_chart(lines, results.label)] if lines else []
    if len(lines) > 1:
        charts.append(agreement_chart([line.place for line in lines], results.label))
    return StudyView(
        results=results,
        headline=_headline(results),
        points=folder.study.size,
        finished=len(names),
        comparisons=len(lines) * (len(lines) - 1) // 2,
        tests=_tests(results.test),
        test_claims=list(dict.fromkeys(each.summary.may_be_claimed for each in results.test)),
        leaderboard_charts=charts,
        factors=_factors(results),
        curves=[together] if together else [],
        confusions=[confusion_chart(_confusion(model), results.label(model.name)) for model in models],
        disagreements=disagreements(folder.runs(first[0])[0], [_labelled(model, results) for model in models])
        if len(models) > 1
        else [],
        cost_charts=[cost_chart(_seconds(names, costs), results.label)] if names else [],
        cost_rows=[_cost_row(results.label(name), runs) for name, runs in costs.items()],
        total_cost=duration(sum(run.seconds for runs in costs.values() for run in runs)),
        text=(folder.path / "study.toml").read_text(encoding="utf-8"),
    )


def _labelled(model: ScoredModel, results: StudyResults) -> ScoredModel:
    return replace(model, name=results.label(model.name))


def _seconds(names: Sequence[str], costs: Mapping[str, Sequence[RunCost]]) -> dict[str, list[float]]:
    """By the names of models, the seconds of their runs."""
    return {name: [run.seconds for run in costs[name]] for name in names if name in costs}


def _headline(results: StudyResults) -> str:
    lines = results.leaderboard
    if not any(line.point is not None for line in lines):
        return "No trial was trained to its end."
    best, others = lines[0].place, lines[1:]
    level = sum(line.level_with_first for line in others)
    if not others:
        rest = "it was the only one"
    elif level:
        rest = f"{level} of the other {len(others)} cannot be told apart from it"
    else:
        rest = "every other is worse"
    return (
        f"The first of {len(lines)}, {results.label(best.name)}, decided {percent(best.accuracy)} of the validation "
        f"pairs rightly (95\N{NO-BREAK SPACE}% interval {percent(best.interval.low)} to "
        f"{percent(best.interval.high)}); {rest}."
    )


def _tests(results: Sequence[FinalTestResult]) -> list[FinalTestView]:
    views = []
    for name in dict.fromkeys(each.name for each in results):
        runs = [each for each in results if each.name == name]
        accuracies = [each.summary.accuracy.value for each in runs]
        spread = statistics.stdev(accuracies) if len(runs) > 1 else None
        views.append(FinalTestView(name, runs, statistics.mean(accuracies), spread))
    return views


def _factors(results: StudyResults) -> list[FactorsView]:
    views = []
    for name, effects in results.effects.items():
        if not effects.main:
            continue
        rows = [
            Row(field, percent(value), note="of the variance, by fANOVA")
            for field, value in effects.importances.items()
        ]
        rows += [
            Row(
                " with ".join(interaction.fields),
                percent(interaction.share),
                note="of the variance, beyond both alone",
            )
            for interaction in effects.interactions
        ]
        views.append(FactorsView(name, effect_charts(effects.main, results.objective), rows))
    return views


def _confusion(model: ScoredModel) -> Confusion:
    """Decisions of the first run, each tenth of the pairs at the threshold of the others."""
    right, match = model.right()[0], model.runs[0].is_match
    return Confusion(
        true_accept=int((right & match).sum()),
        false_reject=int((~right & match).sum()),
        false_accept=int((~right & ~match).sum()),
        true_reject=int((right & ~match).sum()),
    )


def _cost_row(name: str, runs: Sequence[RunCost]) -> list[str]:
    seconds = float(np.mean([run.seconds for run in runs]))
    speeds = [run.images_per_second for run in runs if run.images_per_second]
    parameters = runs[0].parameters
    return [
        name,
        duration(seconds),
        f"{np.mean(speeds):,.0f}" if speeds else NOTHING,
        str(runs[0].threads or NOTHING),
        f"{parameters:,}" if parameters is not None else NOTHING,
    ]
