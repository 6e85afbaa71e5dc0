"""OpenAPI: its examples run, and nothing that fits it makes the service fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from toy_service import part, service, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from service_fuzz import try_requests


def _examples(description: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """(path, method) → the example of its JSON body, where it has one."""
    found = {}
    for path, methods in description["paths"].items():
        for method, call in methods.items():
            body = call.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                found[path, method] = body["example"]
    return found


def test_every_example_runs(tmp_path: Path) -> None:
    with service(settings(tmp_path)) as client:
        description = client.get("/v1/openapi.json").json()
        examples = _examples(description)
        assert len(examples) >= 16
        first = examples.pop(("/v1/people", "post"))
        assert client.post("/v1/people", json=first).status_code == 201  # Ann, face 1
        files = [("photos", part(2, number)) for number in (1, 2)]
        client.post("/v1/people", files=files, data={"name": "Second"})  # person 2, faces 2 and 3
        # What changes the people of other examples comes last.
        face, person = "/v1/people/{id}/faces/{face}/move", "/v1/people/{id}"
        last = [face, f"{person}/split", f"{person}/merge", f"{person}/reject"]
        paths = sorted(examples, key=lambda each: last.index(each[0]) if each[0] in last else -1)
        for path, method in paths:
            body = examples[path, method]
            if path.endswith("/split"):  # of a person with faces of two people
                client.post("/v1/people/1/photos", json={"photos": first["photos"], "review": "off"})
                client.post("/v1/people/1/photos", files=[("photos", part(3))], data={"review": "off"})
                body["faces"] = [client.get("/v1/people/1").json()["faces"][0]["id"]]
            id = "1"
            if path.startswith("/v1/jobs/"):
                id = client.post("/v1/jobs", json=examples["/v1/jobs", "post"]).json()["id"]
            url = path.replace("{id}", id).replace("{face}", "1")
            answer = client.request(method, url, json=body)
            assert answer.status_code == (201 if path == "/v1/jobs" else 200), (path, answer.text)


@pytest.mark.parametrize(
    "each", [pytest.param(2, id="few"), pytest.param(40, id="many", marks=pytest.mark.long)]
)
def test_nothing_that_fits_it_is_an_error_of_the_service(tmp_path: Path, each: int) -> None:
    statuses, wrong = try_requests(settings(tmp_path, rate=0), each)
    assert not wrong
    assert statuses[200] > 0
    assert statuses[422] > 0
    assert sum(statuses.values()) > 20 * each / 3


def test_each_call_of_people_takes_a_key_and_has_both_answers_of_enrolment(tmp_path: Path) -> None:
    with service(settings(tmp_path)) as client:
        description = client.get("/v1/openapi.json").json()
    assert description["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    calls = [
        call
        for path, methods in description["paths"].items()
        for call in methods.values()
        if path.startswith("/v1/") and path != "/v1/access"
    ]
    assert len(calls) > 20
    assert all(call["security"] == [{"HTTPBearer": []}] for call in calls)
    answers = description["paths"]["/v1/people"]["post"]["responses"]
    assert answers["200"]["content"] == answers["201"]["content"]
