"""The results of a study as charts: leaderboard, effects, learning curves, which models can be told apart."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twinface.reports.charts import FOURTH, INK, MUTED, THIRD, Chart, chart, share_axis, wide_enough
from twinface.studies.results.effects import Effect, Level
from twinface.studies.results.leaderboard import Place
from twinface.studies.results.records import LeaderboardLine

SHOWN = 12  # of the leaderboard
Label = Callable[[str], str]  # a model's name → what is written for it
_LINES = [(INK, "-"), (FOURTH, "--"), (THIRD, "-."), (MUTED, ":"), (FOURTH, "-"), (THIRD, "--")]


def leaderboard_chart(lines: Sequence[LeaderboardLine], label: Label) -> Chart:
    """Accuracy of the first `SHOWN` models, with the interval and each seed's own accuracy."""
    shown = lines[:SHOWN]
    places = [line.place for line in shown]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, (line, place) in enumerate(zip(shown, places, strict=True)):
            color = INK if line.level_with_first else MUTED
            axes.plot([place.interval.low, place.interval.high], [row, row], color=color, linewidth=1.2)
            axes.plot(place.accuracies, [row] * len(place.accuracies), "|", color=THIRD, markersize=9)
            axes.plot([place.accuracy], [row], "o", color=color, markersize=4.5)
        axes.set_yticks(range(len(places)), [_wrapped(label(place.name)) for place in places])
        axes.invert_yaxis()
        low = min(place.interval.low for place in places)
        high = max(place.interval.high for place in places)
        share_axis(axes, "x", *wide_enough(low - 0.01, high + 0.01))
        axes.set_xlabel("accuracy on validation people")

    return chart(
        "Leaderboard",
        f"Accuracy of the first {len(places)} models, from {places[0].accuracy:.3f} to {places[-1].accuracy:.3f}.",
        draw,
        f"Dot: mean over seeds. Line: 95 % interval for other people{_and_seeds(places)}. Strokes: each seed. "
        "Gray: told apart from the first.",
        height=1.2 + 0.34 * len(places),
    )


def as_compared(objective: str) -> str:
    """An objective as it is compared, higher being better: a loss is taken with a minus."""
    return "minus loss" if objective == "loss" else objective


def effect_charts(effects: Sequence[Effect], objective: str) -> list[Chart]:
    """One chart for each factor: the mean of the objective at each level, with its 95 % interval."""
    return [_effect_chart(effect, objective) for effect in effects]


def _effect_chart(effect: Effect, objective: str) -> Chart:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for position, level in enumerate(effect.levels):
            _draw_level(axes, position, level)
        axes.set_xticks(range(len(effect.levels)), [_short(level.label) for level in effect.levels])
        axes.set_xlim(-0.5, len(effect.levels) - 0.5)
        axes.set_ylabel(f"{as_compared(objective)}, validation people")
        if objective != "loss":
            share_axis(axes, "y", *wide_enough(*axes.get_ylim()))

    levels = ", ".join(f"{level.label}: {level.mean:.4f}" for level in effect.levels)
    return chart(
        effect.field,
        f"Effect of {effect.field}: {levels}.",
        draw,
        f"{_explained(effect)} Bars: 95 % for {_of_whom(effect)}.",
    )


def _explained(effect: Effect) -> str:
    if effect.alone:
        return "The only factor that varies."
    others = (
        "the effects of other factors are removed" if effect.balanced else "other factors are not balanced"
    )
    return f"Explains {100 * effect.share:.0f} % of the variance between points; {others}."


def _of_whom(effect: Effect) -> str:
    people = all(level.of_people for level in effect.levels)
    runs = all(level.runs > 1 for level in effect.levels)
    if people and runs:
        return "other people (resampled) and other runs (Student's t) together"
    return (
        "other people (resampled); one run a level, so nothing is known of seeds" if people else "other runs"
    )


