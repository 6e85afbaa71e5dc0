"""`twinface.Client` gives what the library gives, from a service that runs as a process of its own."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

import twinface
from served import Served, serving
from toy_service import photo
from twinface.core.errors import (
    FaceNotFoundError,
    GalleryError,
    ImageError,
    NameTakenError,
    SettingsError,
    TwinfaceError,
    UnknownPersonError,
)
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.verifier import Verifier
from twinface.service.client_errors import ServiceError
from twinface.service.server import serve
from twinface.service.settings import ServiceSettings


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with serving(str(folder / "people.db"), folder) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[twinface.Client]:
    with twinface.Client(served.url) as client:
        yield client
        for person in client:
            client.forget(person.name)


def test_photos_are_answered_as_by_the_library(client: twinface.Client) -> None:
    verifier = Verifier("sface")
    found, wanted = client.verify(photo(1), photo(1, 2)), verifier.verify(photo(1), photo(1, 2))
    assert (found.outcome, found.zone, found.rates) == (wanted.outcome, wanted.zone, wanted.rates)
    assert found.score == pytest.approx(wanted.score, abs=1e-6)
    assert found.faces[0] == wanted.faces[0]
    assert bool(found) is bool(wanted)
    assert found.explain() == wanted.explain()
    assert client.detect(photo(1)) == (wanted.faces[0],)
    assert client.embed(photo(1)) == pytest.approx(verifier.embed(photo(1)), abs=1e-5)
    both = client.compare(photo(1), photo(2))
    assert both.scores.shape == (1, 1)
    pixels = np.repeat(np.arange(96, dtype=np.uint8)[None, :, None], 96, 0).repeat(3, 2)
    with pytest.raises(FaceNotFoundError, match="no face"):
        client.verify(pixels, photo(1))
    with pytest.raises(ImageError, match="not a picture"):
        client.verify(b"x", photo(1))


def test_people_are_those_of_a_gallery(client: twinface.Client, tmp_path: Path) -> None:
    gallery = Gallery(tmp_path / "own.db", "sface")
    file = tmp_path / "ann.pgm"
    file.write_bytes(photo(1))
    for either in (client, gallery):
        assert either.enroll("Ann", file, photo(1, 2)).is_new
        assert either.enroll("Bob", photo(2))
        assert not either.enroll("Cleo", b"x")
    mine, theirs = client.identify(photo(1, 5)), gallery.identify(photo(1, 5))
    assert [face.name for face in mine.faces] == [face.name for face in theirs.faces] == ["Ann"]
    for one, other in zip(mine.faces[0].candidates, theirs.faces[0].candidates, strict=True):
        assert (one.name, one.score) == (other.name, pytest.approx(other.score, abs=1e-6))
    assert mine.faces[0].face == theirs.faces[0].face
    assert [person.name for person in client] == [person.name for person in gallery]
    assert client.verify_person("Ann", photo(1, 6)).outcome == gallery.verify("Ann", photo(1, 6)).outcome
    assert client.rename("Bob", "Bo").name == "Bo"
    assert client.show("Bo").faces[0].quality == gallery.show("Bob").faces[0].quality
    assert client.confirm("Ann", photo(1, 7)).faces == 3
    assert client.reject("Ann", photo(2, 2)).faces == 3
    faces = client.show("Ann").faces
    assert [person.faces for person in client.move(faces[0].id, "Ann", "Bo")] == [2, 2]
    assert [person.name for person in client.split("Bo", "Third", [faces[0].id])] == ["Bo", "Third"]
    assert client.merge("Ann", "Third").faces == 3
    assert "ann" in client
    client.forget("Ann")
    assert "ann" not in client
    with pytest.raises(UnknownPersonError):
        client.show("Ann")
    client.enroll("Ann", photo(1))
    with pytest.raises(NameTakenError):
        client.rename("Ann", "bo")
    with pytest.raises(GalleryError, match="at least one"):
        client.enroll("Zoe")
    with pytest.raises(ServiceError, match="cannot be a name") as caught:
        client.enroll("\x07", photo(1))
    assert (caught.value.status, caught.value.code) == (422, "invalid")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_file_may_have_a_name_that_is_not_utf8(client: twinface.Client, tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pgm")
    Path(file).write_bytes(photo(1))
    found = client.enroll("Ann", file)
    assert [(each.photo, each.accepted) for each in found.photos] == [(r"caf\udce9.pgm", True)]


def test_a_head_without_end_is_refused(served: Served) -> None:
    begin = f"GET /healthz HTTP/1.1\r\nHost: {httpx.URL(served.url).netloc.decode()}\r\n".encode()
    for size, end, expected in ((60_000, b"\r\n\r\n", b"200"), ((64 << 10) + 1, b"", b"400")):
        head = begin + b"X-A: "
        with socket.create_connection(("127.0.0.1", httpx.URL(served.url).port or 0), timeout=30) as caller:
            caller.sendall(head + b"a" * (size - len(head) - len(end)) + end)
            assert caller.recv(1000).split()[:2] == [b"HTTP/1.1", expected]


def test_a_busy_service_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        httpx.Response(503, headers={"Retry-After": "0"}),
        httpx.ConnectError("refused"),
        httpx.Response(429, headers={"Retry-After": "0"}),
        httpx.Response(200, json={"people": [], "next": None, "count": 0}),
    ]
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("authorization"))
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    client = twinface.Client("http://there", key="tf_x")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    client._http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://there")
    assert client.people() == ()
    assert len(asked) == 4
    answers += [httpx.ConnectError("refused")] * 5
    with pytest.raises(ServiceError, match="no answer") as caught:
        client.people()
    assert caught.value.status == 0
    answers += [httpx.Response(502, text="<html>")]
    with pytest.raises(ServiceError, match="none of Twinface's: HTTP 502"):
        client.people()


class Answering:
    """A client whose calls are answered from a list; what was sent is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response | Exception) -> None:
        self.answers, self.sent, self.waited = list(answers), [], []  # type: ignore[var-annotated]
        monkeypatch.setattr("time.sleep", self.waited.append)
        self.client = twinface.Client("http://there", attempts=3)
        self.client._http = httpx.Client(transport=httpx.MockTransport(self._answer), base_url="http://there")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/find"):
            people = [{"id": 7, "name": "Ann", "created": "", "faces": 1}]
            return httpx.Response(200, json={"people": people, "next": None, "count": 1})
        self.sent.append(f"{request.method} {request.url.path}")
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def _failed(status: int, code: str) -> httpx.Response:
    said = {"code": code, "message": "so it is", "details": {}}
    return httpx.Response(status, json={"request_id": "r", "error": said})


