"""Where the scores of strangers lie in this gallery, and a limit that follows them.

All faces of a gallery may share a camera, a light, a size. Then all of its people look a little alike to a model, and
strangers score higher than where the error rates of the model were measured. Two people of a gallery are strangers to
each other, so their scores can be looked at without asking anybody. The rates of the model are moved to where these
scores lie: by the quantiles at 10 % and 50 %, as `adapt` does it. They are moved upwards alone, so the limit is never
less strict than the model's own. (To bring a stranger's scores to a known place is zero-normalisation, Auckenthaler et
al. 2000.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twinface.core.types import Float32Array
from twinface.models.record import ModelRecord
from twinface.recognition.gallery.contents import Contents
from twinface.recognition.gallery.score_rates import ScoreRates

FEWEST = 50  # people
# How many people are looked at: the largest of these that there are. So this is done a few times while a gallery grows.
_SAMPLES = (FEWEST, 65, 85, 110, 150, 200, 300, 450, 700, 1000)
_LOW, _MIDDLE = 0.1, 0.5  # quantiles
_EXAMPLE = 1e-4  # a false match rate


class OwnStrangers:
    """The rates of a model in one gallery; they change as it grows.

    Args:
        rates: of the model.
        contents: of the gallery.
        record: of the model.

    Attributes:
        of_model: the rates of the model.
        rates: the same, or moved.
    """

    def __init__(self, rates: ScoreRates, contents: Contents, record: ModelRecord) -> None:
        self.rates = self.of_model = rates
        self._contents, self._record = contents, record
        self._people = self._looked_at = 0

    @property
    def note(self) -> str:
        """What to say about it; nothing if no limit moves by more than a factor of two in the false match rate."""
        before, now = (rates.score_at_fmr(_EXAMPLE) for rates in (self.of_model, self.rates))
        if self.of_model.fmr_at(now) * 2 > _EXAMPLE:
            return ""
        return (
            "the people of this gallery look more alike to the model than those that it was measured on, so a score of "
            f"{now:.3f} says here what {before:.3f} said there"
        )

    def refresh(self, people: int) -> None:
        """Looks at the strangers again if there are enough new ones, or if somebody is gone.

        Args:
            people: how many there are now.
        """
        wanted = looked_at(people)
        if wanted != self._looked_at or people < self._people:
            vectors = self._one_of_each(wanted) if wanted and not self.of_model.is_bound else []
            enough = len(vectors) >= FEWEST
            self.rates = moved(self.of_model, self._record, np.stack(vectors)) if enough else self.of_model
        self._people, self._looked_at = people, wanted

    def _one_of_each(self, people: int) -> list[Float32Array]:
        """A face of each of the people who have been in the gallery for the longest."""
        ids = [person.id for person in self._contents.store.people(limit=people)]
        first = self._contents.store.first_vectors(ids)
        return [self._contents.vector(first[id]) for id in ids if id in first]


def looked_at(people: int) -> int:
    """How many people of a gallery of that size are looked at: 0 if there are too few."""
    return max((size for size in _SAMPLES if size <= people), default=0)


def moved(rates: ScoreRates, record: ModelRecord, vectors: Float32Array) -> ScoreRates:
    """The rates, moved to the scores of strangers; upwards alone.

    Args:
        rates: of the model.
        record: of the model.
        vectors: [N, D] embeddings of N different people.
    """
    scores = np.concatenate(
        [record.score(vectors[row + 1 :], vectors[row]) for row in range(len(vectors) - 1)]
    ).astype(np.float64)
    low, middle = np.quantile(scores, [_LOW, _MIDDLE])
    wanted_low, wanted = (rates.score_at_fmr(1 - quantile) for quantile in (_LOW, _MIDDLE))
    stretch = (middle - low) / (wanted - wanted_low)
    moved_scores = middle + stretch * (rates.scores - wanted)
    return replace(
        rates,
        scores=np.maximum(rates.scores, moved_scores),
        genuine=tuple(max(score, middle + stretch * (score - wanted)) for score in rates.genuine),
        impostor_mean=max(rates.impostor_mean, middle + stretch * (rates.impostor_mean - wanted)),
        impostor_deviation=rates.impostor_deviation * max(1.0, stretch),
    )
