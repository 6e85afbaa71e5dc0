"""Background jobs: make one, add photos, start, watch, read results, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field

from twinface.service.access import Caller, needs
from twinface.service.errors import ApiError
from twinface.service.forms import JsonForm, Options, PhotoForm, example, names_of
from twinface.service.jobs.records import Job, JobKind, JobNotFoundError, JobState, JobStateError
from twinface.service.jobs.results import results_page
from twinface.service.jobs.settings import TAKES_PHOTOS
from twinface.service.jobs.table import JobTable
from twinface.service.parts import Parts, parts_of
from twinface.service.schemas import Answer

_Result = TypeVar("_Result")
AllParts = Annotated[Parts, Depends(parts_of)]
Reader = Annotated[Caller, Depends(needs("read"))]
JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
After = Annotated[int, Query(ge=0, lt=1 << 62)]


class JobRequest(Options):
    """What is to be done."""

    model_config = example(kind="identify", settings={"count": 3, "fpir": 0.01})
    kind: JobKind
    settings: dict[str, Any] = Field(default={}, description="of this kind: see the page about jobs")


JOB, PHOTOS = JsonForm(JobRequest), PhotoForm(Options, "photos")


class JobAnswer(Answer):
    """A job."""

    id: str
    kind: JobKind
    state: JobState = Field(description="photos can be added while it is open")
    done: int
    total: int
    error: str | None = Field(description="why it has failed")
    created: str
    ended: str | None
    settings: dict[str, Any]


class JobsPage(Answer):
    """A page of the list of jobs, the newest first."""

    jobs: list[JobAnswer]
    next: int | None = Field(description="`after` of the next page; null on the last one")


class AddedAnswer(Answer):
    """What became of photos that were to be added."""

    job: JobAnswer
    photos: list[dict[str, Any]]


class JobResults(Answer):
    """A page of results: `rows` and `next`, or `result` for a job without photos."""

    rows: list[dict[str, Any]] | None = None
    next: int | None = Field(None, description="`after` of the next page; null if no more is there yet")
    without_face: list[dict[str, Any]] | None = Field(
        None,
        description="of `cluster`, on the last page: photos that are in no group, each with its `problem`",
    )
    result: dict[str, Any] | None = None


class Deleted(Answer):
    """A job that is gone."""

    deleted: bool


router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post("", status_code=201, response_model=JobAnswer, openapi_extra=JOB.openapi())
async def create(request: Request, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Make a job. Those that take photos begin "open", the others are "queued" at once."""
    wanted = await JOB.read(request)
    _check_scope(caller, wanted.kind)
    answer = await _on(parts, lambda table: table.create(wanted.kind, wanted.settings, caller.id).to_dict())
    parts.worker.wake()
    return answer


@router.get("", response_model=JobsPage)
async def jobs(
    parts: AllParts, caller: Reader, after: After = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """List jobs, the newest first, a page at a time."""

    def work(table: JobTable) -> dict[str, Any]:
        found = table.jobs(after, limit + 1)
        more = found[limit - 1].number if len(found) > limit else None
        return {"jobs": [job.to_dict() for job in found[:limit]], "next": more}

    return await _on(parts, work)


@router.get("/{id}", response_model=JobAnswer)
async def show(id: JobId, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """How far a job is."""
    return await _on(parts, lambda table: table.get(id).to_dict())


@router.post("/{id}/photos", response_model=AddedAnswer, openapi_extra=PHOTOS.openapi())
async def add_photos(id: JobId, request: Request, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Add photos to an open job. Photos for which there is no room are refused, with the reason."""
    form = await PHOTOS.read(request)
    named = [(name, photo.data) for name, photo in zip(names_of(form.photos), form.photos, strict=True)]

    def work(table: JobTable) -> dict[str, Any]:
        added = table.add_photos(id, named)
        return {"job": table.get(id).to_dict(), "photos": [photo.to_dict() for photo in added]}

    return await _on(parts, work)


@router.post("/{id}/start", response_model=JobAnswer)
async def start(id: JobId, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Let an open job be worked on."""
    answer = await _on(parts, lambda table: table.start(id).to_dict())
    parts.worker.wake()
    return answer


@router.get("/{id}/results", response_model=JobResults, response_model_exclude_unset=True)
async def results(
    id: JobId,
    parts: AllParts,
    caller: Reader,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """The results that are there so far, a page at a time."""
    return await _on(parts, lambda table: results_page(table, parts.gallery.contents, id, after, limit))


@router.post("/{id}/cancel", response_model=JobAnswer)
async def cancel(id: JobId, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """End a job: one's own, or with the scope admin any. Results that are there stay; photos that wait are erased."""

    def work(table: JobTable) -> dict[str, Any]:
        _check_owner(caller, table.get(id))
        return table.cancel(id).to_dict()

    return await _on(parts, work)


@router.delete("/{id}", response_model=Deleted)
async def delete(id: JobId, parts: AllParts, caller: Reader) -> dict[str, Any]:
    """Remove a job with its photos and results: one's own, or with the scope admin any."""

    def work(table: JobTable) -> dict[str, Any]:
        _check_owner(caller, table.get(id))
        table.delete(id)
        return {"deleted": True}

    return await _on(parts, work)


def _check_scope(caller: Caller, kind: JobKind) -> None:
    """Jobs about the gallery as a whole are an administrator's."""
    if kind not in TAKES_PHOTOS and "admin" not in caller.scopes:
        raise ApiError(403, "scope_needed", f"{kind} needs a key with the scope admin", {"scope": "admin"})


def _check_owner(caller: Caller, job: Job) -> None:
    """A job may be ended and removed by the caller who made it, and by an administrator."""
    _check_scope(caller, job.kind)
    if caller.id != job.owner and "admin" not in caller.scopes:
        said = "this job is another caller's: need its key, or one with the scope admin"
        raise ApiError(403, "scope_needed", said, {"scope": "admin"})


async def _on(parts: Parts, work: Callable[[JobTable], _Result]) -> _Result:
    """Runs work on the table of jobs in a thread.

    Raises:
        ApiError: 404, there is no such job; 409, it is in another state.
    """

    def done() -> _Result:
        try:
            return work(JobTable(parts.gallery.contents))
        except JobNotFoundError as error:
            raise ApiError(404, "job_not_found", str(error)) from None
        except JobStateError as error:
            raise ApiError(409, "conflict", str(error)) from None

    return await parts.tables.run(done)
