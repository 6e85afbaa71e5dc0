"""Workers: what each kind of job finds, many workers at once, stops, failures, and what is left in the files."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toy_gallery import NEW_STORES, PixelModel, portrait, toy_gallery
from toy_jobs import filled, new_place, photo, photos, results, started
from toy_service import log_lines
from toy_service import photo as orl_photo
from twinface.core.errors import GalleryError, StorageError
from twinface.datasets.load import load_dataset
from twinface.faces.picture import load_picture
from twinface.recognition.canvas import encode_png
from twinface.recognition.gallery import sqlite
from twinface.recognition.gallery.contents import GallerySettings
from twinface.recognition.gallery.gallery import Gallery
from twinface.recognition.gallery.sqlite import SqliteStore
from twinface.service.jobs import kinds, worker
from twinface.service.jobs.leases import Leases
from twinface.service.jobs.table import JobTable
from twinface.service.jobs.worker import Worker


@pytest.fixture(params=NEW_STORES)
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    with filled(new_place(request.param, tmp_path), create=GallerySettings(keep_crops=True)) as opened:
        yield opened


@pytest.fixture
def table(gallery: Gallery) -> JobTable:
    return JobTable(gallery.contents)


# Where a whole gallery is rewritten, which a PostgreSQL server takes seconds for.
in_a_file = pytest.mark.parametrize("gallery", ["sqlite"], indirect=True)


def test_each_photo_is_identified_as_a_call_does(gallery: Gallery, table: JobTable) -> None:
    id = started(table, "identify", 8, count=3)
    Worker(gallery).run()
    assert table.get(id).state == "finished"
    page = results(gallery, id)
    assert page["next"] is None
    assert [row["photo"] for row in page["rows"]] == [name for name, _ in photos(8)]
    for row, (_, data) in zip(page["rows"], photos(8), strict=True):
        if row["photo"] == "damaged.jpg":
            assert row["faces"] == []
            assert row["problem"].startswith("damaged.jpg: ")
            continue
        assert row["faces"] == [face.to_dict() for face in gallery.identify(data, 3).faces]
    assert [face["name"] for row in page["rows"] for face in row["faces"]][:3] == [
        "person 1",
        "person 2",
        "person 3",
    ]
    assert results_of(gallery, id, limit=3)["next"] == 3
    assert [row["number"] for row in results_of(gallery, id, after=3, limit=3)["rows"]] == [4, 5, 6]
    assert table.store.rows("SELECT count(*) FROM job_photos WHERE photo IS NOT NULL")[0][0] == 0


def results_of(gallery: Gallery, id: str, **page: int) -> dict[str, Any]:
    from twinface.service.jobs.results import results_page

    return results_page(JobTable(gallery.contents), gallery.contents, id, **page)


@pytest.mark.slow
def test_the_limit_on_faces_is_the_same_whoever_works(tmp_path: Path) -> None:
    face = np.pad(load_picture(orl_photo(1), "rgb"), ((20, 20), (20, 20), (0, 0)), mode="edge")
    crowds = {f"{rows}.png": encode_png(np.tile(face, (rows, 9, 1))) for rows in (7, 8)}
    found = []
    for limit in (None, 3, 100):  # as `twinface jobs run`, and services with limits of their own
        with Gallery(tmp_path / f"{limit}.db", "sface", threads=1) as gallery:
            if limit is not None:
                gallery.engine.verifier.reader.most = limit
            table = JobTable(gallery.contents)
            for kind in ("identify", "embed"):
                id = table.create(kind).id
                table.add_photos(id, list(crowds.items()))
                table.start(id)
                Worker(gallery).run()
                found.append(
                    [(len(row["faces"]), row.get("problem")) for row in results(gallery, id)["rows"]]
                )
    assert found == [[(63, None), (0, "8.png: has 72 faces, at most 64 are taken")]] * 6


def test_embeddings_and_groups(gallery: Gallery, table: JobTable) -> None:
    embed, cluster = started(table, "embed", 8), started(table, "cluster", 8)
    Worker(gallery).run()
    rows = results(gallery, embed)["rows"]
    expected = PixelModel()(portrait(1, 11)[None, ..., None])[0]
    np.testing.assert_array_equal(rows[0]["faces"][0]["embedding"], expected)
    assert rows[3]["faces"] == []
    groups = results(gallery, cluster)
    [without] = groups["without_face"]
    assert (without["photo"], without["number"]) == ("damaged.jpg", 4)
    assert without["problem"].startswith("damaged.jpg: ")
    assert [[face["number"] for face in row["faces"]] for row in groups["rows"]] == [
        [1, 7],
        [2, 8],
        [3],
        [5],
        [6],
    ]
    assert groups["rows"][0]["faces"][1] == {"photo": "photo-7.png", "number": 7, "face": 1}
    first = results_of(gallery, cluster, limit=2)
    assert first["next"] == 2
    assert "without_face" not in first  # the last page has them
    assert [row["group"] for row in results_of(gallery, cluster, after=4)["rows"]] == [4]
    # The embeddings of a finished grouping are needed by nobody.
    sql = "SELECT count(*) FROM job_photos WHERE vectors IS NOT NULL AND job = ?"
    assert table.store.rows(sql, (table.get(cluster).number,))[0][0] == 0


@in_a_file
def test_a_certificate_and_a_change_of_the_model(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    certify = started(table, "certify", fpir=0.05, traffic=10)
    Worker(gallery).run()
    expected = gallery.certify(0.05, 10).to_dict()
    del expected["place"], expected["made"]
    found = results(gallery, certify)["result"]
    assert found | {"false_alarms": tuple(found["false_alarms"])} == _lists(expected) | {
        "false_alarms": expected["false_alarms"]
    }
    assert (table.get(certify).done, table.get(certify).total) == (4, 4)

    class Other(PixelModel):
        fingerprint = "b" * 64

    # A name is looked up where the gallery opens models.
    monkeypatch.setattr(
        "twinface.recognition.gallery.gallery.load_model", lambda place, threads=None: Other("other")
    )
    reembed = started(table, "reembed", model="sface")
    waiting = started(table, "embed", 2)
    Worker(gallery).run()
    assert results(gallery, reembed)["result"] == {
        "is_finished": True,
        "faces": 8,
        "lost": 0,
        "photograph_again": [],
    }
    assert gallery.stats().model == "other"
    assert table.get(waiting).state == "finished"


def _lists(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


@in_a_file
def test_a_change_of_the_model_that_could_not_be_erased_is_made_once(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done, so doing it again would not help; and the next job must not wait for it."""

    class Other(PixelModel):
        fingerprint = "b" * 64

    monkeypatch.setattr(
        "twinface.recognition.gallery.gallery.load_model", lambda place, threads=None: Other("other")
    )
    monkeypatch.setattr(sqlite, "_WAIT", 0.1)
    table.store.rows("PRAGMA busy_timeout = 100")
    reembed, certify = started(table, "reembed", model="sface"), started(table, "certify")
    with closing(sqlite3.connect(gallery.store.place)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()  # holds the write-ahead log
        Worker(gallery).run()
    job = table.get(reembed)
    assert job.state == "failed"
    assert job.error is not None
    assert "it is done, but the old bytes can still be in the files" in job.error
    assert gallery.stats().model == "other"
    assert table.get(certify).state == "finished"


@in_a_file
def test_results_of_two_models_are_never_in_one_job(gallery: Gallery, table: JobTable) -> None:
    id = started(table, "embed", 6)
    done: list[int] = []

    class Other(PixelModel):
        fingerprint = "b" * 64

    def move(job: Any) -> None:
        done.append(job.done)
        if job.done == 2:
            gallery.reembed(Other("other"))

    Worker(gallery, report=move).run()
    job = table.get(id)
    assert (job.state, job.done) == ("failed", 2)
    assert job.error == "the gallery was moved to another model meanwhile: start the job anew"


def test_two_workers_share_the_jobs(gallery: Gallery, table: JobTable) -> None:
    ids = [started(table, "identify", 6) for _ in range(6)]
    place = getattr(gallery.store, "url", gallery.store.place)
    taken: list[list[str]] = [[], []]

    def work(number: int) -> None:
        with toy_gallery(place) as own:
            Worker(own, report=lambda job: taken[number].append(job.id)).run()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {table.get(id).state for id in ids} == {"finished"}
    assert set(taken[0]).isdisjoint(taken[1])
    first = results(gallery, ids[0])
    assert all(results(gallery, id) == first for id in ids)


def test_a_thread_finds_jobs_and_stops_between_photos(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = kinds.Kind(photo=lambda work, photo: (time.sleep(0.05), kinds.embed(work, photo))[1])
    monkeypatch.setitem(kinds.KINDS, "embed", slow)
    running = Worker(gallery, poll=0.02)
    running.start()
    id = started(table, "embed", 40)
    running.wake()
    until = time.monotonic() + 10
    while table.get(id).done < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert running.stop()
    job = table.get(id)
    assert job.state == "queued"  # nobody has to wait for the end of the lease
    assert 3 <= job.done < 40
    monkeypatch.undo()
    Worker(gallery).run()
    assert [row["number"] for row in results(gallery, id)["rows"]] == list(range(1, 41))


def test_a_job_that_raises_has_failed_and_the_next_one_goes_on(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(work: kinds.Work) -> dict[str, Any]:
        if work.settings.model_dump()["traffic"] == 1:
            raise GalleryError(f"{work.gallery.store.place}: has 1 people with a face, need two or more")
        raise KeyError("person 1")

    monkeypatch.setitem(kinds.KINDS, "certify", kinds.Kind(whole=fail))
    known, unknown = started(table, "certify", traffic=1), started(table, "certify")
    after = started(table, "embed", 2)
    Worker(gallery).run()
    assert table.get(known).error == "the gallery: has 1 people with a face, need two or more"
    assert table.get(unknown).error == "unexpected KeyError"
    assert [table.get(id).state for id in (known, unknown, after)] == ["failed", "failed", "finished"]


def test_a_busy_database_is_tried_again(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, save, calls = started(table, "embed", 3), Leases.save, [0]

    def busy(*given: Any) -> None:
        calls[0] += 1
        if calls[0] % 2:
            raise StorageError("database is locked")
        save(*given)

    monkeypatch.setattr(Leases, "save", busy)
    monkeypatch.setattr(worker, "_PAUSE", 0.01)
    Worker(gallery).run()
    assert (table.get(id).state, calls[0]) == ("finished", 6)


def test_a_full_database_costs_no_photo(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it fails: only processes that die give a photo up."""
    photos, whole = started(table, "embed", 2), started(table, "certify")
    save, left = Leases.save, [60]

    def full(*given: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise StorageError("database or disk is full")
        save(*given)

    def certify(work: kinds.Work) -> dict[str, Any]:
        left[0] -= 1
        if left[0] >= -30:
            raise StorageError("database or disk is full")
        return {}

    monkeypatch.setattr(Leases, "save", full)
    monkeypatch.setitem(kinds.KINDS, "certify", kinds.Kind(whole=certify))
    monkeypatch.setattr(worker, "_PAUSE", 0.0)
    for _ in range(60):  # far more often than a photo may end a process
        with suppress(StorageError):
            Worker(gallery, poll=0.0).run()
    assert [table.get(id).state for id in (photos, whole)] == ["finished", "finished"]
    assert [len(row["faces"]) for row in results(gallery, photos)["rows"]] == [1, 1]
    assert [table.get(id).error for id in (photos, whole)] == [None, None]


def test_why_a_job_has_failed_is_written_once_the_database_can_be(
    gallery: Gallery, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, finish, left = started(table, "certify"), Leases.finish, [11]

    def full(*given: Any, **more: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise StorageError("database or disk is full")
        finish(*given, **more)

    def refused(work: kinds.Work) -> dict[str, Any]:
        raise GalleryError("has 1 people with a face, need two or more")

    monkeypatch.setattr(Leases, "finish", full)
    monkeypatch.setattr(worker, "_PAUSE", 0.0)
    monkeypatch.setitem(kinds.KINDS, "certify", kinds.Kind(whole=refused))
    for _ in range(12):
        with suppress(StorageError):
            Worker(gallery, poll=0.0).run()
        assert table.get(id).state in {"queued", "failed"}  # nobody has to wait for the end of the lease
    assert table.get(id).error == "has 1 people with a face, need two or more"


def test_a_photo_that_ends_each_process_is_left_out(gallery: Gallery, table: JobTable) -> None:
    id, certify = started(table, "embed", 3), started(table, "certify")
    table.store.rows("UPDATE jobs SET tries = 10, state = 'running', lease_until = 0")
    Worker(gallery).run()
    rows = results(gallery, id)["rows"]
    assert rows[0]["problem"] == "photo-1.png: left out, because each process that worked on it has ended"
    assert [len(row["faces"]) for row in rows] == [0, 1, 1]
    assert table.get(certify).state == "failed"


@in_a_file
def test_a_forgotten_person_is_in_no_result(gallery: Gallery, table: JobTable) -> None:
    identify, certify = started(table, "identify", 8), started(table, "certify")
    Worker(gallery).run()
    gallery.rename("person 1", "Anna")
    gallery.forget("person 2")
    rows = results(gallery, identify)["rows"]
    assert rows[0]["faces"][0]["name"] == "Anna"
    face = rows[1]["faces"][0]
    assert (face["name"], face["forgotten"]) == (None, True)
    best = face["candidates"][0]
    assert (best["name"], best["forgotten"], best["id"]) == (None, True, 3)
    assert "forgotten" not in rows[0]["faces"][0]
    shown = str([rows, results(gallery, certify)])
    assert "person 2" not in shown
    assert "person 3" in shown
    for row in table.store.rows(
        "SELECT result, settings, error FROM jobs UNION ALL SELECT result, '', name FROM job_photos"
    ):
        assert b"person " not in bytes(row[0] or b"")


@in_a_file
def test_notes_name_people_too(gallery: Gallery, table: JobTable) -> None:
    gallery.reject("person 1", photo(1, 11))
    id = started(table, "identify", 2)
    Worker(gallery).run()
    [note] = results(gallery, id)["rows"][0]["faces"][0]["notes"]
    assert note == gallery.identify(photo(1, 11)).faces[0].notes[0]
    assert note.startswith("Not person 1: ")
    gallery.forget("person 1")
    [note] = results(gallery, id)["rows"][0]["faces"][0]["notes"]
    assert note.startswith("Not a person who was forgotten: ")


def test_a_deleted_job_leaves_no_byte(tmp_path: Path) -> None:
    place = tmp_path / "g.db"
    with filled(str(place)) as gallery:
        table = JobTable(gallery.contents)
        noise = np.random.default_rng(5)
        big = [(f"holiday-{number}.jpg", noise.bytes(6_000 + 500 * number)) for number in range(20)]
        half = started(table, "embed", 8)
        job = table.create("embed")
        table.add_photos(job.id, big)
        needles = [name.encode() for name, _ in [*big, *photos(8)]]
        needles += [
            data[at : at + 16] for _, data in [*big, *photos(8)] for at in range(0, len(data) - 16, 256)
        ]
        assert _in_files(tmp_path, needles)
        table.start(job.id)
        claims = iter(range(3))
        Worker(gallery, report=lambda job: next(claims, None)).run()
        needles += [
            bytes(row[0])[:16] for row in table.store.rows("SELECT vectors FROM job_photos") if row[0]
        ]
        for each in (half, job.id):
            table.delete(each)
        assert _in_files(tmp_path, needles) == []
        assert isinstance(gallery.store, SqliteStore)
        assert gallery.check() == []


def test_what_could_not_be_erased_is_erased_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinface.recognition.gallery.sqlite._WAIT", 0.2)
    with toy_gallery(tmp_path / "g.db") as gallery, sqlite3.connect(tmp_path / "g.db") as reader:
        table, secret = JobTable(gallery.contents), b"a secret photo" * 3000
        for _ in range(2):
            job = table.create("identify")
            table.add_photos(job.id, [("a.jpg", secret)])
        before, gone = table.jobs()
        reader.isolation_level = None
        reader.execute("BEGIN")
        reader.execute(
            "SELECT count(*) FROM jobs"
        ).fetchall()  # it sees the rows as they were, so the log stays
        for job in (before, gone):
            assert table.cancel(job.id).state == "cancelled"
        with pytest.raises(StorageError):
            table.delete(before.id)
        table.store.rows("UPDATE jobs SET ended = 0 WHERE id = ?", (gone.id,))
        with log_lines() as lines:
            Worker(gallery).run()
        assert table.jobs() == ()
        assert _in_files(tmp_path, [secret[:2000]])
        assert [line for line in lines if "can still hold photos of removed jobs" in line]
        assert str(tmp_path) not in "".join(lines)
        reader.execute("COMMIT")
        Worker(gallery).run()
        assert _in_files(tmp_path, [secret[:2000]]) == []
        size = gallery.store.size()
        assert table.remove_old() == 0
        assert gallery.store.size() == size  # nothing is due any more


def _in_files(folder: Path, needles: list[bytes]) -> list[bytes]:
    content = b"\0".join(file.read_bytes() for file in folder.iterdir())
    return [needle for needle in needles if needle in content]


def test_rows_of_an_encrypted_gallery_are_sealed(tmp_path: Path) -> None:
    key = bytes(range(32))
    with filled(str(tmp_path / "g.db"), key=key) as gallery:
        table = JobTable(gallery.contents)
        id = started(table, "identify", 4)
        waiting = started(table, "embed", 4)
        Worker(gallery, report=lambda job: table.cancel(waiting) if job.done else None).run()
        certify = started(table, "certify")
        Worker(gallery).run()
        clear = [b"photo-", b"damaged", b"probability", b"trained_on", photo(1, 11)[:40]]
        assert _in_files(tmp_path, clear) == []
        assert results(gallery, id)["rows"][0]["faces"][0]["name"] == "person 1"
        assert results(gallery, certify)["result"]["people"] == 4


def test_a_real_model_and_real_faces(tmp_path: Path) -> None:
    data = load_dataset("orl").faces()
    files = [data.root / path for path in data.paths]
    people = [np.flatnonzero(data.people == person) for person in range(3)]
    with Gallery(tmp_path / "g.db", "default", aligned=True, threads=1) as gallery:
        for person, rows in enumerate(people):
            gallery.enroll(f"s{person}", *(files[row] for row in rows[:3]), review="off")
        table = JobTable(gallery.contents)
        given = [files[row] for rows in people for row in rows[3:5]]
        jobs = [table.create(kind).id for kind in ("identify", "cluster")]
        for id in jobs:
            table.add_photos(id, [(file.name, file.read_bytes()) for file in given])
            table.start(id)
        Worker(gallery).run()
        for row, file in zip(results(gallery, jobs[0])["rows"], given, strict=True):
            assert row["faces"] == [face.to_dict() for face in gallery.identify(file).faces]
        faces = [face for row in results(gallery, jobs[1])["rows"] for face in row["faces"]]
        assert sorted(face["number"] for face in faces) == [1, 2, 3, 4, 5, 6]
