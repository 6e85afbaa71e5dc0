"""Judges a finished run on people that it has not seen, and keeps the results in it."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from twinface.core.errors import DataError, LeakError, ModelError
from twinface.core.formatting import percent
from twinface.core.progress import progress_bar
from twinface.core.settings import Settings
from twinface.core.types import FaceSet, Float32Array, PairSet
from twinface.datasets.dataset import Dataset
from twinface.datasets.draw_pairs import draw_pairs, draw_pairs_in_groups
from twinface.datasets.load import load_source
from twinface.datasets.splits import split_in_parts
from twinface.datasets.training_split import split_dataset
from twinface.evaluation.calibration import fit_calibration, fit_threshold
from twinface.evaluation.evaluate import Evaluation, evaluate
from twinface.evaluation.fitted_model import fit_model
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.pooled import JudgedPairs, PoolNames, pooled_evaluation
from twinface.evaluation.results import save_result
from twinface.faces.cache import prepare_faces
from twinface.models.catalog import best_installed
from twinface.models.load import load_model
from twinface.networks.siamese import SiameseNetwork
from twinface.training.checkpoint import load_checkpoint
from twinface.training.cross_fitting import cross_fitted_scores, score_with
from twinface.training.finalize import embed_with, fit_to_people
from twinface.training.own_photos import parts_to_judge
from twinface.training.run_folder import RunFolder

log = logging.getLogger("twinface")

CROSS_VALIDATED = "cross-validated"
UNSEEN = "unseen"
MOST_TO_COMPARE = 2000  # photos; the best model with a name may take a tenth of a second for each
_PAIRS_OF_A_PERSON = 45  # as `unseen_pairs` draws


def judge_run(folder: RunFolder, dataset: Dataset | None = None) -> list[Evaluation]:
    """Judges a finished run on the people who were kept out of it; of few people, each once, in parts.

    Each result is kept in the run folder as soon as it is there, and one that is there is not found again. Once all
    are there, `run.json` says so. For comparison, the best model with a name is judged on the same pairs, with a
    threshold fitted to the same people, and the log says how well it did.

    Args:
        folder: a run that has ended, on a data set without official protocol.
        dataset: the run's, where it is open already.

    Returns:
        The new evaluations, the one on most people first; none where there are too few people. Where one is not
        possible with these people, a warning says why.

    Raises:
        ModelError, DataError, StorageError: see `load_source`, `load_model` and `save_result`.
    """
    settings = folder.settings()
    dataset = dataset or load_source(folder.info().source)
    judges: dict[str, Callable[[], Evaluation]] = {}
    if parts := parts_to_judge(settings, dataset.training_faces()):
        judges[CROSS_VALIDATED] = partial(_in_parts, folder, settings, dataset, parts)
    if settings.data.test_people:
        judges[UNSEEN] = partial(_on_unseen, folder, settings, dataset)
    results, there = [], {path.stem for path in (folder.path / "results").glob("*.json")}
    for protocol in [name for name in judges if name not in there]:
        try:
            result = judges[protocol]()
        except DataError as error:
            log.warning("note: the model was not judged (%s): %s", protocol, error)
            continue
        save_result(folder.path, result)
        log.info("%s: accuracy %s", result.summary.data, _accuracy(result))
        results.append(result)
        there.add(protocol)
    if there >= judges.keys():
        folder.note(judged=True)
    return results


def _on_unseen(folder: RunFolder, settings: Settings, dataset: Dataset) -> Evaluation:
    """The people who were kept out, judged by the run's model."""
    model = load_model(folder.path)
    pairs = unseen_pairs(dataset, model.record)
    with progress_bar("judging") as progress:
        result = evaluate(model, pairs, UNSEEN, claims=dataset.claims, progress=progress)
    if folder.info().source.align and len(dataset.training_faces()) <= MOST_TO_COMPARE:
        _compare_with_the_best(settings, dataset, pairs, result)
    return result


def _in_parts(folder: RunFolder, settings: Settings, dataset: Dataset, parts: int) -> Evaluation:
    """Each person judged once, by a model like this one that was fitted without a third of the people."""
    began = time.perf_counter()
    network, record = load_checkpoint(folder.path)
    network.projection = network.score_normalisation = None
    faces = dataset.training_faces()
    prepared = prepare_faces(faces, record.preparation)
    embeddings = embed_with(network, prepared.images)
    judged = [
        _judge_part(network, settings, embeddings, faces, rest, test)
        for rest, test in split_in_parts(faces, parts, settings.data.split_seed)
    ]
    # Of those with one picture, not everybody is in a pair.
    people = sum(len(np.unique(faces.people[np.concatenate([each.left, each.right])])) for each in judged)
    names = PoolNames(
        protocol=CROSS_VALIDATED,
        data=f"{people} people of {dataset.title}, each judged by a model without them",
        model=f"{parts} models: {settings.recipe}",
        claims=dataset.claims,
        data_sha256=prepared.content,
    )
    return pooled_evaluation(faces, judged, names, time.perf_counter() - began)


def _judge_part(
    network: SiameseNetwork,
    settings: Settings,
    embeddings: Float32Array,
    faces: FaceSet,
    rest: FaceSet,
    test: FaceSet,
) -> JudgedPairs:
    seed, drawing = settings.data.split_seed, settings.validation
    row_of = {path: row for row, path in enumerate(faces.paths)}
    rows, test_rows = (np.array([row_of[path] for path in each.paths]) for each in (rest, test))
    own, known = copy.deepcopy(network), embeddings[rows]
    tuning = draw_pairs_in_groups(
        rest, settings.data.cross_fitting, seed, max_per_person=drawing.per_person, limit=drawing.pairs
    )
    tuned = cross_fitted_scores(own, settings, known, tuning)
    threshold = fit_threshold(tuned.scores, tuned.is_match, rest.name)
    calibration = fit_calibration(tuned.scores, tuned.is_match, rest.name, threshold)
    fit_to_people(own, settings, known, rest.people)
    pairs = draw_pairs(test, 0, max_per_person=_PAIRS_OF_A_PERSON)
    scores = score_with(own, embeddings[test_rows], pairs).scores
    return JudgedPairs(
        left=test_rows[pairs.left],
        right=test_rows[pairs.right],
        is_match=pairs.is_match,
        scores=scores,
        threshold=threshold.value,
        probabilities=calibration.probability(scores),
        people=test.names,
    )


def _compare_with_the_best(settings: Settings, dataset: Dataset, pairs: PairSet, own: Evaluation) -> None:
    """Says how well the best model with a name does on the same pairs, its threshold fitted to the same people."""
    name = best_installed()
    try:
        model = load_model(name)
        split = split_dataset(dataset, settings)
        with progress_bar(f"comparing with {name}") as progress:
            # Its own threshold is not used here, so the people that it was fitted to may be judged.
            provenance = replace(model.record.provenance, tuned=frozenset(), tuned_on=split.tuned_on)
            record = replace(model.record, provenance=provenance)
            fitted = fit_model(model, record, split.validation, split.trained_on, progress)
            other = evaluate(fitted, pairs, "unseen", progress=progress)
    except (ModelError, LeakError) as error:
        log.warning("no comparison with %s: %s", name, error)
        return
    log.info(
        "for comparison, %s with a threshold fitted to the same people: accuracy %s; this run: %s",
        *(name, _accuracy(other), _accuracy(own)),
    )


def _accuracy(result: Evaluation) -> str:
    found = result.summary.accuracy
    between = (
        f", 95 % interval {percent(found.interval.low)} to {percent(found.interval.high)}"
        if found.interval
        else ""
    )
    return f"{percent(found.value)}{between}"
