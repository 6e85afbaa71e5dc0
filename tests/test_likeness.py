"""Faces that are less clear to a model than nearly all that its threshold was fitted on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from twinface.core.errors import ModelError
from twinface.core.types import ByteArray, Float32Array
from twinface.evaluation.calibrate import tuned_record
from twinface.faces.frame import STANDARD_FRAME
from twinface.models.catalog import open_named
from twinface.models.embedding_lengths import PLACES, length_quantiles, share_shorter
from twinface.models.fields import packed
from twinface.models.record import ModelRecord
from twinface.recognition.likeness import likeness_note
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.verifier import Verifier

LENGTHS = np.linspace(10, 20, PLACES).astype(np.float32)
RECORD = replace(open_named("sface").record, lengths=LENGTHS)


def embedding(length: float, turn: float = 0.0) -> Float32Array:
    """[128] of a length, turned by an angle."""
    found = np.zeros(128, np.float32)
    found[:2] = length * np.cos(turn), length * np.sin(turn)
    return found


class Told:
    """A model that gives the first face a short embedding, and the second one a usual one that is unlike it."""

    record = RECORD

    def __init__(self, turn: float) -> None:
        self.turn = turn

    def __call__(self, faces: ByteArray) -> Float32Array:
        return np.stack([embedding(10.2), embedding(15, self.turn)])


def face() -> AlignedFace:
    return AlignedFace(np.full((STANDARD_FRAME.height, STANDARD_FRAME.width, 3), 128, np.uint8))


def test_places_are_shares_of_shorter_embeddings() -> None:
    random = np.random.default_rng(0)
    embeddings = random.normal(size=(500, 8)).astype(np.float32)
    quantiles = length_quantiles(embeddings)
    lengths = np.linalg.norm(embeddings, axis=1)
    found = share_shorter(embeddings[:50], quantiles)
    counted = [np.mean(lengths < length) for length in lengths[:50]]
    assert np.allclose(found, counted, atol=0.012)


def test_the_less_clear_face_is_named() -> None:
    note = likeness_note(RECORD, np.stack([embedding(15), embedding(10.2)]), "different")
    assert note is not None
    assert note.startswith("The second face is less clear to this model than 98 % of those")
    lowest = likeness_note(RECORD, np.stack([embedding(3), embedding(10.2)]), "uncertain")
    assert lowest is not None
    assert lowest.startswith("The first face is less clear to this model than 99 % of those")


@pytest.mark.parametrize("outcome", ["same", "poor_quality", "no_face"])
def test_nothing_is_said_where_it_would_tell_nothing(outcome: str) -> None:
    short = np.stack([embedding(15), embedding(10.2)])
    assert likeness_note(RECORD, short, outcome) is None  # type: ignore[arg-type]
    assert likeness_note(RECORD, np.stack([embedding(11), embedding(19)]), "different") is None
    assert likeness_note(replace(RECORD, lengths=None), short, "different") is None


def test_a_verdict_says_it_unless_it_is_same() -> None:
    different = Verifier(Told(turn=1.5), aligned=True).compare(face(), face())
    assert different.outcome == "different"
    assert different.notes[-1].startswith("The first face is less clear to this model than 98 %")
    same = Verifier(Told(turn=0.1), aligned=True).compare(face(), face())
    assert same.outcome == "same"
    assert not any("less clear" in note for note in same.notes)


def test_the_lengths_go_through_the_record() -> None:
    again = ModelRecord.from_json(RECORD.to_json(), "again")
    assert again.lengths is not None
    assert np.array_equal(again.lengths, LENGTHS)
    without = json.loads(RECORD.to_json())
    del without["lengths"]  # as a version before wrote it
    assert ModelRecord.from_json(json.dumps(without), "before").lengths is None
    falling = {**without, "lengths": packed(LENGTHS[::-1].copy())}
    with pytest.raises(ModelError, match="lengths: need quantiles that rise"):
        ModelRecord.from_json(json.dumps(falling), "falling")


def test_a_calibrated_model_measures_them_anew() -> None:
    embeddings = np.stack([embedding(length) for length in (1, 2, 3)])
    fitted = tuned_record(RECORD, ["Ann"], "Ann alone", embeddings)
    assert fitted.lengths is not None
    assert fitted.lengths[[0, 50, 100]].tolist() == [1, 2, 3]
    assert tuned_record(replace(RECORD, lengths=None), ["Ann"], "Ann alone", embeddings).lengths is None


def test_the_card_of_sface_has_them() -> None:
    record = open_named("sface").record
    assert record.lengths is not None
    assert 5 < record.lengths[0] < record.lengths[50] < record.lengths[100] < 25
    assert open_named("default").record.lengths is None
