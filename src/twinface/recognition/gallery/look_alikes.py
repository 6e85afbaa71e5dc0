"""How often two people of a gallery would be taken for each other."""

from __future__ import annotations

import math

import numpy as np

from twinface.recognition.gallery.score_rates import ScoreRates


def confusion_rate(rates: ScoreRates, score: float, perfect: float, threshold: float) -> float | None:
    """How often a photo of one person would score at least `threshold` for the other; an estimate.

    A photo of A is a direction that has a genuine score with A's template, and is random in all other ways. So its
    score with B has a part that comes from the likeness of A and B, and a random part as between strangers. It is
    averaged over the genuine scores of the model's card. `docs/gallery.md` says how close it comes.

    Args:
        rates: of the model.
        score: of the two templates.
        perfect: the score of a template with itself.
        threshold: from which on a photo is taken for B.

    Returns:
        In [0, 1]; None if the model's genuine scores are not known.
    """
    if not rates.genuine:
        return None
    unit = perfect - rates.impostor_mean
    genuine = np.clip((np.array(rates.genuine[1:100]) - rates.impostor_mean) / unit, 0, 0.999)
    likeness = float(np.clip((score - rates.impostor_mean) / unit, -0.999, 0.999))
    wanted = (threshold - rates.impostor_mean) / unit
    random = np.sqrt((1 - genuine**2) * (1 - likeness**2)) * rates.impostor_deviation / unit
    deviates = (wanted - genuine * likeness) / np.maximum(random, 1e-9)
    return float(np.mean([math.erfc(value / math.sqrt(2)) / 2 for value in deviates]))
