"""Requests that fit the service's OpenAPI description, made by Schemathesis: is any of them an error of the service?

python benchmarks/service_fuzz.py --cases 10000
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as fuzzing

from twinface.service.app import create_app
from twinface.service.settings import Limits, ServiceSettings


def try_requests(settings: ServiceSettings, each: int, number: int = 0) -> tuple[Counter[int], list[str]]:
    """Sends requests to every call of a service.

    Args:
        settings: of the service.
        each: requests for each call.
        number: other numbers draw other requests.

    Returns:
        How often each status came; and what went wrong.
    """
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    app = create_app(settings)
    _, text = app.state.parts.keys.make(
        "fuzz", "admin"
    )  # Schemathesis has an address of its own, which is not local
    headers = {"Authorization": f"Bearer {text}"}
    with TestClient(app):  # starts and ends it
        for operation in schemathesis.openapi.from_asgi("/v1/openapi.json", app).get_all_operations():
            call = operation.ok()

            @seed(number)
            @given(case=call.as_strategy())
            @fuzzing(
                max_examples=each,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def attempt(case: Any) -> None:
                answer = case.call(headers=headers)
                statuses[answer.status_code] += 1
                if answer.status_code in {500, 502} or "x-request-id" not in answer.headers:
                    wrong.append(f"{case.method} {case.path}: {answer.status_code} {answer.text[:200]}")

            attempt()
    return statuses, wrong


def main() -> None:
    """Prints the answers, and fails if any is an error of the service."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    arguments = parser.parse_args()
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    number = 0
    while sum(statuses.values()) < arguments.cases:
        with tempfile.TemporaryDirectory() as folder:
            settings = ServiceSettings(
                gallery=str(Path(folder) / "people.db"), model="sface", jobs=False, limits=Limits(rate=0)
            )
            found, problems = try_requests(settings, 100, number)
        statuses += found
        wrong += problems
        number += 1
        print(f"{sum(statuses.values()):,} requests, {len(wrong)} wrong", file=sys.stderr, flush=True)
    print(json.dumps({"requests": sum(statuses.values()), "answers": statuses, "wrong": wrong}, indent=2))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
