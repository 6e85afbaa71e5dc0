"""`twinface calibrate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.options import DataOptions, Json, grouped

if TYPE_CHECKING:
    from twinface.core.types import ProgressCallback
    from twinface.evaluation.calibrate import CalibrationResult
    from twinface.models.embedder import Embedder


@dataclass(frozen=True)
class PairOptions:
    """Labelled pairs, in place of labelled people."""

    pairs: Annotated[
        Path | None, typer.Option(help="A pair file of your own: CSV (left,right,same) or LFW's format.")
    ] = None
    protocol: Annotated[
        str | None, typer.Option(help="Official pairs of --data lfw: view1-train, view1 or view2.")
    ] = None


@grouped
def calibrate(
    model: Annotated[
        str, typer.Argument(help="A model's name, a run folder, a model file, or a description (.toml).")
    ],
    data: DataOptions,
    listed: PairOptions,
    out: Annotated[Path, typer.Option(help="The model to write: a file whose name ends in .json.")],
    far: Annotated[float, typer.Option(help="The wanted false accept rate.")] = 1e-3,
    json: Json = False,
) -> None:
    """Fit a model's threshold and probability to labelled people or pairs, and say how they hold on people not seen.

    The new model is a small file that points to the old one. Use it wherever a model is asked for. A page of its own
    lies beside it: scores, threshold, and error rates with intervals.
    """
    from twinface.core.progress import progress_bar
    from twinface.models.derived_model import check_base, check_file_name, write_derived
    from twinface.models.load import load_model

    _check_options(data, listed)
    check_file_name(out)
    log_to_stderr()
    loaded = load_model(model)
    check_base(loaded)
    with progress_bar("embedding") as progress:
        result = _fit(loaded, data, listed, far, progress)
    write_derived(out, model, loaded, result.record)
    if json:
        print_json(_values(result))
    else:
        print("\n".join(_lines(result, far)))
    say(f"model: {out}")
    try:
        from twinface.reports.calibration_page import write_calibration_page
    except ModuleNotFoundError:  # fitting needs no drawing, and the extra that draws may be missing
        return
    say(f"page: {write_calibration_page(result, loaded.record, out.with_suffix('.html'))}")


def _check_options(data: DataOptions, listed: PairOptions) -> None:
    from twinface.core.errors import SettingsError

    if listed.pairs is not None:
        if listed.protocol or data.data not in (None, "folder"):
            raise SettingsError("--pairs FILE takes --root only, no --protocol and no other --data")
    elif data.data is None:
        raise SettingsError("--data is missing: name the data set, lfw, orl or folder, or give --pairs FILE")
    elif listed.protocol and data.data != "lfw":
        raise SettingsError(f"--protocol is for --data lfw; {data.data} has no official pairs")


def _fit(
    loaded: Embedder, data: DataOptions, listed: PairOptions, far: float, progress: ProgressCallback
) -> CalibrationResult:
    """The calibration to what the options name."""
    from twinface.datasets.aligned import align_pairs
    from twinface.datasets.data_source import DataSource
    from twinface.datasets.load import load_source
    from twinface.datasets.pairs_file.people import tells_people
    from twinface.datasets.pairs_file.read import read_pairs
    from twinface.evaluation.calibrate import calibrate as fit
    from twinface.evaluation.calibrate_pairs import calibrate_pairs

    if listed.pairs is not None:
        pairs = read_pairs(listed.pairs, data.root or listed.pairs.parent)
        pairs = pairs if data.align is False else align_pairs(pairs)
        return calibrate_pairs(loaded, pairs, far, tells_people(listed.pairs), progress)
    assert data.data is not None
    source = DataSource(data.data, str(data.root) if data.root else None, data.layout, align=data.aligns)
    dataset = load_source(source)
    if listed.protocol:
        return calibrate_pairs(loaded, dataset.protocol(listed.protocol), far, progress=progress)
    return fit(loaded, dataset.training_faces(), far, progress)


def _values(result: CalibrationResult) -> dict[str, Any]:
    rates, record = result.rates, result.record
    return {
        "threshold": record.threshold.value,
        "far": record.threshold.far,
        "fitted_on": record.threshold.fitted_on,
        "people": rates.people,
        "pictures": result.pictures,
        "cross_fitted": {
            "fmr": rates.fmr,
            "fmr_interval": [rates.fmr_interval.low, rates.fmr_interval.high],
            "fnmr": rates.fnmr,
            "fnmr_interval": [rates.fnmr_interval.low, rates.fnmr_interval.high],
            "genuine": rates.genuine,
            "impostor": rates.impostor,
        },
        "notes": list(result.notes),
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
        *result.notes,
    ]


def _interval(low: float, high: float) -> str:
    return f"[{low:.5f}, {high:.5f}]"
