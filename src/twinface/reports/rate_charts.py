"""What a verifier does at every threshold: ROC and DET curves."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from twinface.core.types import FloatArray
from twinface.evaluation.metrics import RocCurve, confusion, roc_curve
from twinface.evaluation.results import StoredEvaluation
from twinface.evaluation.summary import Estimate
from twinface.reports.charts import INK, MUTED, PAPER, THIRD, Chart, chart, share_axis

_RULE_OF_30 = 30  # Doddington et al. 2000: fewer errors measure no rate to within about a third of it
_DET_TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_MOST_POINTS = 1500
_FOLDED = " The folds' scores are put together after each fold's own threshold was taken off."


@dataclass(frozen=True, eq=False)
class _Rates:
    """A curve with the point on it that the threshold chooses, and how many pairs stand behind it."""

    curve: RocCurve
    far: float
    tar: float
    genuine: int
    impostors: int


def rate_charts(result: StoredEvaluation) -> list[Chart]:
    """ROC and DET curve; nothing where the pairs are all of one kind."""
    if result.is_match.all() or not result.is_match.any():
        return []
    table = confusion(result.margins, result.is_match, 0.0)
    genuine, impostors = int(result.is_match.sum()), int((~result.is_match).sum())
    rates = _Rates(
        roc_curve(result.margins, result.is_match),
        table.false_accept / impostors,
        table.true_accept / genuine,
        genuine,
        impostors,
    )
    note = _FOLDED if result.summary.folds else ""
    return [_roc(rates, result.summary.auc, note), _det(rates, result.summary.eer, note)]


def _roc(rates: _Rates, area: Estimate | None, note: str) -> Chart:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=1)
        far, tar = _thinned(rates.curve.far, rates.curve.tar)
        axes.plot(far, tar, color=THIRD, linewidth=1.8)
        _operating_point(axes, rates.far, rates.tar, (10, -12))
        _name_axes(axes, "impostor pairs accepted (FAR)", "genuine pairs accepted (TAR)")
        share_axis(axes, "x", -0.01, 1.01)
        share_axis(axes, "y", -0.01, 1.01)

    said = f"At the threshold {rates.tar:.4f} of genuine and {rates.far:.4f} of impostor pairs are accepted."
    measured = "" if area is None else f"Area under the curve {area.value:.4f}. "
    return chart("ROC", f"ROC curve. {measured}{said}", draw, f"Dotted: a verifier that guesses.{note}")


def _det(rates: _Rates, eer: Estimate | None, note: str) -> Chart:
    # Half an error is as far down as these pairs can say anything. Rates above 60 % are shown only of a
    # verifier so poor that little else could be seen of it.
    lowest = max(min(0.5 / rates.genuine, 0.5 / rates.impostors, 0.005), 1e-6)
    measured = rates.curve.far * rates.impostors >= _RULE_OF_30
    highest = 0.6 if (1 - rates.curve.tar[measured] < 0.5).all() else 0.97
    low, high = probit(np.array([lowest, highest])).tolist()

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _grey_out(axes, rates, low, high)
        axes.plot([low, high], [low, high], ":", color=MUTED, linewidth=1)
        axes.plot(*_thinned(probit(rates.curve.far), probit(1 - rates.curve.tar)), color=THIRD, linewidth=1.8)
        if not ((rates.curve.far >= lowest) & (1 - rates.curve.tar >= lowest)).any():
            middle = (low + high) / 2
            axes.text(middle, middle, "no errors: the curve lies outside", ha="center", backgroundcolor=PAPER)
        at = probit(np.clip([rates.far, 1 - rates.tar], lowest, highest))
        _operating_point(axes, float(at[0]), float(at[1]), (10, 8))
        _name_axes(axes, "impostor pairs accepted (FAR)", "genuine pairs rejected (FNMR)")
        ticks = [tick for tick in _DET_TICKS if lowest <= tick <= highest]
        names = [f"{100 * tick:g} %" for tick in ticks]
        places = probit(np.array(ticks))
        axes.set_xticks(places, names)
        axes.set_yticks(places, names)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)

    equal = "" if eer is None else f" Equal error rate {eer.value:.4f}."
    caption = (
        "Axes in standard deviations of a normal distribution; dotted: equal error rates. "
        f"Hatched: fewer than {_RULE_OF_30} errors, too few to measure a rate.{note}"
    )
    said = f"DET curve.{equal} At the threshold FAR {rates.far:.4f}, FNMR {1 - rates.tar:.4f}."
    return chart("DET", said, draw, caption)


def _grey_out(axes: Axes, rates: _Rates, low: float, high: float) -> None:
    """Hatches where a rate would rest on fewer than 30 errors."""
    errors = _RULE_OF_30 / np.array([rates.impostors, rates.genuine])
    far, fnmr = np.clip(probit(np.minimum(1.0, errors)), low, high).tolist()
    for corner, width, height in (((low, low), far - low, high - low), ((far, low), high - far, fnmr - low)):
        axes.add_patch(
            Rectangle(
                corner,
                width,
                height,
                facecolor="none",
                edgecolor=MUTED,
                hatch=3 * "\\",
                linewidth=0,
                zorder=0,
            )
        )


def probit(shares: FloatArray) -> FloatArray:
    """How many standard deviations from the mean leave these shares, in [0, 1], below: -5.5 to 5.5.

    >>> probit(np.array([0.025, 0.5])).round(2).tolist()
    [-1.96, 0.0]
    """
    # By interpolation in a table: exact to four digits, and quick for millions of pairs.
    deviations = np.linspace(-5.5, 5.5, 2201)
    normal = NormalDist()
    return np.interp(shares, [normal.cdf(value) for value in deviations.tolist()], deviations)


def _operating_point(axes: Axes, x: float, y: float, offset: tuple[int, int]) -> None:
    axes.plot([x], [y], "o", color=INK, markersize=6, clip_on=False)
    axes.annotate("threshold", (x, y), xytext=offset, textcoords="offset points", color=INK)


def _name_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _thinned(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leaves out points that lie on their neighbours at the size of a chart."""
    if len(x) <= _MOST_POINTS:
        return x, y
    scale = _MOST_POINTS / max(float(np.ptp(x)), float(np.ptp(y)), 1e-12)
    places = np.stack([np.round(x * scale), np.round(y * scale)])
    kept = np.concatenate([[True], (np.diff(places) != 0).any(axis=0)])
    kept[-1] = True
    return x[kept], y[kept]
