"""Jobs for tests: photos of made-up people, and a worker in a process of its own that can be killed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2

from toy_gallery import NEW_STORES, portrait, toy_gallery
from twinface.recognition.gallery.gallery import Gallery
from twinface.service.jobs.results import results_page
from twinface.service.jobs.table import JobTable
from twinface.service.jobs.worker import Worker

PEOPLE = 4


def photo(person: int, number: int = 9) -> bytes:
    """A PNG of a made-up person."""
    return bytes(cv2.imencode(".png", portrait(person, number))[1])


def photos(count: int) -> list[tuple[str, bytes]]:
    """Photos of six people, two of whom nobody knows; the fourth one is damaged."""
    found = [(f"photo-{number}.png", photo(number % 6, 10 + number)) for number in range(1, count + 1)]
    if count > 3:
        found[3] = ("damaged.jpg", b"\xff\xd8 no picture")
    return found


def new_place(store: str, folder: Path) -> str:
    """The place of an empty gallery in a kind of store."""
    folder.mkdir(exist_ok=True)
    made = NEW_STORES[store](folder)
    place = str(getattr(made, "url", made.place))
    made.close()
    return place


def filled(place: str, **more: Any) -> Gallery:
    """A gallery of some people."""
    gallery = toy_gallery(place, **more)
    for person in range(PEOPLE):
        gallery.enroll(f"person {person}", portrait(person, 0), portrait(person, 1))
    return gallery


def started(table: JobTable, kind: str, many: int = 8, /, **settings: Any) -> str:
    """The id of a job that can be claimed."""
    job = table.create(kind, settings)
    if job.state == "open":
        assert all(added.accepted for added in table.add_photos(job.id, photos(many)))
        table.start(job.id)
    return job.id


def results(gallery: Gallery, id: str) -> dict[str, Any]:
    """All results of a job; a certificate without the time when it was made."""
    page = results_page(JobTable(gallery.contents), gallery.contents, id, limit=10_000)
    if page.get("result"):
        page["result"].pop("made", None)
    return page


def main() -> None:
    """Works on all jobs of a gallery: `python toy_jobs.py PLACE LEASE`."""
    place, lease = sys.argv[1:]
    Worker(toy_gallery(place), lease=float(lease), poll=0.05).run(forever=True)


if __name__ == "__main__":
    main()
