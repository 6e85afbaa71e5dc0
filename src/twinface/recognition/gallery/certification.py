"""How good a gallery is with its model: measured on its own people, and written down with intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from twinface.core.errors import GalleryError
from twinface.core.types import Float32Array, FloatArray, Interval, ProgressCallback
from twinface.evaluation.intervals.accuracy import wilson
from twinface.recognition.gallery.contents import now
from twinface.recognition.gallery.engine import Engine
from twinface.recognition.gallery.fusion import fuse
from twinface.recognition.gallery.look_alikes import confusion_rate
from twinface.recognition.gallery.open_set import check_fpir

_PROBES = 5_000  # people who are looked at, at most; drawn at random where there are more
_PAGE = 500
_PAIRS = 20  # look-alikes that are listed
_REPLICATES = 1000
_FEW = 2  # faces; fewer are few
_GOOD = 67  # the quality from which on a face is good, see faces.quality


@dataclass(frozen=True)
class MeasuredRate:
    """A rate that was counted.

    Attributes:
        value: in [0, 1].
        interval: 95 %, over people.
        count: how many were counted.
    """

    value: float
    interval: Interval
    count: int


@dataclass(frozen=True)
class AlikePair:
    """Two people of the gallery.

    Attributes:
        first, second: their names.
        score: of their templates.
        same_person: whether they score as one person would.
        rate: how often a photo of one would be taken for the other, see `look_alikes.confusion_rate`.
    """

    first: str
    second: str
    score: float
    same_person: bool
    rate: float | None


@dataclass(frozen=True)
class Certificate:
    """How good a gallery is.

    Attributes:
        place, model, trained_on: what was looked at.
        made: UTC, as ISO 8601.
        people, faces: how many there are.
        fpir: the limit that was asked for.
        threshold: the score that this limit asks for, in a gallery of this size.
        strangers: FPIR, measured: each person as a stranger to all others, with the template as the photo.
        missed: FNIR, measured: each face of people with two or more, against the template of their other faces and all
            other people; None if there is no such person.
        traffic: strangers a day.
        false_alarms: how many of them would be taken for somebody, a day: expected, lowest, highest.
        alike: the most similar people.
        few_faces: names of people with fewer than two faces.
        poor_faces: names of people without a good face.
    """

    place: str
    model: str
    trained_on: str
    made: str
    people: int
    faces: int
    fpir: float
    threshold: float
    strangers: MeasuredRate
    missed: MeasuredRate | None
    traffic: float
    false_alarms: tuple[float, float, float]
    alike: tuple[AlikePair, ...]
    few_faces: tuple[str, ...]
    poor_faces: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Person:
    """What is looked at of a person: name, template, the faces and their qualities, and the id."""

    name: str
    template: Float32Array
    vectors: Float32Array
    quality: tuple[int, ...]
    id: int


def certify(
    engine: Engine, fpir: float, traffic: float, progress: ProgressCallback | None = None
) -> Certificate:
    """Measures a gallery. See `Gallery.certify`."""
    check_fpir(fpir)
    people = list(_people(engine))
    if len(people) < 2:
        raise GalleryError(
            f"{engine.contents.store.place}: has {len(people)} people with a face, need two or more"
        )
    engine.people()  # brings the rates up to date
    drawn = np.random.default_rng(0).permutation(len(people))[:_PROBES]
    threshold = engine.threshold(len(people), fpir)
    best: list[float] = []
    pairs: dict[tuple[int, int], tuple[float, str, str]] = {}
    missed: list[tuple[int, int]] = []  # of each person: faces that were missed, and all
    by_id = {person.id: person for person in people}
    for done, row in enumerate(drawn.tolist(), start=1):
        person = people[row]
        others = [by_id[id] for id in _nearest(engine, person.template) if id in by_id and id != person.id]
        scores = engine.template_scores(np.stack([other.template for other in others]), person.template)
        best.append(float(scores.max()))
        for other, score in zip(others[:3], scores[:3].tolist(), strict=True):
            pairs[min(person.id, other.id), max(person.id, other.id)] = (score, person.name, other.name)
        if len(person.vectors) > 1:
            missed.append((_missed(engine, person, by_id, threshold), len(person.vectors)))
        if progress:
            progress(done, len(drawn))
    taken = int(np.sum(np.array(best) >= threshold))
    strangers = MeasuredRate(taken / len(best), wilson(taken, len(best)), len(best))
    per_day = (strangers.value, strangers.interval.low, strangers.interval.high)
    record = engine.verifier.record
    return Certificate(
        place=engine.contents.store.place,
        model=record.name,
        trained_on=record.provenance.trained_on,
        made=now(),
        people=len(people),
        faces=sum(len(person.vectors) for person in people),
        fpir=fpir,
        threshold=threshold,
        strangers=strangers,
        missed=_rate_of_missed(missed),
        traffic=traffic,
        false_alarms=tuple(traffic * rate for rate in per_day),  # type: ignore[arg-type]
        alike=_alike(engine, pairs, by_id, threshold),
        few_faces=tuple(person.name for person in people if len(person.vectors) < _FEW),
        poor_faces=tuple(person.name for person in people if max(person.quality) < _GOOD),
    )


def _people(engine: Engine) -> list[_Person]:
    contents = engine.contents
    found = []
    waiting = contents.every_person()
    while page := list(islice(waiting, _PAGE)):
        faces: dict[int, list[tuple[Float32Array, int]]] = {person.id: [] for person in page}
        for face in contents.store.faces_of(list(faces)):
            faces[face.person].append((contents.vector(face.vector), face.quality))
        contents.check_model(engine.fingerprint)
        found += [
            _Person(
                contents.name_of(person),
                contents.vector(person.template),
                np.stack([vector for vector, _ in faces[person.id]]),
                tuple(quality for _, quality in faces[person.id]),
                person.id,
            )
            for person in page
            if person.template and faces[person.id]
        ]
    return found


def _nearest(engine: Engine, face: Float32Array) -> list[int]:
    return engine.search.candidates(face[None], 12)[0]


def _missed(engine: Engine, person: _Person, by_id: dict[int, _Person], threshold: float) -> int:
    """How many of a person's faces would not be found, if they were new photos."""
    missed = 0
    for row, vector in enumerate(person.vectors):
        rest = [other for other in range(len(person.vectors)) if other != row]
        template = fuse(
            person.vectors[rest], [person.quality[other] for other in rest], engine.verifier.record.distance
        )
        own = float(engine.template_scores(template[None], vector)[0])
        others = [by_id[id].template for id in _nearest(engine, vector) if id in by_id and id != person.id]
        highest = float(engine.template_scores(np.stack(others), vector).max()) if others else -np.inf
        missed += own < threshold or own < highest
    return missed


