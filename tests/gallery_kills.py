"""Processes enrol and forget people in one gallery while they are killed at random moments.

    python tests/gallery_kills.py --processes 8 --people 500 --kills 100 FOLDER

Each process writes down what it begins, and what the gallery has said yes to. In the end the gallery must hold exactly
that: everything that was enrolled and not forgotten, once; nobody who was forgotten; no byte of their names.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from toy_gallery import NEW_STORES, portrait, toy_gallery
from twinface.core.errors import UnknownPersonError
from twinface.recognition.gallery.gallery import Gallery


@dataclass(frozen=True)
class Outcome:
    """What was found in the end.

    Attributes:
        enrolled, forgotten: how many calls the gallery had said yes to.
        kills: how many processes were killed.
        lost: people who were enrolled and are not there.
        doubled: people with another number of faces than was enrolled.
        remaining: people who were forgotten and are there, or whose name is in a file.
        damage: what the gallery's own check says.
    """

    enrolled: int
    forgotten: int
    kills: int
    lost: list[str]
    doubled: list[str]
    remaining: list[str]
    damage: list[str]


def name_of(process: int, number: int) -> str:
    return f"w{process:02}n{number:05}z"


def work(place: str, notes: Path, process: int, people: int) -> None:
    """Enrols people, two photos each, and forgets every second one a little later. Goes on where it was killed."""
    said = notes.read_text().split("\n") if notes.exists() else []
    begun, done = {line for line in said if line.startswith("begin")}, set(said)
    gallery = toy_gallery(place)
    with notes.open("a") as file:

        def note(line: str) -> None:
            file.write(f"{line}\n")
            file.flush()

        note("")  # ends a line that a kill has cut
        for number in range(people):
            name = name_of(process, number)
            if f"done enroll {name}" not in done and f"begin forget {name}" not in begun:
                note(f"begin enroll {name}")
                person = 1000 * process + number
                assert gallery.enroll(name, portrait(person, 0), portrait(person, 1), review="off")
                note(f"done enroll {name}")
            # Some of those who were enrolled three turns ago.
            old = name_of(process, number - 3)
            if number >= 3 and number % 2 and f"done forget {old}" not in done:
                note(f"begin forget {old}")
                try:
                    gallery.forget(old)
                except UnknownPersonError:
                    # It was killed between the deed and the note; the rest of the work may be undone.
                    assert f"begin forget {old}" in begun
                    gallery.scrub()
                note(f"done forget {old}")
    gallery.close()


def run(place: str, folder: Path, processes: int, people: int, kills: int, seed: int = 0) -> Outcome:
    """Lets processes work until all are done, and kills some of them meanwhile.

    Args:
        place: of the gallery.
        folder: for notes; also the folder whose files are searched for names, if the gallery is a file in it.
        processes: how many work at once.
        people: that each of them enrols.
        kills: in all.
        seed: of the moments.
    """
    toy_gallery(place).close()
    context = multiprocessing.get_context("fork")
    draw = random.Random(seed)
    notes = [folder / f"notes-{process}.txt" for process in range(processes)]

    def start(process: int) -> multiprocessing.process.BaseProcess:
        child = context.Process(target=work, args=(place, notes[process], process, people))
        child.start()
        return child

    running = {process: start(process) for process in range(processes)}
    killed = 0
    while running:
        time.sleep(draw.random() * 0.15)
        for process, child in list(running.items()):
            if not child.is_alive():
                child.join()
                if child.exitcode not in {0, -signal.SIGKILL}:
                    raise AssertionError(f"process {process} ended with {child.exitcode}")
                del running[process]
                if child.exitcode:
                    running[process] = start(process)
        if running and killed < kills:
            victim = draw.choice(sorted(running))
            if running[victim].is_alive() and running[victim].pid:
                os.kill(running[victim].pid or 0, signal.SIGKILL)
                killed += 1
    return judge(place, folder, notes, killed)


def judge(place: str, folder: Path, notes: list[Path], kills: int) -> Outcome:
    said = [line for file in notes for line in file.read_text().split("\n")]
    forgotten = {line.split()[2] for line in said if line.startswith("done forget")}
    enrolled = {line.split()[2] for line in said if line.startswith("done enroll")}
    gallery: Gallery = toy_gallery(place)
    there = {person.name: person.faces for person in gallery}
    # Also through a search, which may have a copy of its own.
    found = set()
    for name in sorted(forgotten)[:50]:
        number = 1000 * int(name[1:3]) + int(name[4:9])
        found |= {face.name for face in gallery.identify(portrait(number, 2)).faces} & forgotten
    outcome = Outcome(
        enrolled=len(enrolled),
        forgotten=len(forgotten),
        kills=kills,
        lost=sorted(enrolled - forgotten - set(there)),
        doubled=sorted(name for name, faces in there.items() if faces != 2),
        remaining=sorted(forgotten & set(there) | found | _in_files(folder, forgotten)),
        damage=gallery.check(),
    )
    gallery.close()
    return outcome


def _in_files(folder: Path, names: set[str]) -> set[str]:
    files = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("notes-")]
    return {
        name
        for file in files
        for content in [file.read_bytes()]
        for name in names
        if name.encode() in content
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--store", choices=NEW_STORES, default="sqlite")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100)
    given = parser.parse_args()
    began = time.monotonic()
    given.folder.mkdir(parents=True)
    store = NEW_STORES[given.store](given.folder)
    place = getattr(store, "url", store.place)
    store.close()
    print(run(place, given.folder, given.processes, given.people, given.kills))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