def _and_seeds(places: Sequence[Place]) -> str:
    several = any(len(place.accuracies) > 1 for place in places)
    return (
        " (resampled) and, of trained models, other seeds (Student's t)"
        if several
        else " (resampled); one seed only"
    )


def _wrapped(label: str) -> str:
    return "\n".join(textwrap.wrap(label, 24)) or label


def cost_chart(seconds: Mapping[str, Sequence[float]], label: Label) -> Chart:
    """Time of a run of the first `SHOWN` models, mean over seeds, each seed as a stroke.

    Args:
        seconds: by the model's name, of each run.
        label: see `Label`.
    """
    shown = dict(list(seconds.items())[:SHOWN])
    means = [float(np.mean(each)) for each in shown.values()]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.barh(range(len(means)), means, color=MUTED, height=0.6)
        for row, each in enumerate(shown.values()):
            axes.plot(each, [row] * len(each), "|", color=THIRD, markersize=9)
        axes.set_yticks(range(len(means)), [_wrapped(label(name)) for name in shown])
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds of a run")

    said = ", ".join(f"{label(name)}: {mean:.0f} s" for name, mean in zip(shown, means, strict=True))
    return chart(
        "Time of a run",
        f"Seconds of a run: {said}.",
        draw,
        "Bar: mean over seeds. Strokes: each seed. Runs beside each other on busy cores take longer.",
        height=1.2 + 0.34 * len(means),
    )


def _draw_level(axes: Axes, position: int, level: Level) -> None:
    if level.margin is not None:
        axes.errorbar(position, level.mean, level.margin, color=INK, capsize=3, linewidth=1.2)
    axes.plot([position], [level.mean], "o", color=INK, markersize=5)


def curves_chart(
    curves: Mapping[str, Sequence[tuple[int, float]]], objective: str, label: Label
) -> Chart | None:
    """Learning curves of several models in one chart, on validation people; None if no curve has two points.

    Args:
        curves: by the model's name, (epoch, value) after each validation.
        objective: see `Study`.
        label: see `Label`.
    """
    curves = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if not curves:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for (name, curve), (color, line) in zip(curves.items(), _LINES, strict=False):
            axes.plot(
                [epoch for epoch, _ in curve],
                [value for _, value in curve],
                line,
                color=color,
                label=_wrapped(label(name)),
            )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"{as_compared(objective)}, validation people")
        if objective != "loss":
            share_axis(axes, "y", *wide_enough(*axes.get_ylim()))
        figure.legend(loc="outside upper center", ncols=2)

    ends = "; ".join(f"{label(name)} ends at {curve[-1][1]:.4f}" for name, curve in curves.items())
    return chart("Learning curves together", f"Learning curves: {ends}.", draw, "The first seed of each.")


def agreement_chart(places: Sequence[Place], label: Label) -> Chart:
    """Which of the first `SHOWN` models can be told apart."""
    shown = places[:SHOWN]
    names = [place.name for place in shown]
    grid = np.array([[name in place.apart for name in names] for place in shown])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, column in zip(*np.nonzero(grid), strict=True):
            axes.plot([column], [row], "s", color=FOURTH, markersize=7)
        axes.set_xticks(range(len(names)), [str(row + 1) for row in range(len(names))])
        rows = [f"{row + 1}  {label(name)}" for row, name in enumerate(names)]
        axes.set_yticks(range(len(names)), [_wrapped(row) for row in rows])
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)

    count = int(grid.sum()) // 2
    return chart(
        "Told apart",
        f"{count} of {len(names) * (len(names) - 1) // 2} pairs of models can be told apart.",
        draw,
        "A square where two models differ: McNemar's test on the same pairs, Holm's correction for all comparisons, "
        "and the interval of their difference with people resampled.",
        height=1.4 + 0.34 * len(names),
    )


def _short(label: str) -> str:
    return label if len(label) <= 14 else label.replace(" ", "\n")
