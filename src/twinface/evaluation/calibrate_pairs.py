"""Fits a model's threshold and calibration to labelled pairs: a list of one's own, or an official one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from twinface.core.errors import DataError, LeakError
from twinface.core.types import (
    BoolArray,
    FloatArray,
    IntArray,
    Interval,
    PairSet,
    ProgressCallback,
    ScoredPairs,
)
from twinface.datasets.splits import deal_people
from twinface.evaluation.calibrate import CalibrationResult, tuned_record
from twinface.evaluation.error_rates import ErrorRates
from twinface.evaluation.fit_on_people import AllPairs, fit_on_pairs
from twinface.evaluation.intervals.accuracy import at_least_wilson
from twinface.evaluation.intervals.people_bootstrap import Statistic
from twinface.evaluation.operating_points import COUPLES, error_table, thresholds_of
from twinface.faces.cache import prepare_faces
from twinface.models.derived_model import check_base
from twinface.models.embedder import Embedder
from twinface.models.record import ModelRecord
from twinface.models.scoring import embed_faces, score_pairs

UNKNOWN_PEOPLE = (
    "The file does not say who is on the pictures: those that its pairs call the same count as one person, all others "
    "as people of their own. If one person is among them several times, the intervals are too narrow."
)
_FOLDS = 10  # of people; a pair is judged by a threshold fitted to the pairs of the eight or nine other folds
_FEWEST = 10  # people with a genuine pair


@dataclass(frozen=True, eq=False)
class _FoldedPairs:
    """Scored pairs, and the fold of the person on each side.

    Attributes:
        scored: M pairs.
        folds: [M, 2].
    """

    scored: ScoredPairs
    folds: IntArray

    @classmethod
    def dealt(cls, scored: ScoredPairs, seed: int = 0) -> _FoldedPairs:
        """People are dealt at random, those with a genuine pair first, so that each fold has some."""
        names, numbers = np.unique(scored.people, return_inverse=True)
        numbers = numbers.reshape(scored.people.shape)
        genuine = np.zeros(len(names), np.bool_)
        genuine[numbers[scored.is_match, 0]] = True
        return cls(scored, np.asarray(deal_people(genuine, _FOLDS, seed)[numbers], np.int64))

    def parts(self) -> list[tuple[BoolArray, BoolArray]]:
        """For each couple of folds with pairs: [M] the pairs to judge, and [M] those without anybody of both folds."""
        low, high = self.folds.min(axis=1), self.folds.max(axis=1)
        found: list[tuple[BoolArray, BoolArray]] = []
        for first in range(_FOLDS):
            for second in range(first, _FOLDS):
                judged = (low == first) & (high == second)
                if judged.any():
                    others = np.asarray(~np.isin(self.folds, (first, second)).any(axis=1), np.bool_)
                    found.append((judged, others))
        return found


def calibrate_pairs(
    model: Embedder,
    pairs: PairSet,
    far: float | None = 1e-3,
    people_known: bool = True,
    progress: ProgressCallback | None = None,
) -> CalibrationResult:
    """Fits threshold and calibration to labelled pairs, and says how well they hold.

    Each pair is judged by a threshold that was fitted to pairs without the people of two of ten folds, so that no
    person is judged by a threshold that has seen them.

    Args:
        model: embeds and scores.
        pairs: labelled, of people that the model was not trained on.
        far: the wanted false accept rate, or None for the best accuracy.
        people_known: whether the list says who is on each picture; if not, the result says so.
        progress: called with (pictures done, pictures in total).

    Raises:
        ModelError: the model was calibrated or adapted itself.
        LeakError: the model was trained on some of these people.
        DataError: there are too few pairs for this rate; the message says how many are needed.
        ImageError: a picture cannot be read.
    """
    check_base(model)
    _refuse_trained(model.record, pairs)
    no_scores = ScoredPairs(np.zeros(len(pairs)), pairs.is_match, pairs.people)
    _check_number(pairs.name, _FoldedPairs.dealt(no_scores), far)  # before anything is embedded
    prepared = prepare_faces(pairs.faces, model.record.preparation)
    embeddings = embed_faces(model, prepared.images, progress=progress)
    scored = score_pairs(embeddings, pairs, model.record.score)
    listed = listed_pairs_of(scored)
    fitted_on = f"{len(pairs):,} pairs of {listed.people:,} people of {pairs.name}"
    if not people_known:
        fitted_on = f"{len(pairs):,} pairs of {pairs.name}, people not known"
    threshold, calibration = fit_on_pairs(listed, fitted_on, far)
    rates = [rates_at(scored, at) for at in thresholds_of(listed)]
    record = replace(
        tuned_record(model.record, pairs.faces.names, fitted_on, embeddings),
        threshold=threshold,
        calibration=calibration,
        error_table=error_table(rates, listed.people, fitted_on),
    )
    found = cross_fitted_pairs(scored, far)
    notes = () if people_known else (UNKNOWN_PEOPLE,)
    return CalibrationResult(record, found, len(pairs.faces), listed, notes)


def listed_pairs_of(scored: ScoredPairs) -> AllPairs:
    """The scores of listed pairs by their kind, with the number of people and of couples of people."""
    return AllPairs(
        scored.scores[scored.is_match],
        scored.scores[~scored.is_match],
        len(np.unique(scored.people)),
        len(np.unique(scored.people[scored.is_match])),
        _couples(scored.people[~scored.is_match]),
    )


def cross_fitted_pairs(scored: ScoredPairs, far: float | None, seed: int = 0) -> ErrorRates:
    """Error rates where no person is judged by a threshold that has seen them.

    Args:
        scored: M pairs.
        far: the wanted false accept rate, or None for the best accuracy.
        seed: of the folds.

    Returns:
        Over all pairs; its threshold is the mean over the pairs.
    """
    thresholds = np.empty(len(scored))
    for judged, others in _FoldedPairs.dealt(scored, seed).parts():
        some = ScoredPairs(scored.scores[others], scored.is_match[others], scored.people[others])
        thresholds[judged] = fit_on_pairs(listed_pairs_of(some), "", far)[0].value
    margins = replace(scored, scores=scored.scores - thresholds, fold=None)
    return replace(rates_at(margins, 0.0), threshold=float(thresholds.mean()))


def rates_at(scored: ScoredPairs, threshold: float) -> ErrorRates:
    """Error rates of listed pairs at a threshold, with intervals that resample people.

    The intervals are never narrower than Wilson's for as many trials as there are couples of people, or people.

    Args:
        scored: M pairs, of both kinds.
        threshold: a score at or above it means "same".
    """
    accepted, match = scored.scores >= threshold, scored.is_match
    intervals: list[Interval] = []
    rates: list[float] = []
    for wrong, kind in ((accepted, ~match), (~accepted, match)):
        trials = _couples(scored.people[kind])
        rates.append(float(np.mean(wrong[kind])))
        intervals.append(
            at_least_wilson(_share(wrong, kind), scored, trials, replicates=400, seed=0, level=0.95)
        )
    counts = int(match.sum()), int((~match).sum()), len(np.unique(scored.people))
    return ErrorRates(threshold, rates[0], intervals[0], rates[1], intervals[1], *counts)


def _share(wrong: BoolArray, kind: BoolArray) -> Statistic:
    """The weighted share of the pairs of a kind that are wrong: weights [R, M] → [R]."""
    columns = np.stack([wrong & kind, kind], axis=1).astype(np.float64)

    def statistic(weights: FloatArray) -> FloatArray:
        sums = weights @ columns
        return np.asarray(sums[:, 0] / sums[:, 1])

    return statistic


def _couples(people: IntArray) -> int:
    """How many different couples of people, or people for pairs of one, are among pairs: [M, 2]."""
    return len(np.unique(np.sort(people, axis=1), axis=0))


def _refuse_trained(record: ModelRecord, pairs: PairSet) -> None:
    trained, _ = record.provenance.seen(pairs.faces.names)
    if trained:
        raise LeakError(
            f"{pairs.name}: the model {record.name} was trained on {len(trained)} of these {len(pairs.faces.names)} "
            "people, so a threshold fitted to their pairs would hold for nobody else: use pairs of other people"
        )


def _check_number(name: str, folded: _FoldedPairs, far: float | None) -> None:
    """Refuses too few pairs, and says how many are needed."""
    if far is not None and not 0 < far <= 1:
        raise DataError(f"a false accept rate of {far:g}, need one above 0 and at most 1, such as 0.01")
    scored = folded.scored
    genuine = len(np.unique(scored.people[scored.is_match]))
    if genuine < _FEWEST:
        raise DataError(
            f"{name}: pairs of one person for {genuine} people, need at least {_FEWEST} people: add pairs of others"
        )
    # People count and not pairs, because all pairs of one couple of people succeed or fail together.
    impostor = ~scored.is_match
    couples = _couples(scored.people[impostor])
    least = min(_couples(scored.people[impostor & others]) for _, others in folded.parts())
    wanted = math.ceil(COUPLES / far) if far is not None else _FEWEST
    if least < wanted:
        needed = math.ceil(wanted * couples / least) if least else 2 * wanted
        rate = "the best accuracy" if far is None else f"a false accept rate of {far:g}"
        hint = (
            f", or ask for --far {_rounded_up(COUPLES / least):g}" if far is not None and least > 30 else ""
        )
        raise DataError(
            f"{name}: pairs of strangers for {couples:,} couples of people, need about {needed:,} for {rate}: add "
            f"pairs of other people{hint}"
        )


def _rounded_up(rate: float) -> float:
    """To one digit that is not 0.

    >>> _rounded_up(0.0213)
    0.03
    """
    step = 10.0 ** math.floor(math.log10(rate))
    return round(math.ceil(rate / step - 1e-9) * step, 12)
