"""People over REST: enrol, identify, correct, rename, merge, split, forget; requests that are sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from toy_service import code, part, parts_of, photo, service, settings, text


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with service(settings(tmp_path)) as running:
        yield running


def enrol(client: TestClient, name: str, *numbers: tuple[int, int], **headers: str) -> Any:
    files = [("photos", part(*each)) for each in numbers]
    return client.post("/v1/people", files=files, data={"name": name}, headers=headers)


def test_a_person_is_enrolled_found_renamed_and_forgotten(client: TestClient) -> None:
    answer = enrol(client, "Ann", (1, 1), (1, 2))
    assert answer.status_code == 201
    found = answer.json()
    assert (found["name"], found["is_new"]) == ("Ann", True)
    assert [(each["photo"], each["accepted"]) for each in found["photos"]] == [
        ("s1-1.pgm", True),
        ("s1-2.pgm", True),
    ]
    assert enrol(client, "Bob", (2, 1)).status_code == 201
    assert enrol(client, "ann", (1, 3)).status_code == 200
    id = found["id"]
    [face] = client.post("/v1/identify", files={"photo": part(1, 5)}).json()["faces"]
    assert (face["name"], face["candidates"][0]["id"]) == ("Ann", id)
    verdict = client.post(f"/v1/people/{id}/verify", files={"photo": part(1, 6)}).json()
    assert (
        verdict["score"] > client.post(f"/v1/people/{id}/verify", files={"photo": part(2, 6)}).json()["score"]
    )
    assert client.patch(f"/v1/people/{id}", json={"name": "Anna"}).json()["name"] == "Anna"
    assert code(client.patch(f"/v1/people/{id}", json={"name": "bob"})) == (409, "name_taken")
    details = client.get(f"/v1/people/{id}").json()
    assert (details["person"]["name"], len(details["faces"])) == ("Anna", 3)
    assert client.delete(f"/v1/people/{id}").json() == {"forgotten": True}
    for call in (client.get, client.delete):
        assert code(call(f"/v1/people/{id}")) == (404, "person_not_found")
    assert [each["name"] for each in client.get("/v1/people").json()["people"]] == ["Bob"]


def test_the_list_comes_in_pages_and_names_are_found(client: TestClient) -> None:
    for person in (1, 2, 3):
        enrol(client, f"P{person}", (person, 1))
    first = client.get("/v1/people", params={"limit": 2}).json()
    assert ([each["name"] for each in first["people"]], first["count"]) == (["P1", "P2"], 3)
    last = client.get("/v1/people", params={"limit": 2, "after": first["next"]}).json()
    assert ([each["name"] for each in last["people"]], last["next"]) == (["P3"], None)
    assert client.post("/v1/people/find", json={"name": "p2"}).json()["people"][0]["name"] == "P2"
    assert client.post("/v1/people/find", json={"name": "nobody"}).json()["people"] == []
    assert code(client.get("/v1/people", params={"limit": 0})) == (422, "invalid")
    assert code(client.get("/v1/people/x")) == (422, "invalid")


def test_each_photo_gets_its_reason(client: TestClient) -> None:
    files = [("photos", part(1)), ("photos", ("notes.txt", b"no picture"))]
    found = client.post("/v1/people", files=files, data={"name": "Ann"}).json()
    assert [each["accepted"] for each in found["photos"]] == [True, False]
    assert "not a picture" in found["photos"][1]["reasons"][0]
    answer = client.post("/v1/people", files=files[1:], data={"name": "Bob"})
    assert code(answer) == (422, "no_photo_accepted")
    assert answer.json()["error"]["details"]["photos"][0]["photo"] == "notes.txt"
    assert client.get("/v1/people").json()["count"] == 1
    assert code(client.post("/v1/people", files=files[:1], data={"name": "\n"})) == (422, "invalid")
    assert code(client.post("/v1/people", files=files[:1])) == (422, "invalid")


@pytest.mark.parametrize(
    ("charset", "file_name"), [("unicode_escape", rb"\ud800\n.pgm"), ("utf-7", b"+2AAACg-.pgm")]
)
def test_a_file_name_of_halves_of_characters_can_be_answered(
    client: TestClient, charset: str, file_name: bytes
) -> None:
    parts = (
        b'name="name"\r\n\r\nAnn',
        b'name="photos"; filename="' + file_name + b'"\r\n\r\n' + photo(1),
    )
    body = b"".join(b"--x\r\nContent-Disposition: form-data; " + each + b"\r\n" for each in parts)
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    answer = client.post("/v1/people", content=body + b"--x--\r\n", headers={"content-type": kind})
    assert answer.status_code == 201
    assert answer.json()["photos"][0]["photo"] == r"\ud800 .pgm"


def test_corrections_and_faces(client: TestClient) -> None:
    ann, bob = (enrol(client, name, (n, 1), (n, 2)).json()["id"] for name, n in (("Ann", 1), ("Bob", 2)))
    assert client.post(f"/v1/people/{ann}/reject", files={"photo": part(1, 5)}).status_code == 200
    [face] = client.post("/v1/identify", files={"photo": part(1, 5)}).json()["faces"]
    assert face["name"] is None
    assert client.post(f"/v1/people/{ann}/confirm", json={"photo": text(1, 5)}).json()["faces"] == 3
    [face] = client.post("/v1/identify", files={"photo": part(1, 5)}).json()["faces"]
    assert face["name"] == "Ann"
    faces = [each["id"] for each in client.get(f"/v1/people/{ann}").json()["faces"]]
    moved = client.post(f"/v1/people/{ann}/faces/{faces[0]}/move", json={"to": bob}).json()["people"]
    assert [each["faces"] for each in moved] == [2, 3]
    both = client.post(f"/v1/people/{bob}/split", json={"name": "Third", "faces": [faces[0]]}).json()[
        "people"
    ]
    assert [each["name"] for each in both] == ["Bob", "Third"]
    assert client.post(f"/v1/people/{ann}/merge", json={"other": both[1]["id"]}).json()["faces"] == 3
    assert code(client.post(f"/v1/people/{ann}/merge", json={"other": 99})) == (404, "person_not_found")
    assert code(client.get(f"/v1/people/{ann}/faces/{faces[0]}/crop")) == (404, "not_found")


def test_a_request_that_is_sent_twice_is_done_once(client: TestClient) -> None:
    key = {"Idempotency-Key": "one"}
    first = enrol(client, "Ann", (1, 1), **key)
    again = enrol(client, "Ann", (1, 1), **key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert [each["accepted"] for each in again.json()["photos"]] == [True]
    assert code(enrol(client, "Ann", (1, 2), **key)) == (409, "conflict")
    assert code(enrol(client, "Bob", (1, 1), **key)) == (409, "conflict")
    client.delete(f"/v1/people/{first.json()['id']}")
    assert code(enrol(client, "Ann", (1, 1), **key)) == (404, "person_not_found")  # and not brought back
    assert client.get("/v1/people").json()["count"] == 0
    assert enrol(client, "Ann", (1, 1), **{"Idempotency-Key": "two"}).status_code == 201
    assert code(enrol(client, "Ann", (1, 1), **{"Idempotency-Key": "x" * 300})) == (422, "invalid")


def test_nothing_of_a_forgotten_person_is_in_the_files(client: TestClient, tmp_path: Path) -> None:
    id = enrol(client, "Ann-the-forgotten", (1, 1), (1, 2), **{"Idempotency-Key": "x"}).json()["id"]
    templates = [each.template for each in parts_of(client).gallery.store.people_with([id])]
    vectors = [each.vector for each in parts_of(client).gallery.store.faces_of([id])]
    client.delete(f"/v1/people/{id}")
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for needle in (b"Ann-the-forgotten", *(each[:32] for each in [*vectors, *filter(None, templates)])):
        assert needle not in content
    assert photo(1)[-64:] not in content


def test_kept_crops_come_back_as_jpeg(tmp_path: Path) -> None:
    from twinface.recognition.gallery.contents import GallerySettings
    from twinface.recognition.gallery.gallery import Gallery

    chosen = settings(tmp_path)
    Gallery(chosen.gallery, "sface", create=GallerySettings(keep_crops=True)).close()
    with service(chosen) as client:
        id = enrol(client, "Ann", (1, 1)).json()["id"]
        face = client.get(f"/v1/people/{id}").json()["faces"][0]
        assert face["has_crop"]
        answer = client.get(f"/v1/people/{id}/faces/{face['id']}/crop")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content[:2] == b"\xff\xd8"


def test_the_model_and_the_gallery_are_described(client: TestClient, tmp_path: Path) -> None:
    enrol(client, "Ann", (1, 1))
    found = client.get("/v1/models").json()
    assert found["model"]["name"] == "sface"
    assert found["error_rates"][-1]["fmr"] < found["error_rates"][0]["fmr"]
    assert {"sface", "default"} <= {each["name"] for each in found["installed"]}
    stats = client.get("/v1/gallery").json()
    assert (stats["people"], stats["faces"]) == (1, 1)
    assert str(tmp_path) not in client.get("/v1/gallery").text + client.get("/v1/models").text
    assert client.get("/readyz").json() == {"status": "ok"}
    assert client.get("/healthz").json()["status"] == "ok"
    assert "twinface_requests_total" in client.get("/metrics").text


def test_one_of_several_faces_is_enrolled(client: TestClient) -> None:
    import numpy as np

    from twinface.faces.picture import load_picture
    from twinface.recognition.canvas import encode_png

    both = encode_png(np.hstack([load_picture(photo(person), "rgb") for person in (1, 2)]))
    first, second = client.post("/v1/detect", files={"photo": ("both.png", both)}).json()["faces"]
    right = max(first, second, key=lambda face: face["box"][0])["number"]
    fields = {"name": "Right", "face": str(right), "review": "off"}
    assert client.post("/v1/people", files={"photos": ("b.png", both)}, data=fields).status_code == 201
    assert client.post("/v1/identify", files={"photo": part(2)}).json()["faces"][0]["name"] == "Right"
    assert client.post("/v1/identify", files={"photo": part(1)}).json()["faces"][0]["name"] is None
    files = [("photos", part(1)), ("photos", part(2))]
    assert code(client.post("/v1/people", files=files, data=fields)) == (422, "invalid")


@pytest.mark.parametrize("id", ["0_1", "+1", "1.0", "01", "true", "\u0661"])
def test_an_id_in_another_form_is_refused(client: TestClient, id: str) -> None:
    enrol(client, "Ann", (1, 1))
    assert code(client.get(f"/v1/people/{id}")) == (422, "invalid")
    assert code(client.delete(f"/v1/people/{id}")) == (422, "invalid")


@pytest.mark.parametrize("other", [True, "1", 1.5])
def test_a_number_in_json_is_a_number(client: TestClient, other: object) -> None:
    enrol(client, "Ann", (1, 1))
    enrol(client, "Bob", (2, 1))
    assert code(client.post("/v1/people/2/merge", json={"other": other})) == (422, "invalid")
    assert client.get("/v1/people").json()["count"] == 2


def test_a_field_that_is_there_twice_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/people", files=[("photos", part(1))], data={"name": ["Ann", "Bob"]})
    assert code(answer) == (422, "invalid")
    assert "name: found twice, need it once" in answer.json()["error"]["message"]
