"""`twinface calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import DataOptions, Json, grouped

if TYPE_CHECKING:
    from twinface.evaluation.calibrate import CalibrationResult


@grouped
def calibrate(
    model: Annotated[
        str, typer.Argument(help="A model's name, a run folder, a model file, or a description (.toml).")
    ],
    data: DataOptions,
    out: Annotated[Path, typer.Option(help="The model to write: a file whose name ends in .json.")],
    far: Annotated[float, typer.Option(help="The wanted false accept rate.")] = 1e-3,
    json: Json = False,
) -> None:
    """Fit a model's threshold and probability to labelled people, and say how well they hold on people not seen.

    The new model is a small file that points to the old one. Use it wherever a model is asked for.
    """
    from twinface.core.errors import SettingsError
    from twinface.core.progress import progress_bar
    from twinface.datasets.data_source import DataSource
    from twinface.datasets.load import load_source
    from twinface.evaluation.calibrate import calibrate as fit
    from twinface.models.derived_model import write_derived
    from twinface.models.load import load_model

    if data.data is None:
        raise SettingsError("--data is missing: name the data set: lfw, orl or folder")
    log_to_stderr()
    loaded = load_model(model)
    source = DataSource(data.data, str(data.root) if data.root else None, data.layout, align=data.aligns)
    with progress_bar("embedding") as progress:
        result = fit(loaded, load_source(source).training_faces(), far, progress)
    write_derived(out, model, loaded, result.record)
    if json:
        print_json(_values(result))
    else:
        print("\n".join(_lines(result, far)))
    say(f"model: {out}")


def _values(result: CalibrationResult) -> dict[str, Any]:
    rates, record = result.rates, result.record
    return {
        "threshold": record.threshold.value,
        "far": record.threshold.far,
        "fitted_on": record.threshold.fitted_on,
        "people": len(record.provenance.tuned),
        "pictures": result.pictures,
        "cross_fitted": {
            "fmr": rates.fmr,
            "fmr_interval": [rates.fmr_interval.low, rates.fmr_interval.high],
            "fnmr": rates.fnmr,
            "fnmr_interval": [rates.fnmr_interval.low, rates.fnmr_interval.high],
            "genuine": rates.genuine,
            "impostor": rates.impostor,
        },
    }


def _lines(result: CalibrationResult, far: float) -> list[str]:
    rates, threshold = result.rates, result.record.threshold
    return [
        f"threshold {threshold.value:.4f} for a false accept rate of {far:g}, fitted on {threshold.fitted_on}",
        "Each person judged by a threshold fitted to other people:",
        f"  false match rate      {rates.fmr:.5f} {_interval(rates.fmr_interval.low, rates.fmr_interval.high)} "
        f"of {rates.impostor:,} impostor pairs",
        f"  false non-match rate  {rates.fnmr:.5f} {_interval(rates.fnmr_interval.low, rates.fnmr_interval.high)} "
        f"of {rates.genuine:,} genuine pairs",
    ]


def _interval(low: float, high: float) -> str:
    return f"[{low:.5f}, {high:.5f}]"
