"""What is too large, too slow or too much is refused early, with its code, and holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toy_service import code, load_once, log_lines, part, parts_of, photo, service, settings
from twinface.core.types import ByteArray, Float32Array
from twinface.models.load import load_model
from twinface.recognition.gallery.contents import FINGERPRINT
from twinface.recognition.gallery.tables import GalleryTables
from twinface.service.batching import BatchingModel
from twinface.service.errors import ApiError
from twinface.service.gate import Gate
from twinface.service.settings import Limits
from twinface.service.work import WorkQueue


def test_large_requests_are_refused(tmp_path: Path) -> None:
    with service(settings(tmp_path, body_bytes=20_000)) as client:
        assert client.post("/v1/detect", files={"photo": part(1)}).status_code == 200
        answer = client.post("/v1/detect", files={"photo": ("a", bytes(30_000))})
        assert code(answer) == (413, "body_too_large")
        assert answer.json()["error"]["details"] == {"limit": 20_000}
        assert answer.headers["connection"] == "close"

        def chunks() -> Iterator[bytes]:
            yield b'{"photo": "'
            for _ in range(100):
                yield b"A" * 1000

        headers = {"content-type": "application/json"}
        assert code(client.post("/v1/detect", content=chunks(), headers=headers)) == (413, "body_too_large")
        assert code(client.patch("/v1/people/1", content=chunks(), headers=headers)) == (
            413,
            "body_too_large",
        )
        gate = _gate(client)
        assert gate._held == 0


def test_bodies_without_photos_are_small(tmp_path: Path) -> None:
    with service(settings(tmp_path)) as client:
        headers = {"content-type": "application/json"}

        def find(content: str, **more: str) -> Any:
            return client.post("/v1/people/find", content=content, headers={**headers, **more})

        large = find('{"name": "' + "A" * 70_000 + '"}')
        assert code(large) == (413, "body_too_large")
        assert large.json()["error"]["details"] == {"limit": 65_536}
        assert code(find("{")) == (400, "bad_request")
        assert code(find("[" * 60_000)) == (400, "bad_request")
        assert code(find("[]")) == (422, "invalid")
        assert code(find("{}", **{"content-type": "text/plain"})) == (415, "unsupported_media")
        unknown = find('{"name": "a", "' + "x" * 60_000 + '": 1}')
        assert code(unknown) == (422, "invalid")
        assert len(unknown.text) < 500
        strange = find('{"name": "a", "\\ud800": 1}')
        assert code(strange) == (422, "invalid")


def test_bodies_with_many_values_are_refused_before_each_is_looked_at(tmp_path: Path) -> None:
    def said(path: str, body: str) -> str:
        answer = client.post(path, content=body, headers={"content-type": "application/json"})
        assert code(answer) == (422, "invalid")
        assert len(answer.text) < 2000
        return str(answer.json()["error"]["message"])

    with service(settings(tmp_path)) as client:
        unknown = ", ".join(f'"{number}": 1' for number in range(5000))
        for path in ("/v1/detect", "/v1/people/find"):
            assert said(path, f"{{{unknown}}}") == "found 5,000 fields, at most 20"
        many = "the body has too many values, at most 10,000"
        assert said("/v1/detect", '{"photo": [' + "[]," * 10_000 + "[]]}") == many
        assert said("/v1/people/find", '{"name": [' + "1," * 10_000 + "1]}") == many
        few = ", ".join(f'"{number}": 1' for number in range(15))
        assert said("/v1/people/find", f"{{{few}}}").startswith("name: Field required; 0: Extra inputs")


def _gate(client: Any) -> Gate:
    layer = client.app.middleware_stack
    while not isinstance(layer, Gate):
        layer = getattr(layer, "app", None) or layer._app
    return layer


def test_no_more_than_a_few_bytes_beyond_the_limit_are_read() -> None:
    sent = 0

    async def receive() -> dict[str, Any]:
        nonlocal sent
        sent += 1000
        return {"type": "http.request", "body": bytes(1000), "more_body": True}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    gate = Gate(app, Limits(body_bytes=10_000))
    with pytest.raises(ApiError) as caught:
        asyncio.run(gate({"type": "http", "method": "POST", "headers": []}, receive, None))  # type: ignore[arg-type]
    assert (caught.value.status_code, sent) == (413, 11_000)


def test_slow_requests_are_refused() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    gate = Gate(app, Limits(body_seconds=0.05))
    with pytest.raises(ApiError) as caught:
        asyncio.run(gate({"type": "http", "method": "POST", "headers": []}, receive, None))  # type: ignore[arg-type]
    assert (caught.value.status_code, caught.value.code) == (408, "too_slow")


def test_all_requests_together_have_a_limit() -> None:
    gate = Gate(None, Limits(memory_bytes=1000))  # type: ignore[arg-type]
    gate.take(600, 600)
    with pytest.raises(ApiError) as caught:
        gate.take(600, 600)
    assert (caught.value.status_code, caught.value.code) == (503, "busy")


def test_too_many_photos_and_faces(tmp_path: Path) -> None:
    with service(settings(tmp_path, photos=2, faces=1)) as client:
        files = [("photos", part(1, number)) for number in (1, 2, 3)]
        for more in (0, 1, 5):
            sent = [*files, *[files[0]] * more]
            answer = client.post("/v1/people", files=sent, data={"name": "Ann"})
            assert code(answer) == (413, "too_many_photos")
            assert answer.json()["error"]["details"] == {"limit": 2}
        two = np.hstack([_pixels(1), _pixels(2)])
        from twinface.recognition.canvas import encode_png

        crowd = encode_png(np.repeat(two, 3, axis=2))
        assert code(client.post("/v1/detect", files={"photo": ("two.png", crowd)})) == (422, "several_faces")
        assert code(client.post("/v1/identify", files={"photo": ("two.png", crowd)})) == (
            422,
            "several_faces",
        )


def _pixels(person: int) -> ByteArray:
    from twinface.faces.picture import load_picture

    return load_picture(photo(person), "gray")


def test_work_beyond_the_queue_is_refused() -> None:
    async def try_it() -> None:
        queue, go = WorkQueue("test", threads=1, waiting=1, seconds=30), threading.Event()
        first = asyncio.create_task(queue.run(go.wait))
        second = asyncio.create_task(queue.run(lambda: 7))
        await asyncio.sleep(0.01)
        with pytest.raises(ApiError) as caught:
            await queue.run(lambda: 8)
        assert (caught.value.status_code, caught.value.code) == (503, "busy")
        assert caught.value.headers == {"Retry-After": "1"}
        go.set()
        assert [await first, await second] == [True, 7]
        await asyncio.sleep(0.01)
        assert queue.taken == 0
        assert await queue.run(lambda: 9) == 9
        queue.close()

    asyncio.run(try_it())


def test_nobody_waits_for_ever() -> None:
    async def try_it() -> None:
        queue, go = WorkQueue("test", threads=1, waiting=1, seconds=0.05), threading.Event()
        with pytest.raises(ApiError) as caught:
            await queue.run(go.wait)
        assert (caught.value.status_code, caught.value.code) == (503, "too_slow")
        assert queue.taken == 1  # the thread is still at it
        go.set()
        queue.close()

    asyncio.run(try_it())


def _start_behind_the_first(
    threads: list[threading.Thread], model: BatchingModel, is_begun: threading.Event
) -> None:
    """Starts threads that embed; the first is alone in its batch, and the others wait for it."""
    threads[0].start()
    assert is_begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    until = time.monotonic() + 30
    while model._calls.qsize() < len(threads) - 1:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_concurrent_calls_share_batches_and_get_their_own_faces() -> None:
    plain, sizes = load_model("sface", threads=1), []
    height, width = plain.record.preparation.height, plain.record.preparation.width
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, (12, height, width, 3), dtype=np.uint8)
    gate, is_begun = threading.Event(), threading.Event()

    class Slow:
        record, fingerprint = plain.record, plain.fingerprint

        def __call__(self, batch: ByteArray) -> Float32Array:
            is_begun.set()
            gate.wait()
            return plain(batch)

    model = BatchingModel(Slow(), most=8, observe=sizes.append)
    answers: dict[int, Float32Array] = {}

    def ask(number: int) -> None:
        answers[number] = model(faces[2 * number : 2 * number + 2])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    _start_behind_the_first(threads, model, is_begun)
    gate.set()
    for thread in threads:
        thread.join()
    wanted = plain(faces)
    for number, answer in answers.items():
        assert answer == pytest.approx(wanted[2 * number : 2 * number + 2], abs=1e-4)
    assert sum(sizes) == 12
    assert len(sizes) < 6
    assert max(sizes) <= 8


def test_a_bad_face_spoils_its_own_call_alone() -> None:
    plain = load_model("sface", threads=1)
    height, width = plain.record.preparation.height, plain.record.preparation.width
    gate, is_begun = threading.Event(), threading.Event()

    class Picky:
        record, fingerprint = plain.record, plain.fingerprint

        def __call__(self, batch: ByteArray) -> Float32Array:
            is_begun.set()
            gate.wait()
            if (batch == 255).all(axis=(1, 2, 3)).any():
                raise ValueError("white")
            return plain(batch)

    model = BatchingModel(Picky())
    results: dict[str, object] = {}

    def ask(name: str, value: int) -> None:
        try:
            results[name] = model(np.full((1, height, width, 3), value, np.uint8)).shape
        except ValueError as error:
            results[name] = str(error)

    threads = [
        threading.Thread(target=ask, args=each) for each in (("first", 1), ("white", 255), ("gray", 100))
    ]
    _start_behind_the_first(threads, model, is_begun)
    gate.set()
    for thread in threads:
        thread.join()
    size = plain.record.embedding_size
    assert results == {"first": (1, size), "white": "white", "gray": (1, size)}


def test_batches_end_and_calls_are_answered_all_the_same() -> None:
    plain = load_model("sface", threads=1)
    before = set(threading.enumerate())
    model = BatchingModel(plain)
    [thread] = set(threading.enumerate()) - before
    faces = np.zeros((1, plain.record.preparation.height, plain.record.preparation.width, 3), np.uint8)
    first = model(faces)
    model.close()
    model.close()
    thread.join(30)
    assert not thread.is_alive()
    assert model(faces) == pytest.approx(first, abs=1e-5)


def test_a_model_that_is_not_the_gallerys_is_loaded_once_and_leaves_no_thread(tmp_path: Path) -> None:
    def move(fingerprint: str) -> None:
        """As another process that moves the gallery to another model."""
        with GalleryTables(tmp_path / "people.db") as tables, tables.store.write():
            tables.store.set_info(FINGERPRINT, fingerprint)

    def loads() -> int:
        return load_once.cache_info().hits + load_once.cache_info().misses

    before = set(threading.enumerate())
    with service(settings(tmp_path)) as client:
        own = parts_of(client).gallery.engine.fingerprint
        assert client.post("/v1/detect", files={"photo": part(1)}).status_code == 200
        [batches] = [each for each in set(threading.enumerate()) - before if each.name == "twinface-batches"]
        move("b" * 64)
        so_far = loads()
        for _ in range(3):
            assert code(client.post("/v1/detect", files={"photo": part(1)})) == (409, "model_mismatch")
            assert code(client.get("/readyz")) == (503, "not_ready")
        assert loads() == so_far + 1
        batches.join(30)
        assert not [each for each in set(threading.enumerate()) - before if each.name == "twinface-batches"]
        move(own)
        assert client.get("/readyz").status_code == 200
        assert client.post("/v1/detect", files={"photo": part(1)}).status_code == 200
        [batches] = [each for each in set(threading.enumerate()) - before if each.name == "twinface-batches"]
    batches.join(30)
    assert not batches.is_alive()


def test_the_log_holds_no_names_paths_or_keys(tmp_path: Path) -> None:
    canary = "Canary-Person"
    with log_lines() as lines, service(settings(tmp_path)) as client:
        files = [("photos", (f"{canary}.pgm", photo(1)))]
        id = client.post("/v1/people", files=files, data={"name": canary}).json()["id"]
        client.post("/v1/people/find", json={"name": canary})
        client.get(f"/v1/people/{id}/{canary}")
        client.get(f"/{canary}?name={canary}")
        client.patch(f"/v1/people/{id}", json={"name": canary + "2", canary: 1})
        client.post("/v1/identify", files={"photo": (f"{canary}.txt", b"no picture")})
        client.post("/v1/people/99/merge", json={"other": id})
        client.get("/v1/people", headers={"authorization": f"Bearer {canary}"})
        gallery = parts_of(client).gallery

        def broken(*args: object) -> None:
            raise RuntimeError(f"{canary} cannot be shown")

        gallery.show = broken  # type: ignore[method-assign, assignment]
        answer = client.get(f"/v1/people/{id}")
        assert code(answer) == (500, "unexpected")
        assert canary not in answer.text
    said = "\n".join(lines)
    assert "unexpected RuntimeError in service/people_routes.py" in said
    assert "GET /v1/people/{id} 500" in said
    assert canary not in said
    assert str(tmp_path) not in said
