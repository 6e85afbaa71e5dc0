"""Who may be scored: nobody that the model, its threshold or its calibration has seen."""

from __future__ import annotations

import numpy as np

from twinface.core.errors import DataError, LeakError
from twinface.core.types import FaceSet, PairSet
from twinface.datasets.dataset import Dataset
from twinface.datasets.draw_pairs import draw_pairs
from twinface.datasets.subsets import take_people
from twinface.evaluation.summary import SeenPeople
from twinface.models.record import ModelRecord


def check_leak(record: ModelRecord, pairs: PairSet, allow_seen: bool = False) -> SeenPeople:
    """Counts the people of these pairs that the model has seen.

    Args:
        record: of the model.
        pairs: to be scored.
        allow_seen: count only, and raise nothing.

    Raises:
        LeakError: there are some, and `allow_seen` is false.
    """
    trained, tuned = record.provenance.seen(pairs.faces.names)
    seen = np.array([name in trained or name in tuned for name in pairs.faces.names])
    touched = int(seen[pairs.people].any(axis=1).sum()) if len(seen) else 0
    if touched and not allow_seen:
        hint = "; or train ten models without them: twinface view2 RECIPE" if pairs.fold is not None else ""
        raise LeakError(
            f"{pairs.name}: the model {record.name} has seen {len(trained)} of these {len(seen)} people in training "
            f"and fitted its threshold on {len(tuned)}; {touched} of {len(pairs)} pairs are not a test. Use pairs of "
            f"other people, or --allow-seen-people for figures that say so{hint}"
        )
    return SeenPeople(len(trained), len(tuned), touched)


def untrained_people(record: ModelRecord, faces: FaceSet) -> FaceSet:
    """The pictures of the people that a model was not trained on.

    Args:
        record: of the model.
        faces: labelled pictures.

    Raises:
        DataError: fewer than two people are left.
    """
    trained, _ = record.provenance.seen(faces.names)
    left = [name for name in faces.names if name not in trained]
    if len(left) < 2:
        raise DataError(
            f"{faces.name}: {record.name} was trained on {len(trained)} of these {len(faces.names)} people, need at "
            "least 2 others"
        )
    return take_people(faces, left) if trained else faces


def unseen_pairs(dataset: Dataset, record: ModelRecord, per_person: int = 45, seed: int = 0) -> PairSet:
    """Draws as many genuine as impostor pairs of all people of a data set that the model has not seen.

    Args:
        dataset: for example the one that the model was trained on, with people set aside.
        record: of the model.
        per_person: largest number of genuine pairs of one person.
        seed: of the drawing.

    Raises:
        DataError: fewer than two people are left.
    """
    faces = dataset.faces()
    trained, tuned = record.provenance.seen(faces.names)
    left = [name for name in faces.names if name not in trained | tuned]
    if len(left) < 2:
        raise DataError(
            f"{dataset.title}: {len(left)} people that {record.name} has not seen, need at least 2; "
            "set people aside with data.test_people when training"
        )
    name = f"{len(left)} unseen people of {dataset.title}"
    return draw_pairs(take_people(faces, left, name), seed, max_per_person=per_person)
