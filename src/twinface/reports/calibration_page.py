"""The page of a calibrated model: scores, threshold, and error rates with intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from twinface.core.storage import write_text
from twinface.evaluation.calibrate import CalibrationResult
from twinface.models.error_table import ErrorTable
from twinface.models.record import ModelRecord
from twinface.reports.charts import GENUINE, IMPOSTOR, INK, Chart, chart
from twinface.reports.decision_charts import score_chart
from twinface.reports.figures_table import Row
from twinface.reports.page import render


def write_calibration_page(result: CalibrationResult, base: ModelRecord, target: Path) -> Path:
    """Writes the page of a calibration and returns its place.

    Args:
        result: what was fitted, and how well it holds.
        base: the record of the model before.
        target: the file to write, named as the model's but for the suffix.

    Raises:
        StorageError: it cannot be written.
    """
    record, scores = result.record, result.scores
    margins = np.concatenate([scores.genuine, scores.impostor]) - record.threshold.value
    charts = [score_chart(margins, np.arange(len(margins)) < len(scores.genuine))]
    if record.error_table:
        charts.append(_rates(record.error_table, record.threshold.value))
    page = render(
        "calibration.html.j2",
        name=target.stem,
        base=base.name,
        threshold=record.threshold,
        rows=_rows(result, base),
        points=record.error_table.points if record.error_table else (),
        notes=result.notes,
        charts=charts,
        method=_methods(result),
    )
    write_text(target, page)
    return target


def _methods(result: CalibrationResult) -> str:
    """How the intervals of both rates were made."""
    false_match, other = result.rates.fmr_interval.method, result.rates.fnmr_interval.method
    return (
        other if false_match == other else f"{false_match} (false match rate); {other} (false non-match rate)"
    )


def _rows(result: CalibrationResult, base: ModelRecord) -> list[Row]:
    """The figures of the calibration."""
    rates, record = result.rates, result.record
    asked = (
        f"for a false accept rate of {record.threshold.far:g}"
        if record.threshold.far
        else "for the best accuracy"
    )
    return [
        Row(
            "Threshold", f"{record.threshold.value:.4f}", note=f"{asked}; before: {base.threshold.value:.4f}"
        ),
        Row(
            "False match rate",
            f"{rates.fmr:.5f}",
            f"[{rates.fmr_interval.low:.5f}, {rates.fmr_interval.high:.5f}]",
            f"of {rates.impostor:,} pairs of strangers, each judged by a threshold fitted to other people",
        ),
        Row(
            "False non-match rate",
            f"{rates.fnmr:.5f}",
            f"[{rates.fnmr_interval.low:.5f}, {rates.fnmr_interval.high:.5f}]",
            f"of {rates.genuine:,} pairs of one person, judged likewise",
        ),
        Row("People", f"{rates.people:,}", note=f"on {result.pictures:,} pictures"),
        Row(
            "Probabilities",
            f"{record.calibration.lowest:.2g} to {record.calibration.highest:.6g}",
            note="never more extreme than these people support",
        ),
    ]


def _rates(table: ErrorTable, threshold: float) -> Chart:
    """Both error rates over the threshold, with their intervals as bands."""
    places = [point.threshold for point in table.points]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_yscale("log")
        kinds = (
            ("strangers accepted (FMR)", "fmr", IMPOSTOR, "--"),
            ("people rejected (FNMR)", "fnmr", GENUINE, "-"),
        )
        least = min(point.fmr for point in table.points) / 3
        for name, kind, color, line in kinds:
            rates, low, high = (
                np.maximum([getattr(point, kind + end) for point in table.points], least)
                for end in ("", "_low", "_high")
            )
            axes.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)
            axes.plot(places, rates, line, color=color, linewidth=1.6, label=name)
        axes.axvline(threshold, color=INK, linewidth=1.2)
        axes.set_ylim(least, 1)
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.set_xlabel("threshold")
        axes.set_ylabel("share of the pairs of a kind")
        figure.legend(loc="outside upper center", ncols=2)

    caption = "Bands: 95 % intervals that resample people. Vertical line: the threshold that was chosen."
    said = f"Error rates at {len(places)} thresholds from {places[0]:.3f} to {places[-1]:.3f}."
    return chart("Error rates", said, draw, caption)
