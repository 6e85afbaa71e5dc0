"""Who is it, or nobody? Probabilities and decisions that fit the number of people in the gallery.

With N people, a stranger's best candidate scores at least s with the chance `1 - (1 - FMR(s))^N` (ISO/IEC 19795-1:
FPIR, the false positive identification rate). So the more people, the higher the score must be.

The probabilities are Bayes' rule. Before the photo is seen, the person is in the gallery with a probability of one
half, and each of the N people is as likely as the next. The score of person i has a likelihood ratio r_i. Candidates
get `r_i / 2N`, and "nobody" gets one half. The N - k people who are not listed have lower scores: they get `r / 2N`
each, r being the lowest ratio of a candidate, and at most 1, the mean ratio of an impostor. All of it is divided by its
sum.
"""

from __future__ import annotations

import numpy as np

from twinface.core.errors import SettingsError
from twinface.core.types import FloatArray
from twinface.recognition.gallery.score_rates import ScoreRates

# Model → its rates at `fpir` 1e-2, as `benchmarks/gallery_accuracy.py` has measured them; see docs/gallery.md.
MEASURED = {
    "sface": "FPIR .0040 [.0023, .0063] and FNIR .102 [.075, .131] at --fpir 1e-2, 1,496 people of LFW-a DevTest, "
    "one photo each",
    "sface-dlib": "FPIR .0094 [.0066, .0132] and FNIR .068 [.051, .087] at --fpir 1e-2, 1,496 people of LFW-a DevTest, "
    "one photo each",
}
# Far below what any model's error rates were measured for; scores have no number for much less.
LEAST_FPIR = 1e-12
KNOWN = 0.5  # the probability that somebody on a photo is in the gallery, before the photo is seen


def false_positive_rate(rates: ScoreRates, scores: FloatArray, people: int) -> FloatArray:
    """FPIR at thresholds of these scores, in a gallery of so many people; in [0, 1].

    Args:
        rates: of the model.
        scores: an array of any shape.
        people: N, at least 0.
    """
    fmr = np.minimum(rates.fmr_at(scores), 1 - 1e-16)
    return np.asarray(-np.expm1(people * np.log1p(-fmr)))


def probabilities(rates: ScoreRates, scores: FloatArray, people: int) -> tuple[FloatArray, float]:
    """The probability of each candidate, and that of "nobody".

    Args:
        rates: of the model.
        scores: [K] of the candidates, the K highest of all people's.
        people: N, at least K.

    Returns:
        [K] and a number; together at most 1.
    """
    if not people:
        return np.zeros(0), 1.0
    ratios = rates.log_ratio_at(scores)
    logs = ratios + np.log(KNOWN / people)
    nobody = float(np.log(1 - KNOWN))
    highest = max(nobody, float(logs.max(initial=-np.inf)))
    weights, rest = np.exp(logs - highest), float(np.exp(nobody - highest))
    unlisted = (
        KNOWN * (people - len(scores)) / people * np.exp(min(0.0, float(ratios.min(initial=0.0))) - highest)
    )
    whole = float(weights.sum() + rest + unlisted)
    return weights / whole, rest / whole


def check_fpir(fpir: float) -> float:
    """The limit, if it is one.

    Raises:
        SettingsError: it is not in [`LEAST_FPIR`, 1].
    """
    if not LEAST_FPIR <= fpir <= 1:
        raise SettingsError(f"fpir {fpir:g}: need a rate from {LEAST_FPIR:g} to 1, such as 1e-2")
    return fpir
