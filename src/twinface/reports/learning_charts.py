"""How training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twinface.reports.charts import FOURTH, INK, MUTED, THIRD, Chart, chart, share_axis
from twinface.training.epoch_metrics import EpochMetrics, best_epoch

Epochs = Sequence[EpochMetrics]
# None of the two colours that mean genuine and impostor.
_SHARES = (
    ("accuracy", "accuracy", INK, "-"),
    ("training_accuracy", "training accuracy", MUTED, ":"),
    ("auc", "AUC", FOURTH, "--"),
    ("one_shot", "one-shot", THIRD, "-."),
)
_LOSSES = {"loss": (INK, "-"), "validation_loss": (FOURTH, "--")}


def learning_charts(metrics: Epochs, loss_is_cross_entropy: bool) -> list[Chart]:
    """Loss, validation figures and learning rate over epochs; nothing where no epoch is finished.

    Args:
        metrics: of the epochs so far.
        loss_is_cross_entropy: whether training and validation loss are the same measure of the same thing,
            and so belong into one chart.
    """
    if not metrics:
        return []
    charts = []
    if loss_is_cross_entropy:
        charts.append(_loss("Loss", metrics, {"loss": "training", "validation_loss": "validation"}))
    else:
        charts.append(_loss("Training loss", metrics, {"loss": "training"}))
        charts.append(_loss("Validation loss", metrics, {"validation_loss": "validation"}))
    charts += [_shares(metrics), _learning_rate(metrics)]
    return [drawn for drawn in charts if drawn is not None]


def _loss(title: str, metrics: Epochs, names: dict[str, str]) -> Chart | None:
    curves = {name: _curve(metrics, name) for name in names}
    if not any(epochs for epochs, _ in curves.values()):
        return None

    def draw(figure: Figure) -> None:
        axes = _epoch_axes(figure, metrics, "loss" if "loss" in names else "cross-entropy, nats a pair")
        for name, (epochs, values) in curves.items():
            color, line = _LOSSES[name]
            axes.plot(epochs, values, line, color=color, **_marker(epochs), label=names[name])
        if len(curves) > 1:
            figure.legend(loc="outside upper center", ncols=2)

    said = "; ".join(
        f"{names[name]} from {values[0]:.4f} to {values[-1]:.4f}"
        for name, (_, values) in curves.items()
        if values
    )
    caption = (
        "" if "loss" in names else "Of calibrated probabilities, so that runs with other losses compare."
    )
    return chart(title, f"{title} over epochs: {said}.", draw, caption)


def _shares(metrics: Epochs) -> Chart | None:
    curves = [(label, *_curve(metrics, name), color, line) for name, label, color, line in _SHARES]
    curves = [curve for curve in curves if curve[1]]
    if not curves:
        return None

    def draw(figure: Figure) -> None:
        axes = _epoch_axes(figure, metrics, "")
        for label, epochs, values, color, line in curves:
            axes.plot(epochs, values, line, color=color, **_marker(epochs), label=label)
        lowest = min(min(values) for _, _, values, _, _ in curves)
        share_axis(axes, "y", max(0.0, lowest - 0.03), 1.005)
        figure.legend(loc="outside upper center", ncols=2)

    said = "; ".join(
        f"{label} ends at {values[-1]:.4f}, best {max(values):.4f}" for label, _, values, _, _ in curves
    )
    caption = "Of people that training did not see."
    if any(label == "training accuracy" for label, *_ in curves):
        caption += " Training accuracy: pairs of people that were trained on; the gap is overfitting."
    return chart("Validation", f"Validation over epochs: {said}.", draw, caption)


def _learning_rate(metrics: Epochs) -> Chart | None:
    epochs, rates = _curve(metrics, "learning_rate")
    if not epochs:
        return None

    def draw(figure: Figure) -> None:
        axes = _epoch_axes(figure, metrics, "learning rate at the epoch's end")
        axes.plot(epochs, rates, color=INK, **_marker(epochs))
        axes.set_ylim(bottom=0)

    said = f"Learning rate over epochs: at most {max(rates):.3g}, {rates[-1]:.3g} at the end."
    return chart("Learning rate", said, draw)


def _curve(metrics: Epochs, name: str) -> tuple[list[int], list[float]]:
    """The epochs that measured a figure, and its values."""
    lines = [each.to_dict() for each in metrics]
    found = [(line["epoch"], line[name]) for line in lines if line.get(name) is not None]
    return [epoch for epoch, _ in found], [value for _, value in found]


def _epoch_axes(figure: Figure, metrics: Epochs, label: str) -> Axes:
    axes = figure.subplots()
    axes.set_xlabel("epoch")
    axes.set_ylabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    best = best_epoch(metrics)
    if best is not None:
        axes.axvline(best.epoch, color=MUTED, linewidth=1, linestyle=":")
        axes.annotate(
            f"best: {best.epoch}",
            (best.epoch, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=MUTED,
            fontsize=8.5,
        )
    if len(metrics) == 1:  # a single point in the middle, not an axis of fractions of an epoch
        axes.set_xlim(metrics[0].epoch - 1, metrics[0].epoch + 1)
    return axes


def _marker(epochs: list[int]) -> dict[str, Any]:
    """Dots where they are few enough to be told apart; a dot that stands alone is a larger one."""
    return {"marker": "o" if len(epochs) <= 40 else "", "markersize": 3 if len(epochs) > 1 else 6}
