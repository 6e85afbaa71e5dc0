"""The table of jobs on both stores: states, pages, limits, claims, cancelling, removing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from toy_gallery import NEW_STORES, toy_gallery
from toy_jobs import new_place, photo, photos, started
from twinface.core.errors import SettingsError
from twinface.recognition.gallery.gallery import Gallery
from twinface.service.jobs.leases import LeaseLostError, Leases, PhotoResult
from twinface.service.jobs.records import JobLimits, JobNotFoundError, JobStateError
from twinface.service.jobs.table import JobTable


@pytest.fixture(params=NEW_STORES)
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    with toy_gallery(new_place(request.param, tmp_path)) as opened:
        yield opened


@pytest.fixture
def table(gallery: Gallery) -> JobTable:
    return JobTable(gallery.contents)


def test_a_job_goes_from_open_to_finished(table: JobTable) -> None:
    job = table.create("identify", {"count": 2})
    assert (job.state, job.done, job.total, job.ended) == ("open", 0, 0, None)
    assert abs(job.created - time.time()) < 60
    assert job.settings == {"count": 2, "fpir": 0.01}
    with pytest.raises(JobStateError, match="has no photo yet"):
        table.start(job.id)
    added = table.add_photos(job.id, [*photos(2), ("empty.jpg", b"")])
    assert [each.accepted for each in added] == [True, True, False]
    assert added[2].reasons == ("the file is empty",)
    assert table.add_photos(job.id, photos(1))[0].accepted
    leases = Leases(table)
    assert leases.claim() is None  # it is still open
    assert table.start(job.id).state == "queued"
    assert table.start(job.id).total == 3
    with pytest.raises(JobStateError, match="is queued"):
        table.add_photos(job.id, photos(1))
    claim = leases.claim()
    assert claim is not None
    assert table.get(job.id).state == "running"
    assert leases.claim() is None
    seen = []
    while waiting := leases.next_photo(claim):
        seen.append((waiting.number, waiting.name, waiting.data))
        leases.save(claim, waiting, PhotoResult({"faces": []}))
    given = [*photos(2), *photos(1)]
    assert seen == [(number, *each) for number, each in enumerate(given, start=1)]
    leases.finish(claim, "finished")
    done = table.get(job.id)
    assert (done.state, done.done, done.total) == ("finished", 3, 3)
    assert done.ended is not None
    facts = done.to_dict()
    assert facts["created"].endswith("Z")
    assert set(facts) == {"id", "kind", "state", "done", "total", "error", "created", "ended", "settings"}


def test_kinds_without_photos_wait_at_once(table: JobTable) -> None:
    assert table.create("certify").state == "queued"
    assert table.create("reembed", {"model": "sface"}).state == "queued"


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("dance", {}, "need one of identify, embed, cluster, reembed, certify"),
        ("identify", {"fpir": 0}, "fpir: input should be greater than or equal to 0.0000"),
        ("identify", {"fpir": float("nan")}, "fpir"),
        ("identify", {"count": 101}, "count"),
        ("identify", {"cuont": 1}, "no setting 'cuont'; there are: count, fpir"),
        ("embed", {"faces": "some"}, "faces"),
        ("cluster", {"faces": "all"}, "there are: none"),
        ("reembed", {}, "model: field required"),
        ("reembed", {"model": "/etc/passwd"}, "need the name of a model"),
        ("certify", {"traffic": -1}, "traffic"),
    ],
)
def test_settings_are_checked(tmp_path: Path, kind: str, settings: dict[str, object], said: str) -> None:
    with toy_gallery(tmp_path / "g.db") as gallery, pytest.raises(SettingsError, match=said):
        JobTable(gallery.contents).create(kind, settings)


def test_a_list_comes_in_pages_the_newest_first(table: JobTable) -> None:
    ids = [table.create("embed").id for _ in range(7)]
    seen, after = [], 0
    while page := table.jobs(after, 3):
        seen += [job.id for job in page]
        after = page[-1].number
    assert seen == ids[::-1]
    with pytest.raises(JobNotFoundError, match="nowhere: is not there"):
        table.get("nowhere")


def test_there_is_room_for_so_many_photos(gallery: Gallery) -> None:
    size = len(photo(0))
    table = JobTable(gallery.contents, JobLimits(photos=3, waiting=10_000, photo=size + 50))
    job = table.create("embed")
    added = table.add_photos(job.id, [("big", bytes(size + 51)), *[("small", b"12")] * 4])
    assert [each.accepted for each in added] == [False, True, True, True, False]
    assert "are allowed" in added[0].reasons[0]
    assert "3 photos, and more are not allowed" in added[4].reasons[0]
    table = JobTable(gallery.contents, JobLimits(waiting=3 * size))
    other = table.create("embed")
    added = table.add_photos(other.id, [(str(number), bytes(size)) for number in range(4)])
    assert [each.accepted for each in added] == [True, True, False, False]
    assert "may wait in all jobs together" in added[2].reasons[0]
    table.cancel(other.id)  # its photos wait no more
    assert table.add_photos(table.create("embed").id, [("a", bytes(size))])[0].accepted


def test_a_claim_runs_out_and_the_other_worker_goes_on(table: JobTable) -> None:
    id = started(table, "embed", 3)
    leases = Leases(table, lease=0.15)
    first = leases.claim()
    assert first is not None
    photo = leases.next_photo(first)
    assert photo is not None
    leases.save(first, photo, PhotoResult({"faces": []}))
    assert leases.claim() is None
    late = leases.next_photo(first)
    assert late is not None
    time.sleep(0.2)
    second = leases.claim()
    assert second is not None
    assert (second.job.id, second.tries) == (id, 1)
    for call in (
        lambda: leases.save(first, late, PhotoResult({"faces": ["twice"]})),
        lambda: leases.renew(first),
        lambda: leases.set_progress(first, 1, 2),
        lambda: leases.finish(first, "finished"),
        lambda: leases.release(first),
    ):
        with pytest.raises(LeaseLostError):
            call()
    assert leases.next_photo(first) is None
    again = leases.next_photo(second)
    assert again is not None
    assert (again.number, again.data) == (2, late.data)
    assert [values["faces"] for _, values, _ in leases.found(second)] == [[]]
    leases.release(second)
    assert table.get(id).state == "queued"
    third = leases.claim()
    assert third is not None
    assert third.tries == 1


def test_a_claim_is_kept_by_being_renewed(table: JobTable) -> None:
    started(table, "embed", 3)
    leases = Leases(table, lease=0.3)
    claim = leases.claim()
    assert claim is not None
    for _ in range(4):
        time.sleep(0.1)
        leases.renew(claim)
    assert leases.claim() is None


def test_the_oldest_job_comes_first(table: JobTable) -> None:
    ids = [started(table, "embed", 1) for _ in range(3)]
    leases = Leases(table)
    claims = [leases.claim() for _ in range(4)]
    assert [claim and claim.job.id for claim in claims] == [*ids, None]


def test_a_cancelled_job_keeps_results_and_loses_photos(table: JobTable) -> None:
    id = started(table, "embed", 3)
    leases = Leases(table)
    claim = leases.claim()
    assert claim is not None
    first = leases.next_photo(claim)
    assert first is not None
    leases.save(claim, first, PhotoResult({"faces": []}))
    second = leases.next_photo(claim)
    assert second is not None
    assert table.cancel(id).state == "cancelled"
    with pytest.raises(LeaseLostError):
        leases.save(claim, second, PhotoResult({"faces": []}))
    rows = table.store.rows("SELECT number, photo, result IS NULL FROM job_photos ORDER BY number")
    assert [(row[0], row[1], bool(row[2])) for row in rows] == [
        (1, None, False),
        (2, None, True),
        (3, None, True),
    ]
    assert table.store.rows("SELECT sum(waiting) FROM jobs")[0][0] == 0
    ended = table.get(id).ended
    assert table.cancel(id).ended == ended  # once is enough
    if table.store.local is not None:
        log = table.store.local.with_name(f"{table.store.local.name}-wal")
        assert log.stat().st_size == 0  # where photos would still be


def test_old_jobs_are_removed(gallery: Gallery) -> None:
    table = JobTable(gallery.contents, JobLimits(keep_days=7))
    now = table.clock()
    kept, running, gone, forgotten = (started(table, "embed", 2) for _ in range(4))
    table.cancel(kept)
    table.cancel(gone)
    for id, days in ((kept, 6.9), (gone, 7.1)):
        table.store.rows("UPDATE jobs SET ended = ? WHERE id = ?", (now - 86_400 * days, id))
    table.store.rows("UPDATE jobs SET state = 'open', created = 0 WHERE id = ?", (forgotten,))
    assert table.remove_old() == 2
    assert table.remove_old() == 0
    assert [job.id for job in table.jobs()] == [running, kept]
    assert table.store.rows("SELECT count(*) FROM job_photos")[0][0] == 4
    table.delete(running)
    with pytest.raises(JobNotFoundError):
        table.delete(running)


def test_a_job_without_content_is_removed_without_writing_the_files_anew(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, erase, rewritten = JobTable(gallery.contents), gallery.store.erase_remains, []

    def heard(needles: Sequence[bytes], rewrite: bool = False, tables: Sequence[str] = ()) -> None:
        rewritten.append((rewrite, tables))
        erase(needles, rewrite, tables)

    monkeypatch.setattr(gallery.store, "erase_remains", heard)
    for kind in ("embed", "certify"):
        table.delete(table.create(kind).id)
    assert rewritten == []
    table.delete(started(table, "embed", 1))
    assert table.remove_old() == 0
    assert rewritten == [(True, ("jobs", "job_photos"))]


def test_a_job_knows_who_made_it(table: JobTable) -> None:
    job = table.create("identify", {"count": 2}, "0123456789ab")
    assert (job.owner, job.settings) == ("0123456789ab", {"count": 2, "fpir": 0.01})
    assert table.create("identify").owner is None
    assert "owner" not in job.to_dict()
    table.add_photos(job.id, photos(1))
    table.start(job.id)
    claim = Leases(table).claim()
    assert claim is not None
    assert claim.job.settings == job.settings
    with pytest.raises(SettingsError, match="no setting 'owner'"):
        table.create("identify", {"owner": "somebody else"})
