"""Pages of a job's results, with the names that people have now."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from twinface.recognition.gallery.contents import Contents
from twinface.service.jobs.leases import read_results
from twinface.service.jobs.names import with_names
from twinface.service.jobs.records import Job
from twinface.service.jobs.settings import TAKES_PHOTOS
from twinface.service.jobs.table import JobTable

_IN_ONE_QUERY = 500


def results_page(
    table: JobTable, contents: Contents, id: str, after: int = 0, limit: int = 100
) -> dict[str, Any]:
    """A page of results: what is there so far.

    Args:
        table: of the gallery.
        contents: of the same gallery, for names.
        id: of the job.
        after: the number of the last photo of the page before, or of the last group plus 1; 0 for the first page.
        limit: of rows, at most.

    Returns:
        `rows` and `next` (None if no more is there), or `result` for a job without photos (None until it is finished).
        The last page of groups has `without_face`, too: the photos that are in no group, each with its `problem`.

    Raises:
        JobNotFoundError: there is no such job.
        KeyNeededError: a sealed row was changed.
    """
    job = table.get(id)
    if job.kind not in TAKES_PHOTOS:
        found = _result(table, job)
        return {"result": None if found is None else with_names(contents, found)}
    if job.kind == "cluster":
        return _groups(table, job, after, limit)
    rows = []
    for number, values, data in read_results(table, job.number, after, limit):
        after = number
        if job.kind == "embed" and values["faces"]:
            vectors = np.frombuffer(data or b"", "<f4").reshape(len(values["faces"]), -1).tolist()
            for face, vector in zip(values["faces"], vectors, strict=True):
                face["embedding"] = vector
        rows.append(values)
    return {"rows": with_names(contents, rows), "next": after if len(rows) == limit else None}


def _groups(table: JobTable, job: Job, after: int, limit: int) -> dict[str, Any]:
    """A row for each group, the largest first."""
    found = _result(table, job)
    if found is None:
        return {"rows": [], "next": None}
    page = found["groups"][after : after + limit]
    photos = _photos(table, job, {photo for group in page for photo, _ in group})
    rows = [
        {
            "group": after + place,
            "faces": [
                {"photo": photos[photo]["photo"], "number": photo, "face": face} for photo, face in group
            ],
        }
        for place, group in enumerate(page)
    ]
    if after + len(page) < len(found["groups"]):
        return {"rows": rows, "next": after + len(page)}
    missing = _photos(table, job, set(found["without_face"]))
    without = [
        {"photo": each["photo"], "number": number, "problem": each["problem"]}
        for number, each in missing.items()
    ]
    return {"rows": rows, "next": None, "without_face": without}


def _photos(table: JobTable, job: Job, numbers: set[int]) -> dict[int, dict[str, Any]]:
    """The values of some photos of a job, with their names as `photo`; in the order of their numbers."""
    wanted, found = sorted(numbers), {}
    opened = table.vault.open
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        part = wanted[start : start + _IN_ONE_QUERY]
        sql = (
            "SELECT number, name, result FROM job_photos "
            f"WHERE job = ? AND number IN ({', '.join('?' * len(part))}) ORDER BY number"
        )
        for number, name, result in table.store.rows(sql, (job.number, *part)):
            found[int(number)] = json.loads(opened(bytes(result))) | {"photo": opened(bytes(name)).decode()}
    return found


def _result(table: JobTable, job: Job) -> dict[str, Any] | None:
    """The result of a job as a whole, with marks in place of names; None if there is none."""
    [(found,)] = table.store.rows("SELECT result FROM jobs WHERE number = ?", (job.number,)) or [(None,)]
    return None if found is None else dict(json.loads(table.vault.open(bytes(found))))
