"""The figures of an evaluation as lines to read in a terminal, and as a table in a notebook."""

from __future__ import annotations

from html import escape

from twinface.core.formatting import html_table
from twinface.core.types import Interval
from twinface.evaluation.summary import Estimate, Summary


def summary_lines(summary: Summary) -> list[str]:
    """All figures, a line each."""
    table = summary.confusion
    error = f" ± {summary.folds.standard_error:.4f} (standard error)" if summary.folds else ""
    lines = [
        f"{summary.model} on {summary.data}: {summary.pairs} pairs, {summary.images} pictures, "
        f"{summary.people} people",
        *([f"shown               {summary.shown}"] if summary.is_partial else []),
        f"accuracy            {summary.accuracy.value:.4f}{error}{_between(summary.accuracy.interval)}",
        f"area under ROC      {_figure(summary.auc)}",
        f"equal error rate    {_figure(summary.eer)}",
    ]
    for point in summary.tar_at_far:
        hedge = " (few false accepts: a rough figure)" if point.few_false_accepts else ""
        lines.append(f"TAR at FAR {point.far:<8g} {_figure(point.tar)}{hedge}")
    lines += [
        f"confusion           {table.true_accept} accepted and {table.false_reject} rejected of the genuine, "
        f"{table.false_accept} accepted and {table.true_reject} rejected of the impostors",
        f"calibration error   {summary.calibration_error:.4f}, cross-entropy {summary.loss:.4f}",
    ]
    if summary.one_shot:
        trials = summary.one_shot
        lines.append(
            f"one-shot            {_figure(trials.accuracy)}, {trials.ways}-way, {trials.trials} trials"
        )
    return [
        *lines,
        f"threshold           {summary.threshold:.4f}, fitted on {summary.threshold_fitted_on}",
        f"may be claimed      {summary.may_be_claimed}",
        f"time                {summary.seconds:.1f} s, {summary.images_per_second:.0f} pictures/s embedded",
    ]


def summary_html(summary: Summary) -> str:
    """The main figures as an HTML table with intervals, under a title."""
    estimates = {
        "accuracy": summary.accuracy,
        "area under ROC": summary.auc,
        "equal error rate": summary.eer,
        **{f"TAR at FAR {point.far:g}": point.tar for point in summary.tar_at_far},
        "one-shot": summary.one_shot.accuracy if summary.one_shot else None,
    }
    rows = [
        {"figure": name, "value": each.value, "95 % interval": str(each.interval or "")}
        for name, each in estimates.items()
        if each
    ]
    title = f"{summary.model} on {summary.data}: {summary.pairs} pairs of {summary.people} people"
    return f"<p><b>{escape(title)}</b></p>{html_table(rows)}<p>{escape(summary.may_be_claimed)}</p>"


def _figure(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.4f}{_between(estimate.interval)}"


def _between(interval: Interval | None) -> str:
    return f" {interval}" if interval else ""
