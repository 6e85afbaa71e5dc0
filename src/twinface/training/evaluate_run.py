"""Judges a run, a model file or a named model by a protocol; needs no torch."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.progress import progress_bar
from twinface.core.types import PairSet, ProgressCallback
from twinface.datasets.aligned import align_pairs
from twinface.datasets.data_source import DataSource
from twinface.datasets.dataset import Dataset
from twinface.datasets.load import load_source
from twinface.datasets.pairs_file.people import tells_people
from twinface.datasets.pairs_file.read import read_pairs, without_unfit_folds
from twinface.datasets.training_split import validation_of
from twinface.evaluation.evaluate import Evaluation, evaluate
from twinface.evaluation.fitted_model import show_only
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.results import own_pairs, save_result
from twinface.faces.mask import mask_for
from twinface.models.catalog import is_name
from twinface.models.embedder import Embedder
from twinface.models.load import load_model
from twinface.training.run_folder import RunFolder

log = logging.getLogger("twinface")

_UNKNOWN_PEOPLE = (
    "The file does not say who is on the pictures, so nobody can tell whether the model has seen them, and each counts "
    "as a person of its own unless a pair calls it the same as another."
)


@dataclass(frozen=True)
class EvaluationRequest:
    """What to judge a model on. One of `protocol` and `pairs` is given.

    Attributes:
        protocol: "view1" or "view2" on LFW; "unseen" draws pairs of people that the model has not seen.
        pairs: a pair file of one's own.
        data, root, layout: the data set; None takes the run's own.
        align: its pictures are photos: find the faces and align them. None takes the run's own data as the run took
            them, and aligns a folder or a pair file of one's own otherwise.
        allow_seen: score people that the model has seen, and say so in the result.
        only: show it one part of each picture: "face" or "background".

    Raises:
        SettingsError: both or neither of `protocol` and `pairs` are given, or `only` with `pairs`.
    """

    protocol: str | None = None
    pairs: Path | None = None
    data: str | None = None
    root: Path | None = None
    layout: str | None = None
    align: bool | None = None
    allow_seen: bool = False
    only: str | None = None

    def __post_init__(self) -> None:
        if (self.protocol is None) == (self.pairs is None):
            raise SettingsError("need one of --protocol (view1, view2, unseen) and --pairs FILE")
        if self.only and self.pairs:
            raise SettingsError(
                "--only needs --protocol: of a pair file's pictures it is not known where the face is"
            )


@dataclass(frozen=True, eq=False)
class ChosenPairs:
    """The pairs to score.

    Attributes:
        pairs: to score.
        claims: what may be claimed of a result on them.
        dataset: that they come from; None for a pair file.
        other: where that data set came from, if it is not the run's own.
        people_known: whether the pairs say who is on their pictures.
    """

    pairs: PairSet
    claims: str
    dataset: Dataset | None = None
    other: DataSource | None = None
    people_known: bool = True


def evaluate_run(
    model: str | Path,
    protocol: str | None = None,
    *,
    pairs: Path | str | None = None,
    dataset: Dataset | None = None,
    root: Path | str | None = None,
    allow_seen: bool = False,
    only: str | None = None,
) -> Evaluation:
    """Judges a model on people that it has not seen; a run folder keeps the result.

    Args:
        model: a run folder, a model file, or the name of a named model.
        protocol: "view1" or "view2" on LFW, or "unseen".
        pairs: a pair file, in place of a protocol. Its pictures are photos, whose faces are found and aligned, if they
            are not the run's own.
        dataset: to judge it on; None takes the run's own. With `pairs`, it is the data set of their pictures:
            `load_dataset("folder", root, align=False)` takes them as they are.
        root: folder of the pair file's pictures.
        allow_seen: score people that the model has seen, and say so in the result.
        only: show the model one part of each picture: "face" or "background".

    Returns:
        The evaluation. A notebook shows its figures as a table.

    Raises:
        LeakError: the model has seen some of these people, and `allow_seen` is false.
        SettingsError, DataError, ModelError, ImageError: the request, the data or the model is wrong.
        StorageError: the run folder cannot keep the result.

    Example:
        >>> evaluate_run("runs/orl", protocol="unseen").summary.accuracy  # doctest: +SKIP
    """
    source = dataset.source if dataset else None
    request = EvaluationRequest(
        protocol=protocol,
        pairs=Path(pairs) if pairs else None,
        data=source.data if source else None,
        root=Path(root) if root else Path(source.root) if source and source.root else None,
        layout=source.layout if source else None,
        align=source.align if source else None,
        allow_seen=allow_seen,
        only=only,
    )
    with progress_bar("embedding") as progress:
        result = answer(model, request, progress)
    keep_result(model, request, result)
    return result


def answer(
    place: str | Path, request: EvaluationRequest, progress: ProgressCallback | None = None
) -> Evaluation:
    """Judges the model at a place, and writes nothing.

    Args:
        place: a run folder, a model file, or the name of a named model.
        request: what to judge it on.
        progress: called with (faces done, faces in total).

    Raises:
        LeakError, SettingsError, DataError, ModelError, ImageError: see `evaluate_run`.
    """
    model: Embedder = load_model(place)
    folder = run_at(place)
    chosen = _choose(model, folder, request)
    if request.only and chosen.dataset:
        model = _masked(model, request.only, chosen.pairs, chosen.dataset, progress)
    result = evaluate(
        model,
        chosen.pairs,
        request.protocol or "pairs",
        claims=chosen.claims,
        allow_seen=request.allow_seen,
        people_known=chosen.people_known,
        progress=progress,
    )
    return replace(result, summary=replace(result.summary, source=chosen.other))


def keep_result(place: str | Path, request: EvaluationRequest, result: Evaluation) -> RunFolder | None:
    """Writes what `answer` found into the run folder at a place, if there is one that this user may write.

    The result on a pair file, or on another data set than the run's own, has a name of its own.

    Returns:
        The run folder that keeps the result, or None.

    Raises:
        StorageError: a file cannot be written; an older result stays.
    """
    folder = run_at(place)
    if folder is None:
        return None
    results = folder.path / "results"
    if not os.access(results if results.is_dir() else folder.path, os.W_OK):
        log.warning("%s cannot be written by this user: the result is not kept", folder.path)
        return None
    save_result(
        folder.path, result, own_pairs(request.pairs, result.pairs.faces.root) if request.pairs else None
    )
    return folder


def run_at(place: str | Path) -> RunFolder | None:
    """The run folder at a place, or None for a model file or the name of a model."""
    if is_name(place):
        return None
    folder = RunFolder(place)
    return folder if folder.manifest.is_file() else None


def _choose(model: Embedder, folder: RunFolder | None, request: EvaluationRequest) -> ChosenPairs:
    trained_on = own = folder.info().source if folder else None
    align = _aligns(request, own)
    if own and request.data not in (None, own.data):
        own = None  # another data set: root and layout of the run's own say nothing of it
    root = request.root or (Path(own.root) if own and own.root else None)
    if request.pairs is not None:
        pairs = read_pairs(request.pairs, root or request.pairs.parent)
        pairs = without_unfit_folds(align_pairs(pairs)) if align else pairs
        known = tells_people(request.pairs)
        claims = "Pairs of one's own: no public protocol."
        return ChosenPairs(pairs, claims if known else f"{claims} {_UNKNOWN_PEOPLE}", people_known=known)
    data = request.data or (own.data if own else "lfw" if request.protocol in ("view1", "view2") else None)
    if data is None:
        raise SettingsError("--data is missing: name the data set to judge on")
    layout = request.layout or (own.layout if own else None)
    source = DataSource(data, str(root.expanduser().absolute()) if root else None, layout, align=align)
    dataset = load_source(source)
    found = replace(source, layout=dataset.source.layout)  # where none was named, the one that lies there
    other = None if trained_on and found.has_pictures_of(trained_on) else source
    if request.protocol == "unseen":
        pairs = unseen_pairs(dataset, model.record)
        return ChosenPairs(pairs, "Drawn pairs: no public protocol.", dataset, other)
    assert request.protocol is not None
    return ChosenPairs(dataset.protocol(request.protocol), dataset.claims, dataset, other)


def _aligns(request: EvaluationRequest, own: DataSource | None) -> bool:
    """Whether the faces are found and aligned; `own` is the data of the run that is judged, or None."""
    if request.align is not None:
        return request.align
    if (request.pairs is not None or request.data == "folder") and not _is_own(request, own):
        return True
    return own is not None and own.align


def _is_own(request: EvaluationRequest, own: DataSource | None) -> bool:
    """Whether the request names no other data set, folder or layout than those that the run was trained on."""
    if own is None or request.data not in (None, own.data) or request.layout not in (None, own.layout):
        return False
    return request.root is None or own.is_in(request.root)


def _masked(
    model: Embedder, only: str, pairs: PairSet, dataset: Dataset, progress: ProgressCallback | None
) -> Embedder:
    """The model, shown one part of each picture, with a threshold fitted anew where its validation people are here."""
    mask = mask_for(only, pairs.faces.region, pairs.name)
    validation = validation_of(model.record, dataset)
    if validation is None:
        log.warning(
            "the model's validation people are not in this data set: it keeps its threshold for whole pictures"
        )
    return show_only(mask, model, validation, progress)
