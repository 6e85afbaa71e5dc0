"""The tables and the chart of docs/verdicts.md that why_scores_move.py and how_alike.py keep the figures of."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from kept_figures import share, table
from score_chart import Axis, Column, Spread, score_chart

KEPT = Path(__file__).parent / "figures" / "why-scores-move.json"
ALIKE = Path(__file__).parent / "figures" / "how-alike.json"


@cache
def figures() -> dict[str, Any]:
    """What was kept."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def chart() -> str:
    """The scores of each set with each model."""
    columns = [
        Column(
            name,
            model["threshold"],
            [
                Spread(each["genuine"], each["impostor"], each["impostor_mean"], percent(each["fmr"][0]))
                for each in model["sets"].values()
            ],
        )
        for name, model in figures()["models"].items()
    ]
    rows = list(next(iter(figures()["models"].values()))["sets"])
    title = f"Scores on other photos, and the threshold that is to accept {percent(figures()['far'])} of strangers"
    return score_chart(title, rows, columns, Axis(*figures()["bins"]))


def moved() -> str:
    """What the faces of each set share, and what taking it off gains."""
    heads = (
        *("model", "photos", "strangers: mean score", "accepted", "people rejected"),
        *("length of the mean", "AUC", "AUC without it", "strangers: mean without it", "accepted without it"),
    )
    rows = [
        [
            *(name, key, f"{each['impostor_mean']:+.2f}", rate(each["fmr"]), rate(each["fnmr"])),
            *(f"{each['length']:.2f}", share(each["auc"]), share(each["auc_without"])),
            *(f"{each['impostor_mean_without']:+.2f}", percent(each["fmr_without"])),
        ]
        for name, model in figures()["models"].items()
        for key, each in model["sets"].items()
    ]
    return table(heads, rows)


def untold() -> str:
    """Which share of the pairs is not told against the strangers that are accepted among the others."""
    widths = figures()["widths"]
    heads = [
        *("model", "photos", "threshold alone"),
        *(f"zone × {width:g}" if width else "poor faces not told" for width in widths),
    ]
    rows = [
        [name, key, *(f"{100 * part:.0f} % → {percent(far)}" for part, far, _ in each["untold"])]
        for name, model in figures()["models"].items()
        for key, each in model["sets"].items()
    ]
    return table(heads, rows)


def alike() -> str:
    """Error rates of pairs of little, some and much likeness, for each measure."""
    found = json.loads(ALIKE.read_text(encoding="utf-8"))
    ranges = ["least alike 5 %", "5 to 20 %", "others"]
    heads = [
        "model",
        "measure",
        "photos",
        *(f"{kind}: {each}" for kind in ("FMR", "FNMR") for each in ranges),
    ]
    rows = [
        [
            name,
            measure,
            group,
            *(rate(each[kind]) if each[kind] else "–" for kind in ("fmr", "fnmr") for each in bins),
        ]
        for name, measures in found["models"].items()
        for measure, groups in measures.items()
        for group, bins in groups.items()
    ]
    return table(heads, rows)


def rate(found: list[float]) -> str:
    """A rate with its interval."""
    value, low, high = found
    return f"{percent(value)} [{100 * low:.2g}, {100 * high:.2g}]"


def percent(value: float) -> str:
    """Two digits: "0.12 %", "31 %"."""
    return f"{100 * value:.0f} %" if value >= 0.995 else f"{100 * value:.2g} %"
