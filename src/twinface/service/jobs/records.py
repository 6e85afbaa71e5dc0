"""What a job is, how many photos it may have, and what can be wrong with a call about one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from twinface.core.errors import TwinfaceError

JobKind = Literal["identify", "embed", "cluster", "reembed", "certify"]
JobState = Literal["open", "queued", "running", "finished", "failed", "cancelled"]
ENDED: tuple[JobState, ...] = ("finished", "failed", "cancelled")


class JobNotFoundError(TwinfaceError):
    """A job that is not there, or is not there any more."""


class JobStateError(TwinfaceError):
    """A job in another state than the call needs."""


@dataclass(frozen=True)
class Job:
    """A job as callers see it.

    Attributes:
        id: a random text.
        number: rises with every new job of this gallery.
        kind: what is done.
        state: "open" (photos can be added), "queued", "running", "finished", "failed" or "cancelled".
        done, total: photos; people or faces where the job has no photos.
        created, ended: seconds since 1970; `ended` is None until then.
        settings: plain values.
        error: why it failed, in one line.
        owner: the id of the caller who made it over REST; None if it was made on the command line.
    """

    id: str
    number: int
    kind: JobKind
    state: JobState
    done: int
    total: int
    created: float
    ended: float | None
    settings: dict[str, Any]
    error: str | None = None
    owner: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the owner; times in UTC as ISO 8601."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "error": self.error,
            "created": _time(self.created),
            "ended": None if self.ended is None else _time(self.ended),
            "settings": self.settings,
        }


@dataclass(frozen=True)
class AddedPhoto:
    """What became of a photo that was to be added to a job.

    Attributes:
        photo: its name.
        accepted: whether the job has it now.
        reasons: why not.
    """

    photo: str
    accepted: bool
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"photo": self.photo, "accepted": self.accepted, "reasons": list(self.reasons)}


@dataclass(frozen=True)
class JobLimits:
    """How much may wait in a gallery.

    Attributes:
        photos: of one job.
        waiting: bytes of photos that wait, of all jobs together.
        photo: bytes of one photo.
        keep_days: a job is removed so many days after its end, or after its creation if it was never started.
    """

    photos: int = 100_000
    waiting: int = 4 << 30
    photo: int = 64 << 20  # what `faces.files.read_bytes` takes
    keep_days: float = 7.0


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
