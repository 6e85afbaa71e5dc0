"""How a service behaves under load: many callers, slow connections, a huge body, mutated photos, the end.

    make bench-service

Each part starts a service of its own. The share of the library's rate comes from `embed` in the same run, with the same
photos and model. Figures are for a quiet machine; callers and service share its cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from picture_mutations import mutation
from service_load import DELIBERATE, photo

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from served import serving
from twinface.recognition.batch import embed_files

_CANARY = "Canary-Person"


def many_callers(folder: Path, seconds: float, callers: int = 64) -> dict[str, Any]:
    """Callers that identify and verify without pause: answers, times, memory."""
    statuses: Counter[int] = Counter()
    times: list[float] = []
    lock = threading.Lock()
    with serving(str(folder / "people.db"), folder) as served:
        with httpx.Client(base_url=served.url, timeout=60) as client:
            for person in range(40):
                files = {"photos": ("a.pgm", photo(10 * person))}
                client.post("/v1/people", files=files, data={"name": f"{_CANARY} {person}"})
        until = time.monotonic() + seconds

        def call(number: int) -> None:
            draw = random.Random(number)
            with httpx.Client(base_url=served.url, timeout=60) as client:
                while time.monotonic() < until:
                    began = time.perf_counter()
                    if draw.random() < 0.5:
                        answer = client.post("/v1/identify", files={"photo": photo(draw.randrange(400))})
                    else:
                        both = {"left": photo(draw.randrange(400)), "right": photo(draw.randrange(400))}
                        answer = client.post("/v1/verify", files=both)
                    taken = time.perf_counter() - began
                    with lock:
                        statuses[answer.status_code] += 1
                        if answer.status_code == 200:
                            times.append(taken)
                    if answer.status_code in DELIBERATE:
                        time.sleep(float(answer.headers["Retry-After"]))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 3)
        early = _memory(served.process.pid)
        for thread in threads:
            thread.join()
        late = _memory(served.process.pid)
        log = served.log.read_text()
    cuts = statistics.quantiles(times, n=100)
    return {
        "callers": callers,
        "answers": dict(statuses),
        "per_second": round(len(times) / seconds, 1),
        "p50_ms": round(1000 * cuts[49], 1),
        "p99_ms": round(1000 * cuts[98], 1),
        "p99_over_p50": round(cuts[98] / cuts[49], 2),
        "memory_drift": round(late / early - 1, 4),
        "canaries_in_log": log.count(_CANARY) + log.count(str(folder)),
    }


def _memory(process: int) -> int:
    """Kilobytes that a process has."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def against_library(folder: Path, photos: int = 400, callers: int = 8) -> dict[str, Any]:
    """Photos a second through `/v1/embeddings`, and through the library's own batch."""
    source = folder / "photos"
    source.mkdir()
    for number in range(photos):
        (source / f"{number:04}.pgm").write_bytes(photo(number))
    with serving(str(folder / "rate.db"), folder) as served:
        _embed_all(served.url, 40, callers)
        began = time.perf_counter()
        _embed_all(served.url, photos, callers)
        rest = photos / (time.perf_counter() - began)
    embed_files(source, folder / "warm", "sface")
    began = time.perf_counter()
    embed_files(source, folder / "embedded", "sface")
    library = photos / (time.perf_counter() - began)
    return {"service": round(rest, 1), "library": round(library, 1), "share": round(rest / library, 3)}


