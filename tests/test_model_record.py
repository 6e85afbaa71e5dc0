"""Records of models that were damaged or made up: each is refused in one line that names the field."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twinface
from twinface.core.errors import ModelError
from twinface.models.distances import DISTANCES
from twinface.models.fields import Fields, packed, parse_fields
from twinface.models.onnx_model import OnnxModel
from twinface.models.record import ModelRecord

SHIPPED = Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx"


@pytest.fixture(scope="module")
def text() -> str:
    """The JSON of the shipped model's record."""
    return OnnxModel(SHIPPED).record.to_json()


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets the field at a dotted path."""

    def changed(values: dict[str, Any]) -> None:
        *parents, leaf = path.split(".")
        for parent in parents:
            values = values[parent]
        values[leaf] = value

    return changed


def removed(path: str) -> Callable[[dict[str, Any]], None]:
    """Removes the field at a dotted path."""

    def changed(values: dict[str, Any]) -> None:
        *parents, leaf = path.split(".")
        for parent in parents:
            values = values[parent]
        del values[leaf]

    return changed


def scale_of(*numbers: float) -> dict[str, Any]:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    return {"shape": [] if len(numbers) == 1 else [len(numbers)], "float32": base64.b64encode(data).decode()}


POINT = {
    "threshold": 0.5,
    "fmr": 0.1,
    "fmr_low": 0,
    "fmr_high": 1,
    "fnmr": 0.1,
    "fnmr_low": 0,
    "fnmr_high": 0.2,
}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (change("threshold", None), "threshold: found null, need an object"),
        (change("threshold", [0.3]), "threshold: found a list of 1, need an object"),
        (change("threshold.value", "0.3"), r"threshold\.value: found '0\.3', need a finite number"),
        (change("threshold.value", None), r"threshold\.value: found null"),
        (change("threshold.value", True), r"threshold\.value: found True"),
        (change("threshold.value", 10**400), r"threshold\.value: found 1000"),
        (change("threshold.value", math.nan), "found the number NaN, need finite ones"),
        (change("threshold.value", -math.inf), "found the number -Infinity, need finite ones"),
        (change("threshold.far", "low"), r"threshold\.far: found 'low'"),
        (change("threshold.fitted_on", 3), r"threshold\.fitted_on: found 3, need a text"),
        (removed("threshold.value"), r"threshold\.value is missing"),
        (change("calibration", "steep"), "calibration: found 'steep', need an object"),
        (change("calibration.slope", "steep"), r"calibration\.slope: found 'steep'"),
        (change("calibration.slope", -20.0), r"calibration\.slope: found -20\.0, need 0 or more"),
        (
            change("error_table.points", [{**POINT, "fmr": 200.0}] * 2),
            "fmr: found 200.0 in .*, need a rate from 0",
        ),
        (
            change("error_table.points", [{**POINT, "fnmr_low": 0.7}] * 2),
            r"fnmr: found 0\.1 in \[0\.7, 0\.2\]",
        ),
        (change("frame", {"height": 250, "width": 250, "points": [[9, 1]] * 5}), "need five different ones"),
        (change("calibration.offset", []), r"calibration\.offset: found a list of 0"),
        (change("embedding_size", 0), "embedding_size: found 0, need a whole number from 2 to 1048576"),
        (change("embedding_size", -3), "embedding_size: found -3"),
        (change("embedding_size", 384.0), "embedding_size: found 384.0"),
        (change("embedding_size", math.inf), "found the number Infinity"),
        (change("embedding_size", "384"), "embedding_size: found '384'"),
        (change("seed", 1e999), "found the number Infinity"),
        (change("seed", 2**70), "seed: found 11805916"),
        (change("seed", "one"), "seed: found 'one'"),
        (change("name", ["a"]), "name: found a list of 1, need a text"),
        (change("made_by", {"twinface": 3}), "made_by: found an object, need an object of texts"),
        (change("settings", "none"), "settings: found 'none', need an object"),
        (change("preparation", []), "preparation: found a list of 0, need an object"),
        (change("preparation.height", 2000), "preparation of pictures cannot be read"),
        (change("preparation.height", "128"), "preparation of pictures cannot be read"),
        (change("preparation.region.top", math.nan), "found the number NaN"),
        (change("preparation.region.top", "0"), "preparation of pictures cannot be read: region top '0'"),
        (change("preparation.region", None), "preparation of pictures cannot be read"),
        (change("preparation.color", ["gray"]), "preparation of pictures cannot be read: color"),
        (change("preparation.mask", 3), "mask of a preparation cannot be read"),
        (removed("distance_parameters.scale"), r"distance_parameters\.scale is missing"),
        (
            change("distance_parameters.scale.shape", [-1]),
            r"scale\.shape: found a list of 1, need \[\]",
        ),
        (change("distance_parameters.scale", scale_of(math.nan)), r"scale\.float32: a number is not finite"),
        (change("distance_parameters.scale", 1.0), r"distance_parameters\.scale: found 1\.0, need an object"),
        (change("distance_parameters.scale.float32", "AAA"), r"scale\.float32: not base64"),
        (change("distance_parameters.scale.float32", "AAA="), r"scale\.float32: found 2 bytes, need 4"),
        (change("distance_parameters", None), "distance_parameters: found null"),
        (change("distance", None), "distance: found null, need a text"),
        (change("provenance.trained", "everybody"), "trained: found 'everybody', need a list of texts"),
        (change("provenance.trained", [3]), "trained: found a list of 1, need a list of texts"),
        (change("frame", {"height": 250, "width": 250, "points": [[10**400, 1]] * 5}), "record is damaged"),
        (change("format", "1"), "format: found '1'"),
        (removed("format"), "format is missing"),
    ],
)
def test_a_damaged_record_is_refused_by_its_field(text: str, damage: Any, said: str) -> None:
    values = json.loads(text)
    damage(values)
    with pytest.raises(ModelError, match=rf"^m\.onnx: .*{said}") as caught:
        ModelRecord.from_json(json.dumps(values), "m.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        ("null", "the record: found null, need an object"),
        ("[1, 2]", "the record: found a list of 2"),
        ("{", "it is not JSON"),
        ("", "it is not JSON"),
        ("[" * 100_000 + "]" * 100_000, "it is nested"),
        ('{"settings": ' + '{"a":' * 40 + "1" + "}" * 41, "it is nested more than 20 deep"),
        ('{"seed": ' + "9" * 5000 + "}", "Exceeds the limit"),
        (" " * (33 << 20), "characters, need at most"),
    ],
)
def test_a_text_that_is_no_record_is_refused(damaged: str, said: str) -> None:
    with pytest.raises(ModelError, match=f"record is damaged .*{said}"):
        ModelRecord.from_json(damaged, "m.onnx")


@pytest.mark.parametrize("distance", sorted(DISTANCES))
def test_parameters_have_the_shape_that_the_distance_has_for_this_size(text: str, distance: str) -> None:
    values = {**json.loads(text), "distance": distance, "embedding_size": 7}
    right = {name: packed(value) for name, value in DISTANCES[distance].parameters(7).items()}
    record = ModelRecord.from_json(json.dumps({**values, "distance_parameters": right}), "m.onnx")
    assert {name: value.shape for name, value in record.distance_parameters.items()} == {
        name: tuple(value["shape"]) for name, value in right.items()
    }
    wrong = {name: packed(value) for name, value in DISTANCES["weighted-l1"].parameters(8).items()}
    with pytest.raises(ModelError, match="record is damaged"):
        ModelRecord.from_json(json.dumps({**values, "distance_parameters": wrong}), "m.onnx")


def test_parameters_keep_their_order(text: str) -> None:
    values = json.loads(text)
    for names in (["bias", "scale"], ["scale", "bias"]):
        values["distance_parameters"] = {name: values["distance_parameters"][name] for name in names}
        record = ModelRecord.from_json(json.dumps(values), "m.onnx")
        assert record.to_json() == json.dumps(values)


def test_fields_that_this_version_does_not_know_are_left_out(text: str) -> None:
    """So that a new field does not need a new format; see `compatibility.md`."""
    values = json.loads(text)
    values["new"] = values["threshold"]["new"] = values["calibration"]["new"] = 1
    assert ModelRecord.from_json(json.dumps(values), "m.onnx").to_json() == text


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_record_is_read_or_refused_whatever_its_values_are(text: str, data: st.DataObject) -> None:
    values = json.loads(text)
    place = values
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(PLAIN)
    try:
        record = ModelRecord.from_json(json.dumps(values), "m.onnx")
    except ModelError as error:
        assert str(error).startswith("m.onnx: ")  # noqa: PT017 - a record may be fine, too
    else:
        assert ModelRecord.from_json(record.to_json(), "again").to_json() == record.to_json()
        assert all(
            math.isfinite(value) for value in asdict(record.threshold).values() if type(value) is float
        )


def test_fields_name_their_place() -> None:
    with pytest.raises(ValueError, match=r"^a\.b\.c is missing$"):
        parse_fields('{"a": {"b": {}}}').inside("a").inside("b").number("c")
    with pytest.raises(ValueError, match=r"^a: found 'x{36}\.\.\., need a whole number from 1 to 2$"):
        Fields({"a": "x" * 50}).whole("a", 1, 2)
    assert Fields({"a": None}).number_or_none("a") is None
    assert Fields({}).number_or_none("a") is None
    assert Fields({"a": 2}).number_or_none("a") == 2.0
