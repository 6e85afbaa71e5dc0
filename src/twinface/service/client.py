"""The library's calls, answered by a service on another machine."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np

from twinface.core.errors import GalleryError, UnknownPersonError
from twinface.core.formatting import one_line
from twinface.core.types import Float32Array
from twinface.faces.files import read_bytes
from twinface.faces.picture import Picture, load_picture
from twinface.recognition.canvas import encode_png
from twinface.recognition.compare import Comparison
from twinface.recognition.gallery.records import Enrolment, Identification, Person, PersonDetails, Review
from twinface.recognition.rates import WantedRates
from twinface.recognition.verdict import Verdict, VerdictFace
from twinface.service import client_records
from twinface.service.client_errors import ServiceError, code_of, error_of, foreign

ADDRESS, KEY = "TWINFACE_SERVER", "TWINFACE_API_KEY"
_AGAIN = {429, 503}
_MAYBE_DONE = {"too_slow", "storage"}  # codes of 503 after which the call may have been done all the same
# Ends of the paths of calls that change nothing.
_ASKING = {"verify", "compare", "detect", "embeddings", "identify", "find"}
_LONGEST_WAIT = 30.0  # seconds before a call is sent again
_PAGE = 1000


class Client:
    """A gallery and its model on another machine; the methods are those of `Gallery` and of the library.

    A call that the service refuses because it is busy is sent again. So is one whose connection breaks, if a second
    time does no harm: what only asks, `forget`, and enrolments, which carry an idempotency key. The others raise
    `ServiceError`, and may have been done. Safe to use from several threads.

    Args:
        address: such as "http://127.0.0.1:8000"; None takes `TWINFACE_SERVER`, then this one.
        key: an API key; None takes `TWINFACE_API_KEY`.
        timeout: seconds for one answer.
        attempts: how often a call is sent, at most.

    Raises:
        ServiceError: the address is none of HTTP, or the key has characters that no key has.

    Example:
        with twinface.Client("http://127.0.0.1:8000") as client:
            client.enroll("Ann", "ann-1.jpg")
            print(client.identify("party.jpg").faces[0].name)
    """

    def __init__(
        self, address: str | None = None, key: str | None = None, *, timeout: float = 60, attempts: int = 5
    ) -> None:
        address = address or os.environ.get(ADDRESS, "http://127.0.0.1:8000")
        if not address.startswith(("http://", "https://")):
            raise ServiceError(f"address: found {address!r}, need one such as http://127.0.0.1:8000")
        key = key or os.environ.get(KEY)
        if key and not (key.isascii() and key.isprintable()):
            raise ServiceError(
                "key: found characters that no key has, need one as `twinface keys make` prints it"
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout)
        self._attempts = attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    # Photos

    def verify(
        self,
        left: Picture,
        right: Picture,
        *,
        rates: WantedRates | None = None,
        any_quality: bool = False,
        left_face: int | None = None,
        right_face: int | None = None,
    ) -> Verdict:
        """Whether two photos show the same person.

        Args:
            left, right: in any form that `faces.picture.load_picture` takes.
            rates, any_quality: see `Verifier`.
            left_face, right_face: number of the face that is meant, from 1, the largest first.

        Raises:
            ImageError: a photo cannot be read, or has no face. (The library has a verdict for the latter.)
            ServiceError: there is no answer, or another error.
        """
        fields = {**_wanted(rates, any_quality), "left_face": left_face, "right_face": right_face}
        return client_records.verdict_of(self._photos("/v1/verify", fields, left=left, right=right))

    def compare(self, left: Picture, right: Picture) -> Comparison:
        """Compares all faces of two photos. Args, Raises: see `verify`."""
        return client_records.comparison_of(self._photos("/v1/compare", left=left, right=right))

    def detect(self, photo: Picture) -> tuple[VerdictFace, ...]:
        """The faces of a photo, the largest first. Raises: see `verify`."""
        return tuple(map(client_records.face_of, self._photos("/v1/detect", photo=photo)["faces"]))

    def embed(self, photo: Picture, *, every: bool = False) -> Float32Array:
        """Embeddings of the largest face of a photo or of every face: [N, D] float32. Raises: see `verify`."""
        found = self._photos("/v1/embeddings", {"faces": "all" if every else "largest"}, photo=photo)
        vectors = [face["embedding"] for face in found["faces"]]
        # An older service does not say it.
        size = len(vectors[0]) if vectors else found.get("embedding_size", 0)
        return np.array(vectors, np.float32).reshape(len(vectors), size)

    # People

    def enroll(self, name: str, *photos: Picture, review: Review = "standard") -> Enrolment:
        """Enrols photos of a person; see `Gallery.enroll`.

        Raises:
            GalleryError: there is no photo.
            ServiceError: the name cannot be one, there is no answer, or another error.
        """
        if not photos:
            raise GalleryError("found no photo to enrol, need at least one")
        files = [("photos", part) for part in map(_part, photos)]
        again = {"Idempotency-Key": secrets.token_hex(16)}
        try:
            found = self._call(
                "POST", "/v1/people", files=files, data={"name": name, "review": review}, headers=again
            )
        except ServiceError as error:
            if error.code != "no_photo_accepted":
                raise
            found = {
                "name": name,
                "id": None,
                "is_new": False,
                "look_alikes": [],
                "notes": [],
                **error.details,
            }
        return client_records.enrolment_of(found)

    def identify(self, photo: Picture, count: int = 5, fpir: float = 0.01) -> Identification:
        """Who is on a photo; see `Gallery.identify`. Raises: see `verify`."""
        found = self._photos("/v1/identify", {"count": count, "fpir": fpir}, photo=photo)
        return client_records.identification_of(found)

    def verify_person(
        self, name: str, photo: Picture, *, rates: WantedRates | None = None, any_quality: bool = False
    ) -> Verdict:
        """Whether a photo shows a person of the gallery; see `Gallery.verify`."""
        path = f"/v1/people/{self._id(name)}/verify"
        return client_records.verdict_of(self._photos(path, _wanted(rates, any_quality), photo=photo))

    def people(self, after: int = 0, limit: int = _PAGE) -> tuple[Person, ...]:
        """A page of the list of people; see `Gallery.people`."""
        found = self._call("GET", "/v1/people", params={"after": after, "limit": limit})
        return tuple(map(client_records.person_of, found["people"]))

    def __iter__(self) -> Iterator[Person]:
        after = 0
        while page := self.people(after):
            yield from page
            after = page[-1].id

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._found(name) is not None

    def show(self, name: str) -> PersonDetails:
        """Everything about a person; see `Gallery.show`."""
        return client_records.details_of(self._call("GET", f"/v1/people/{self._id(name)}"))

    def rename(self, name: str, new_name: str) -> Person:
        """Gives a person another name; see `Gallery.rename`."""
        return client_records.person_of(
            self._call("PATCH", f"/v1/people/{self._id(name)}", json={"name": new_name})
        )

    def merge(self, name: str, other: str) -> Person:
        """Makes two people one; see `Gallery.merge`."""
        asked = {"other": self._id(other)}
        return client_records.person_of(self._call("POST", f"/v1/people/{self._id(name)}/merge", json=asked))

    def split(self, name: str, new_name: str, faces: Sequence[int] | None = None) -> tuple[Person, Person]:
        """Makes two people of one; see `Gallery.split`."""
        asked = {"name": new_name, "faces": None if faces is None else list(faces)}
        return self._two(f"/v1/people/{self._id(name)}/split", asked)

    def move(self, face: int, name: str, to: str) -> tuple[Person, Person]:
        """Gives an enrolled face to another person; see `Gallery.move`."""
        return self._two(f"/v1/people/{self._id(name)}/faces/{face}/move", {"to": self._id(to)})

    def confirm(self, name: str, photo: Picture, face: int | None = None) -> Person:
        """Says that a face is a person; see `Gallery.confirm`."""
        return self._corrected("confirm", name, photo, face)

    def reject(self, name: str, photo: Picture, face: int | None = None) -> Person:
        """Says that a face is not a person; see `Gallery.reject`."""
        return self._corrected("reject", name, photo, face)

    def forget(self, name: str) -> None:
        """Removes a person for good; see `Gallery.forget`."""
        self._call("DELETE", f"/v1/people/{self._id(name)}")

    # Calls

    def _two(self, path: str, asked: dict[str, Any]) -> tuple[Person, Person]:
        first, second = map(client_records.person_of, self._call("POST", path, json=asked)["people"])
        return first, second

    def _corrected(self, how: str, name: str, photo: Picture, face: int | None) -> Person:
        fields = {} if face is None else {"face": face}
        return client_records.person_of(
            self._photos(f"/v1/people/{self._id(name)}/{how}", fields, photo=photo)
        )

    def _found(self, name: str) -> int | None:
        people = self._call("POST", "/v1/people/find", json={"name": name})["people"]
        return people[0]["id"] if people else None

    def _id(self, name: str) -> int:
        found = self._found(name)
        if found is None:
            raise UnknownPersonError(f"nobody in the gallery is named {name!r}")
        return found

    def _photos(self, path: str, fields: dict[str, Any] | None = None, **photos: Picture) -> Any:
        files = [(name, _part(photo)) for name, photo in photos.items()]
        given = {name: value for name, value in (fields or {}).items() if value is not None}
        data = {name: str(value).lower() for name, value in given.items()}
        return self._call("POST", path, files=files, data=data)

    def _call(self, method: str, path: str, **more: Any) -> Any:
        """Sends a call until it is answered with something else than "busy".

        Raises:
            TwinfaceError: the answer is an error, or there is none.
        """
        is_harmless = (
            method == "GET"
            or path.rpartition("/")[2] in _ASKING
            or "Idempotency-Key" in more.get("headers", {})
        )
        is_lost = False  # whether a call was sent whose answer did not come
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._http.request(method, path, **more)
            except httpx.HTTPError as error:
                is_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
                is_lost = is_lost or is_sent
                if attempt == self._attempts or (is_sent and not (is_harmless or method == "DELETE")):
                    unsure = "; it may have been done all the same" if is_lost and not is_harmless else ""
                    raise ServiceError(f"{self._http.base_url}: no answer ({error}){unsure}") from error
                time.sleep(min(_LONGEST_WAIT, 0.25 * 2**attempt))
                continue
            if answer.status_code == 404 and method == "DELETE" and is_lost:
                return {}  # done by the call before
            is_refused = answer.status_code in _AGAIN and (is_harmless or code_of(answer) not in _MAYBE_DONE)
            if not is_refused or attempt == self._attempts:
                break
            wait = answer.headers.get("Retry-After", "")  # seconds; a proxy may send a date
            time.sleep(min(_LONGEST_WAIT, float(wait) if wait.isdecimal() else 1.0))
        if not answer.is_success:
            raise error_of(answer)
        try:
            return answer.json()
        except ValueError:
            raise foreign(answer) from None


def _wanted(rates: WantedRates | None, any_quality: bool) -> dict[str, Any]:
    """As the service takes them."""
    return {**asdict(rates or WantedRates()), "any_quality": any_quality}


def _part(photo: Picture) -> tuple[str, bytes]:
    """A photo as a part of a form: its file's name and bytes."""
    if isinstance(photo, (str, Path)):
        return one_line(Path(photo).name), read_bytes(photo)  # the name may hold bytes that are not UTF-8
    if isinstance(photo, bytes):
        return "photo", photo
    return "photo", encode_png(load_picture(photo, "rgb"))