def test_what_may_have_been_done_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lost, gone = httpx.ReadError("connection lost"), _failed(404, "person_not_found")
    ann = httpx.Response(200, json={"id": 7, "name": "Ann", "created": "", "faces": 1})
    there = Answering(monkeypatch, lost)
    with pytest.raises(ServiceError, match="may have been done"):
        there.client.rename("Ann", "Anna")
    assert there.sent == ["PATCH /v1/people/7"]
    there = Answering(monkeypatch, httpx.ConnectError("refused"), ann)  # it has not been sent
    assert there.client.rename("Ann", "Anna").name == "Ann"
    there = Answering(monkeypatch, lost, gone)
    there.client.forget("Ann")
    assert there.sent == ["DELETE /v1/people/7"] * 2
    with pytest.raises(UnknownPersonError):
        Answering(monkeypatch, gone).client.forget("Ann")
    for code, calls in (("busy", 2), ("too_slow", 1), ("storage", 1)):
        there = Answering(monkeypatch, _failed(503, code), ann)
        if calls == 1:
            with pytest.raises(TwinfaceError):
                there.client.merge("Ann", "Ann")
        else:
            there.client.merge("Ann", "Ann")
        assert len(there.sent) == calls
    there = Answering(monkeypatch, lost, httpx.Response(200, json={"faces": []}))
    assert there.client.detect(b"x") == ()


def test_answers_of_others_are_errors_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    page = httpx.Response(200, text="<html>")
    with pytest.raises(ServiceError, match="none of Twinface's: HTTP 200"):
        Answering(monkeypatch, page).client.people()
    later = httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    there = Answering(monkeypatch, later, httpx.Response(200, json={"people": []}))
    assert there.client.people() == ()
    assert there.waited == [1.0]
    for key in ("tf_…", "tf_a\n"):
        with pytest.raises(ServiceError, match="key: found characters that no key has"):
            twinface.Client("http://there", key)
    with pytest.raises(ServiceError, match=r"address: found '127\.0\.0\.1:8000', need one such as http"):
        twinface.Client("127.0.0.1:8000")


def test_wishes_are_those_of_the_library(client: twinface.Client) -> None:
    client.enroll("Ann", photo(1))
    rates = twinface.WantedRates(far=0.01, frr=0.05)
    wanted = Verifier("sface", rates=rates).verify(photo(1), photo(1, 2))
    for found in (
        client.verify(photo(1), photo(1, 2), rates=rates, left_face=1),
        client.verify_person("Ann", photo(1, 2), rates=rates, any_quality=True),
    ):
        assert (found.threshold, found.zone) == (wanted.threshold, wanted.zone)
    with pytest.raises(FaceNotFoundError, match="no face number 2"):
        client.verify(photo(1), photo(1, 2), right_face=2)


def test_a_rate_of_zero_is_sent(client: twinface.Client) -> None:
    with pytest.raises(ServiceError, match="far"):
        client.verify(photo(1), photo(2), rates=twinface.WantedRates(far=0.0))


def test_embeddings_of_no_face_have_a_width(client: twinface.Client) -> None:
    nothing = np.full((96, 96, 3), 90, np.uint8)
    assert client.embed(nothing, every=True).shape == (0, client.embed(photo(1)).shape[1])


def test_what_is_wrong_is_said_before_it_listens(served: Served, tmp_path: Path) -> None:
    port = int(served.url.rpartition(":")[2])
    place = str(tmp_path / "people.db")
    with pytest.raises(SettingsError, match=f"--port {port}: cannot be listened on"):
        serve(ServiceSettings(port=port, gallery=place, model="sface"))
    with pytest.raises(
        SettingsError, match=r"--host 0\.0\.0\.0: other machines could reach it, and the gallery has no key"
    ):
        serve(ServiceSettings(host="0.0.0.0", port=port, gallery=place, model="sface"))
