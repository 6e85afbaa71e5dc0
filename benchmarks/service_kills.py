"""Kills a service under load, again and again: is anything lost that it has said yes to?

    python benchmarks/service_kills.py --kills 100                    (SQLite)
    python benchmarks/service_kills.py --kills 100 --store postgres   (a server of its own, with two services on it)

Callers enrol and forget people without pause. A service gets SIGKILL at a random moment; then it is started again. With
PostgreSQL two services serve one gallery, and one of them is killed while the other one goes on. In the end the gallery
must hold everybody who was acknowledged and not forgotten, once, and nobody who was forgotten.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from service_load import Writer, run_writers

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from served import Served, start, wait_until_ready
from toy_gallery import new_database
from twinface.recognition.gallery.tables import GalleryTables


@dataclass
class Outcome:
    """What was found in the end.

    Attributes:
        kills: how often a service was killed.
        enrolled, forgotten: calls that were acknowledged.
        lost: people who were acknowledged and are not there, or not once.
        remaining: people who were forgotten and are there.
        wrong: answers that should not be.
        failed_elsewhere: calls to a service that was not killed and that got no answer.
        damage: what the gallery's own check says.
    """

    kills: int
    enrolled: int
    forgotten: int
    lost: list[str]
    remaining: list[str]
    wrong: list[str]
    failed_elsewhere: int
    damage: list[str]

    @property
    def is_good(self) -> bool:
        """Whether nothing is lost, left or wrong."""
        return not (self.lost or self.remaining or self.wrong or self.failed_elsewhere or self.damage)


def kill_under_load(store: str, kills: int, folder: Path, callers: int = 4) -> Outcome:
    """Kills a service so many times, and compares what was acknowledged with what is there.

    Args:
        store: "sqlite" or "postgres".
        kills: how often.
        folder: for the gallery and logs.
        callers: of each service.
    """
    place = str(folder / "people.db") if store == "sqlite" else new_database()
    draw = random.Random(0)
    everybody: list[Writer] = []
    steady = _steady(place, folder, callers) if store == "postgres" else None
    for kill in range(kills):
        writers = [Writer(kill * callers + number) for number in range(callers)]
        everybody += writers
        victim, stop = start(place, folder), threading.Event()
        wait_until_ready(victim)
        threads = run_writers(victim.url, writers, stop)
        time.sleep(draw.uniform(0.1, 1.5))
        victim.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
    failed = 0
    if steady is not None:
        other, writers, stop, threads = steady
        stop.set()
        for thread in threads:
            thread.join()
        other.end()
        failed = sum(len(writer.unsure) for writer in writers)
        everybody += writers
    return _compared(place, kills, everybody, failed)


def _steady(
    place: str, folder: Path, callers: int
) -> tuple[Served, list[Writer], threading.Event, list[threading.Thread]]:
    """A second service on the same gallery, under load for as long as the first one is killed."""
    other, stop = start(place, folder), threading.Event()
    wait_until_ready(other)
    writers = [Writer(90_000 + number) for number in range(callers)]
    return other, writers, stop, run_writers(other.url, writers, stop)


def _compared(place: str, kills: int, writers: list[Writer], failed: int) -> Outcome:
    with GalleryTables(place, create=False) as gallery:
        there = {person.name: person.faces for person in gallery}
        damage = gallery.check()
    kept = {name for writer in writers for name in writer.kept}
    gone = {name for writer in writers for name in writer.gone}
    return Outcome(
        kills,
        enrolled=len(kept) + len(gone),
        forgotten=len(gone),
        lost=sorted(name for name in kept if there.get(name) != 1),
        remaining=sorted(gone & there.keys()),
        wrong=[said for writer in writers for said in writer.wrong],
        failed_elsewhere=failed,
        damage=damage,
    )


def main() -> None:
    """Prints what was found, and fails if anything is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_under_load(arguments.store, arguments.kills, Path(folder))
    print(json.dumps(asdict(found), indent=2))
    sys.exit(0 if found.is_good else 1)


if __name__ == "__main__":
    main()
