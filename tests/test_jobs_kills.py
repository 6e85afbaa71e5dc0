"""Workers that are killed at random moments: the results are those of a worker that nobody has disturbed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toy_jobs import filled, new_place, results, started
from twinface.recognition.gallery.gallery import Gallery
from twinface.service.jobs.leases import Leases
from twinface.service.jobs.table import JobTable
from twinface.service.jobs.worker import Worker

_LEASE = 0.4  # seconds


def worker(place: str) -> subprocess.Popen[bytes]:
    """A worker in a process of its own."""
    script = Path(__file__).with_name("toy_jobs.py")
    return subprocess.Popen([sys.executable, str(script), place, str(_LEASE)])


def finish_with_kills(place: str, gallery: Gallery, ids: list[str], kills: int, seed: int) -> int:
    """Lets workers work until all jobs have ended; kills one after another. Returns the number of kills."""
    table, draw, killed = JobTable(gallery.contents), random.Random(seed), 0

    def done() -> int:
        return sum(table.get(id).done for id in ids)

    running = worker(place)
    try:
        until = time.monotonic() + 300
        while any(table.get(id).ended is None for id in ids):
            assert time.monotonic() < until
            if killed < kills:
                before = done()
                while done() == before and any(table.get(id).ended is None for id in ids):
                    time.sleep(0.002)  # it works by now
                time.sleep(draw.random() * 0.05)
                running.kill()
                running.wait()
                killed += 1
                running = worker(place)
            time.sleep(0.02)
    finally:
        running.kill()
        running.wait()
    return killed


def check(store: str, folder: Path, photos: int, kills: int) -> None:
    place = new_place(store, folder)
    with filled(place) as gallery:
        table = JobTable(gallery.contents)
        kinds = ("identify", "embed", "cluster")
        expected = [started(table, kind, photos) for kind in kinds]
        Worker(gallery).run()
        ids = [started(table, kind, photos) for kind in kinds]
        assert finish_with_kills(place, gallery, ids, kills, seed=photos) == kills
        for id, undisturbed in zip(ids, expected, strict=True):
            job = table.get(id)
            assert (job.state, job.done, job.total) == ("finished", photos, photos)
            assert results(gallery, id) == results(gallery, undisturbed)
        assert len(results(gallery, ids[0])["rows"]) == photos
        left = "SELECT count(*) FROM job_photos WHERE photo IS NOT NULL"
        assert table.store.rows(left)[0][0] == table.store.rows("SELECT sum(waiting) FROM jobs")[0][0] == 0
        assert gallery.check() == []


def test_a_killed_worker_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    check("sqlite", tmp_path, photos=60, kills=2)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_many_kills(store: str, tmp_path: Path) -> None:
    check(store, tmp_path, photos=150, kills=5)


def test_a_kill_within_a_save_leaves_the_photo_and_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two statements of a save are one transaction: what comes between them undoes the first."""
    with filled(new_place("sqlite", tmp_path)) as gallery:
        table = JobTable(gallery.contents)
        id = started(table, "embed", 2)
        rows = table.store.rows

        def killed(sql: str, values: object = ()) -> list[object]:
            if "SET photo = NULL, result" in sql:
                raise KeyboardInterrupt
            return rows(sql, values)  # type: ignore[arg-type]

        monkeypatch.setattr(table.store, "rows", killed)
        with pytest.raises(KeyboardInterrupt):
            Worker(gallery).run()
        monkeypatch.undo()
        assert (table.get(id).state, table.get(id).done) == ("running", 0)
        assert Leases(table).claim() is None  # until the lease is over
        rows("UPDATE jobs SET lease_until = 0")
        Worker(gallery).run()
        assert [row["number"] for row in results(gallery, id)["rows"]] == [1, 2]