def _embed_all(url: str, photos: int, callers: int) -> None:
    numbers = iter(range(photos))
    lock = threading.Lock()

    def call() -> None:
        # The lightest client that there is, because callers and service share the cores.
        connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            connection.request("POST", "/v1/embeddings", *_form(photo(number)))
            answer = connection.getresponse()
            assert answer.read()
            assert answer.status == 200

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _form(data: bytes) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a form with a photo."""
    head = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.pgm"\r\n\r\n'
    return head + data + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def slow_connections(folder: Path, count: int = 500) -> dict[str, Any]:
    """Connections that send a byte now and then, and how fast `/healthz` answers meanwhile."""
    with serving(str(folder / "slow.db"), folder) as served:
        address = (urlsplit(served.url).hostname or "", urlsplit(served.url).port or 0)
        held = []
        for number in range(count):
            connection = socket.create_connection(address)
            head = b"POST /v1/detect HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            if number % 2:
                head += b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
            connection.sendall(head)
            held.append(connection)
        times = []
        with httpx.Client(base_url=served.url, timeout=60) as client:
            for number in range(300):
                held[number % count].sendall(b"X" if number % count % 2 else b"X: y\r\n")
                began = time.perf_counter()
                client.get("/healthz").raise_for_status()
                times.append(time.perf_counter() - began)
        for connection in held:
            connection.close()
    return {"connections": count, "healthz_p99_ms": round(1000 * statistics.quantiles(times, n=100)[98], 1)}


def huge_body(folder: Path, size: int = 1 << 30) -> dict[str, Any]:
    """A body of 1 GB without a length: how much of it is taken before it is refused."""
    with serving(str(folder / "huge.db"), folder) as served:
        port = urlsplit(served.url).port
        limit = 32 << 20

        async def send() -> tuple[int, bytes]:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.set_write_buffer_limits(0)
            head = "POST /v1/detect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            sent, answer = 0, asyncio.create_task(reader.read(64))
            piece = b"8000\r\n" + b"A" * 0x8000 + b"\r\n"
            try:
                while sent < size and not answer.done():
                    writer.write(piece)
                    await writer.drain()
                    sent += 0x8000
            except ConnectionError:
                pass
            return sent, await answer

        sent, answer = asyncio.run(send())
        with httpx.Client(base_url=served.url) as client:
            alive = client.get("/healthz").status_code == 200
    # What lies in the sockets' buffers was sent, and not read.
    return {"answer": answer[:12].decode(), "sent_beyond_limit_kb": (sent - limit) >> 10, "alive": alive}


def mutated_photos(folder: Path, count: int) -> dict[str, Any]:
    """Mutated pictures through `/v1/detect`: statuses, and whether the service lives."""
    statuses: Counter[int] = Counter()
    with (
        serving(str(folder / "mutated.db"), folder) as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        for number in range(count):
            data = mutation(number, 0)[2]
            answer = client.post("/v1/detect", files={"photo": data})
            statuses[answer.status_code] += 1
        alive = client.get("/readyz").status_code == 200
    return {"photos": count, "answers": dict(statuses), "alive": alive}


def end_under_load(folder: Path, rounds: int) -> dict[str, Any]:
    """SIGTERM while calls are on their way: how long until the end, and were those answered that had got in."""
    longest, unanswered, codes = 0.0, 0, Counter[int]()
    for number in range(rounds):
        with serving(str(folder / f"end{number}.db"), folder) as served:
            found: list[int] = []

            def call(url: str = served.url, found: list[int] = found) -> None:
                with httpx.Client(base_url=url, timeout=30) as client:
                    try:
                        found.append(client.post("/v1/detect", files={"photo": photo(1)}).status_code)
                    except httpx.HTTPError:
                        found.append(0)  # unless the log has it, it did not get in

            threads = [threading.Thread(target=call) for _ in range(16)]
            for thread in threads:
                thread.start()
            time.sleep(0.05)
            began = time.perf_counter()
            codes[served.end(signal.SIGTERM)] += 1
            longest = max(longest, time.perf_counter() - began)
            for thread in threads:
                thread.join()
            unanswered += served.log.read_text().count("POST /v1/detect 200") - found.count(200)
    return {
        "rounds": rounds,
        "longest_s": round(longest, 2),
        "unanswered": unanswered,
        "exit_codes": dict(codes),
    }


def main() -> None:
    """Prints each part's figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="of load by many callers")
    parser.add_argument("--photos", type=int, default=10_000, help="mutated")
    parser.add_argument("--rounds", type=int, default=10, help="of SIGTERM")
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    parts = {
        "many_callers": lambda folder: many_callers(folder, arguments.seconds),
        "against_library": against_library,
        "slow_connections": slow_connections,
        "huge_body": huge_body,
        "mutated_photos": lambda folder: mutated_photos(folder, arguments.photos),
        "end_under_load": lambda folder: end_under_load(folder, arguments.rounds),
    }
    for name, part in parts.items():
        if not arguments.only or name in arguments.only:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps({name: part(Path(folder))}), flush=True)


if __name__ == "__main__":
    main()