def _rate_of_missed(missed: list[tuple[int, int]]) -> MeasuredRate | None:
    if not missed:
        return None
    counts = np.array(missed, np.float64)
    value = float(counts[:, 0].sum() / counts[:, 1].sum())
    weights: FloatArray = np.random.default_rng(0).exponential(size=(_REPLICATES, len(counts)))
    drawn = (weights @ counts[:, 0]) / (weights @ counts[:, 1])
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    # Where next to nothing was missed, the replicates are all alike, and too sure.
    floor = wilson(value * len(counts), len(counts))
    interval = Interval(
        min(low, floor.low), max(high, floor.high), 0.95, "people bootstrap, at least Wilson's"
    )
    return MeasuredRate(value, interval, int(counts[:, 1].sum()))


def _alike(
    engine: Engine,
    pairs: dict[tuple[int, int], tuple[float, str, str]],
    by_id: dict[int, _Person],
    threshold: float,
) -> tuple[AlikePair, ...]:
    ordered = sorted(pairs.items(), key=lambda pair: -pair[1][0])[:_PAIRS]
    found = []
    for (first, _), (score, name, other) in ordered:
        template = by_id[first].template
        perfect = float(engine.score(template[None], template)[0])
        rate = confusion_rate(engine.rates, score, perfect, threshold)
        found.append(AlikePair(name, other, score, score >= threshold, rate))
    return tuple(found)
