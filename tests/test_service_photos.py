"""Calls about photos answer what the library answers, keep nothing, and say clearly what is wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from toy_service import code, part, parts_of, photo, service, settings, text
from twinface.recognition.compare import compare_photos
from twinface.recognition.verifier import Verifier


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with service(settings(tmp_path_factory.mktemp("service"))) as running:
        yield running


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier("sface")


def test_a_verdict_is_that_of_the_library(client: TestClient, verifier: Verifier) -> None:
    for other, number in ((1, 2), (2, 1)):
        answer = client.post("/v1/verify", files={"left": part(1), "right": part(other, number)})
        assert answer.status_code == 200
        found = answer.json()
        wanted = verifier.verify(photo(1), photo(other, number))
        assert found["outcome"] == wanted.outcome
        assert found["score"] == pytest.approx(wanted.score, abs=1e-6)
        assert found["probability"] == pytest.approx(wanted.probability, abs=1e-5)
        assert (found["title"], found["same"]) == (wanted.title, wanted.same)
        assert [face["box"] for face in found["faces"]] == [list(face.box or ()) for face in wanted.faces]


def test_multipart_base64_and_data_urls_are_the_same(client: TestClient) -> None:
    form = client.post("/v1/verify", files={"left": part(1), "right": part(1, 2)}).json()
    plain = client.post("/v1/verify", json={"left": text(1), "right": text(1, 2)}).json()
    url = f"data:image/x-portable-graymap;base64,{text(1)}"
    mixed = client.post("/v1/verify", json={"left": url, "right": text(1, 2)}).json()
    assert form == plain == mixed


def test_wanted_rates_and_any_quality_reach_the_model(client: TestClient, verifier: Verifier) -> None:
    strict = client.post("/v1/verify", json={"left": text(1), "right": text(1, 2), "far": 0.0001}).json()
    usual = client.post("/v1/verify", json={"left": text(1), "right": text(1, 2)}).json()
    assert strict["threshold"] > usual["threshold"]
    answer = client.post("/v1/verify", json={"left": text(1), "right": text(1, 2), "far": 1e-12})
    assert code(answer) == (422, "invalid")
    assert verifier.record.threshold.value == pytest.approx(usual["threshold"])


def test_what_is_shown_on_request(client: TestClient) -> None:
    found = client.post("/v1/verify", json={"left": text(1), "right": text(1, 2), "show": True}).json()
    assert [(each["width"], each["height"], each["compared"]) for each in found["photos"]] == [
        (92, 112, 1)
    ] * 2
    assert found["photos"][0]["faces"][0]["aligned"].startswith("data:image/jpeg;base64,")
    assert found["scale"].startswith("<svg")
    assert "style=" not in found["scale"]  # the page's policy would drop it
    assert found["maps"] is None
    seen = client.post("/v1/verify", json={"left": text(1), "right": text(1, 2), "explain": True}).json()
    assert all(each.startswith("data:image/png;base64,") for each in seen["maps"])
    assert seen["score"] == pytest.approx(found["score"], abs=1e-6)


def test_all_faces_are_compared(client: TestClient, verifier: Verifier) -> None:
    found = client.post("/v1/compare", files={"left": part(3), "right": part(3, 2)}).json()
    wanted = compare_photos(photo(3), photo(3, 2), verifier)
    assert found["outcome"] == wanted.outcome
    assert np.array(found["scores"]) == pytest.approx(wanted.scores, abs=1e-6)


def test_embeddings_are_those_of_the_library(client: TestClient, verifier: Verifier) -> None:
    found = client.post("/v1/embeddings", files={"photo": part(4)}, data={"faces": "all"}).json()
    assert found["model"] == "sface"
    assert np.array(found["faces"][0]["embedding"]) == pytest.approx(verifier.embed(photo(4))[0], abs=1e-5)


def test_faces_are_detected(client: TestClient) -> None:
    found = client.post("/v1/detect", files={"photo": part(5)}).json()
    assert (found["width"], found["height"], len(found["faces"])) == (92, 112, 1)
    assert found["faces"][0]["aligned"] is None
    flat = cv_png(np.full((64, 64, 3), 128, np.uint8))
    assert client.post("/v1/detect", files={"photo": ("flat.png", flat)}).json()["faces"] == []
    assert code(client.post("/v1/verify", files={"left": ("flat.png", flat), "right": part(5)})) == (
        422,
        "face_not_found",
    )
    assert code(
        client.post("/v1/verify", files={"left": ("flat.png", flat), "right": part(5)}, data={"show": "true"})
    ) == (422, "face_not_found")
    assert (
        client.post("/v1/compare", files={"left": ("f", flat), "right": part(5)}).json()["outcome"]
        == "no_face"
    )


def cv_png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    from twinface.recognition.canvas import encode_png

    return encode_png(pixels)


@pytest.mark.parametrize(
    ("body", "expected", "said"),
    [
        (
            {"left": "!!", "right": "AAAA"},
            (422, "invalid"),
            "left: need the bytes of a picture file in base64",
        ),
        ({"left": 1, "right": "AAAA"}, (422, "invalid"), "left: need the bytes"),
        ({"left": "AAAA", "right": "AAAA"}, (400, "bad_image"), "left: "),
        ({"left": "AAAA"}, (422, "invalid"), "right: found 0 photos, need one photo"),
        ({"left": ["AAAA", "AAAA"], "right": "AAAA"}, (422, "invalid"), "left: found 2 photos"),
        ({"left": "AAAA", "right": "AAAA", "colour": 1}, (422, "invalid"), "colour: Extra inputs"),
        ({"left": "AAAA", "right": "AAAA", "far": "often"}, (422, "invalid"), "far: "),
        ({"left": "AAAA", "right": "AAAA", "far": 2}, (422, "invalid"), "far: "),
        ([], (422, "invalid"), "not a JSON object"),
        ({"left": "/etc/passwd", "right": "http://127.0.0.1/"}, (422, "invalid"), "right: need"),
    ],
)
def test_bad_fields_are_named(client: TestClient, body: object, expected: tuple[int, str], said: str) -> None:
    if body == {"left": "/etc/passwd", "right": "http://127.0.0.1/"}:
        said = "need the bytes of a picture file in base64"
    answer = client.post("/v1/verify", json=body)
    assert code(answer) == expected
    assert said in answer.json()["error"]["message"]


def test_other_kinds_of_requests_are_refused(client: TestClient) -> None:
    assert code(client.post("/v1/detect", content=b"x", headers={"content-type": "text/plain"})) == (
        415,
        "unsupported_media",
    )
    broken = {"content-type": "multipart/form-data"}
    assert code(client.post("/v1/detect", content=b"x", headers=broken)) == (400, "bad_request")
    broken = {"content-type": "multipart/form-data; boundary=b"}
    assert client.post("/v1/detect", content=b"--c\r\n\r\n", headers=broken).status_code in {400, 422}
    assert code(client.post("/v1/detect", content=b"{", headers={"content-type": "application/json"})) == (
        400,
        "bad_request",
    )
    assert code(client.post("/v1/detect", files={"other": part(1)})) == (422, "invalid")
    assert code(client.get("/v1/detect")) == (405, "method_not_allowed")
    assert code(client.get("/v1/nothing")) == (404, "not_found")


def test_nothing_of_a_photo_is_written_to_the_disk(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(tempfile, "_TemporaryFileWrapper", refuse)
    large = photo(1) + bytes(
        3 << 20
    )  # bytes after the pixels of a PGM are another picture, which is not read
    before = parts_of(client).gallery.stats()
    answer = client.post("/v1/detect", files={"photo": ("a.pgm", large)})
    assert answer.status_code in {200, 400}
    assert client.post("/v1/identify", files={"photo": part(1)}).status_code == 200
    assert parts_of(client).gallery.stats() == before
