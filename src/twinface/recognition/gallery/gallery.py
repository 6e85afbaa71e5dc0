"""A gallery: people who are enrolled, found again, and forgotten."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from twinface.core.errors import GalleryError, ModelMismatchError
from twinface.core.types import Float32Array, ProgressCallback
from twinface.faces.choose import Choice
from twinface.faces.picture import Picture
from twinface.models.embedder import LoadedModel
from twinface.models.load import load_model
from twinface.recognition.gallery import changes, corrections
from twinface.recognition.gallery.certification import Certificate, certify
from twinface.recognition.gallery.contents import (
    FINGERPRINT,
    MODEL,
    GallerySettings,
    model_place,
)
from twinface.recognition.gallery.engine import FPIR, Engine, open_engine
from twinface.recognition.gallery.enrolment import enrol
from twinface.recognition.gallery.identification import identify, verify_person
from twinface.recognition.gallery.identify_files import IdentifiedFiles, identify_files
from twinface.recognition.gallery.records import (
    REVIEWS,
    EnrolledFace,
    Enrolment,
    Identification,
    Person,
    PersonDetails,
    Review,
    Who,
)
from twinface.recognition.gallery.reembedding import Reembedding, mismatch_text, model_info, reembed
from twinface.recognition.gallery.tables import GalleryTables
from twinface.recognition.gallery.transfer import add_embeddings
from twinface.recognition.rates import WantedRates
from twinface.recognition.verdict import Verdict
from twinface.recognition.verifier import Verifier


class Gallery(GalleryTables):
    """People with names, found again by their faces.

    What a call has returned from is on the disk. What is forgotten is gone from the gallery's files. One object may be
    used from several threads, and several processes may use one gallery at a time. After a fork, open it anew.

    Args:
        place: a file, or the URL of a database; None takes `TWINFACE_GALLERY`, then a file in this user's data folder.
        model: see `models.load.load_model`; None takes the gallery's own, and "best" for a new gallery.
        key: of an encrypted gallery: 32 bytes or the path of a key file; None takes the environment's, see
            `key.find_key`.
        create: make the gallery if it is not there, with these settings; one that is there must have been made with
            them.
        faces: which face of a photo with several is meant, where one is: see `Verifier`.
        aligned: take pictures as they are, see `Verifier`.
        threads: of the model for one call, see `models.load.load_model`.

    Raises:
        GalleryError: there is no gallery, and none is to be made.
        KeyNeededError: it is encrypted, and there is no key or another one.
        StorageError: it cannot be opened.

    Example:
        with Gallery("people.db") as gallery:
            gallery.enroll("Ann", "ann-1.jpg", "ann-2.jpg")
            print(gallery.identify("party.jpg").faces[0].name)
            gallery.forget("Ann")
    """

    def __init__(
        self,
        place: str | Path | None = None,
        model: str | Path | LoadedModel | None = None,
        *,
        key: bytes | str | Path | None = None,
        create: bool | GallerySettings = True,
        faces: Choice = "largest",
        aligned: bool = False,
        threads: int | None = None,
    ) -> None:
        super().__init__(place, key=key, create=create)
        self._model, self._choice, self._aligned, self._threads = model, faces, aligned, threads
        self._engine: Engine | None = None
        self._refused: tuple[str, str] | None = None  # the gallery's fingerprint, and what is wrong
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The gallery with its model, which is loaded when it is first needed.

        Raises:
            ModelMismatchError: the gallery was made with another model.
            ModelError: the model is missing or damaged.
        """
        with self._lock:
            # Another process may have moved the gallery to another model since.
            now_there = self.store.info().get(FINGERPRINT)
            if self._engine is None or now_there != self._engine.fingerprint:
                self._engine = None  # it must not come back if the new one cannot be loaded
                self._engine = self._load()
            return self._engine

    def _load(self) -> Engine:
        info = self.store.info()
        if self._refused is not None and self._refused[0] == info.get(FINGERPRINT):
            raise ModelMismatchError(self._refused[1])  # each call would load the model to find out the same
        wanted = self._model if self._model is not None else info.get(MODEL, "best")
        model = self._opened(wanted)
        place = model_place(wanted) if isinstance(wanted, (str, Path)) else model.record.name
        if FINGERPRINT not in info:
            with self.store.write():
                if FINGERPRINT not in self.store.info():
                    for key, value in model_info(model, place, self._aligned).items():
                        self.store.set_info(key, value)
            info = self.store.info()
        if info[FINGERPRINT] != model.fingerprint:
            self._refused = info[FINGERPRINT], mismatch_text(self.store.place, info, model.record.name)
            raise ModelMismatchError(self._refused[1])
        verifier = Verifier(self._served(model), faces=self._choice, aligned=self._aligned)
        return open_engine(self.contents, verifier, model.fingerprint, place)

    def _opened(self, model: str | Path | LoadedModel) -> LoadedModel:
        return load_model(model, self._threads) if isinstance(model, (str, Path)) else model

    def _served(self, model: LoadedModel) -> LoadedModel:
        return model  # a service puts its batches around it

    def reembed(
        self,
        model: str | Path | LoadedModel,
        *,
        leave_out: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Reembedding:
        """Moves the gallery to another model: all embeddings are made anew from the crops that were kept.

        The old ones serve until all new ones are there. A call that was stopped goes on when it is repeated.

        Args:
            model: the new model, see `models.load.load_model`.
            leave_out: finish even if some people have no crop. They stay in the gallery without a face.
            progress: called with (faces done, faces in all).

        Raises:
            GalleryError: it keeps no crops, or not those that the model needs; or another call moves it meanwhile.
            ModelError: the model is missing or damaged.
            StorageError: the gallery cannot be written; or it is moved, and the old embeddings could not be erased.
        """
        loaded = self._opened(model)
        place = model_place(model) if isinstance(model, (str, Path)) else loaded.record.name
        verifier = Verifier(loaded, aligned=self._aligned)
        info = model_info(loaded, place, self._aligned)
        result = reembed(self.contents, verifier, info, leave_out, progress)
        if result.is_finished:
            with self._lock:
                self._model, self._engine, self._refused = model, None, None
            self.store.erase_remains([])
        return result

    # Enrol and ask

    def enroll(
        self,
        name: Who,
        *photos: Picture,
        review: Review = "standard",
        numbers: Sequence[int] | None = None,
    ) -> Enrolment:
        """Enrols photos of a person, who is new or in the gallery already.

        Args:
            name: of the person, or the id of one who is there. Upper and lower case are the same person.
            photos: at least one, in any form that `faces.picture.load_picture` takes.
            review: "off" takes every photo with a face; "standard" refuses poor photos, and photos that do not look
                like the person's others; "strict" also refuses photos that are not good, photos with several faces,
                and people who look like somebody in the gallery.
            numbers: of the face that is meant in each photo, from 1, the largest first; None takes the largest.

        Raises:
            GalleryError: there is no photo, or the name cannot be one.
            ModelMismatchError, ModelError: see `engine`.
            StorageError: the gallery cannot be written; then nothing was enrolled.
        """
        if review not in REVIEWS:
            raise GalleryError(f"review {review!r}: need one of {', '.join(REVIEWS)}")
        if not photos:
            raise GalleryError("found no photo to enrol, need at least one")
        if numbers is not None and len(numbers) != len(photos):
            raise GalleryError(
                f"found {len(numbers)} numbers of faces and {len(photos)} photos, need one for each"
            )
        return enrol(self.engine, name, photos, review, numbers)

    def import_embeddings(
        self, names: Sequence[str], embeddings: Float32Array, quality: Sequence[int] | None = None
    ) -> int:
        """Enrols many new people at once, from embeddings that the gallery's model has made: all of them, or none.

        Args:
            names: of N people who are not in the gallery.
            embeddings: [N, D] float32, of one face each.
            quality: [N], 0 to 100; None if it is not known.

        Returns:
            N.

        Raises:
            DataError: embeddings or qualities do not fit in number or length, or are not finite.
            NameTakenError: a name is taken, or given twice.
            ModelMismatchError, ModelError: see `engine`.
        """
        return add_embeddings(self.engine, names, embeddings, quality)

    def identify(self, photo: Picture, count: int = 5, fpir: float = FPIR) -> Identification:
        """Who is on a photo: every face, the most likely people, and "nobody".

        Args:
            photo: in any form that `faces.picture.load_picture` takes.
            count: of candidates to show for each face, at most, besides the one whose name it gets.
            fpir: of how many strangers one may be taken for somebody, in (0, 1].

        Raises:
            ImageError: the photo cannot be read.
            SettingsError: `fpir` is out of range.
            ModelMismatchError, ModelError: see `engine`.
        """
        return identify(self.engine, photo, count, fpir)

    def identify_files(
        self,
        source: str | Path,
        target: str | Path,
        fpir: float = FPIR,
        progress: ProgressCallback | None = None,
    ) -> IdentifiedFiles:
        """Says who is on each photo of a folder, in a table with a row for each face.

        Memory stays the same for any number of photos. Load the gallery with `threads=1`: each core takes photos of
        its own.

        Args:
            source: a folder, which is searched with all its subfolders; or a text file with one path per line.
            target: the table to write, .csv or .jsonl (`identify_files.IDENTITY_COLUMNS`). It can hold the result of
                an earlier call with the same photos and the same gallery; then only the rest is looked at.
            fpir: see `identify`.
            progress: called with (photos done, photos in all).

        Raises:
            DataError: there is no photo, or `target` holds something else, or the gallery has changed since.
            StorageError: `target` cannot be written.
        """
        return identify_files(self.engine, Path(source), Path(target), fpir, progress)

    def certify(
        self, fpir: float = FPIR, traffic: float = 1000, progress: ProgressCallback | None = None
    ) -> Certificate:
        """Measures how good this gallery is with its model, on its own people.

        Args:
            fpir: see `identify`.
            traffic: strangers a day.
            progress: called with (people done, people in all).

        Raises:
            GalleryError: there are fewer than two people with a face.
        """
        return certify(self.engine, fpir, traffic, progress)

    def verify(
        self, name: Who, photo: Picture, *, rates: WantedRates | None = None, any_quality: bool = False
    ) -> Verdict:
        """Whether a photo shows a person of the gallery.

        Args:
            name: of the person, or the id.
            photo: in any form that `faces.picture.load_picture` takes.
            rates, any_quality: see `Verifier`.

        Raises:
            UnknownPersonError: nobody has that name or id.
            ImageError: the photo cannot be read, or has no face.
            DataError: the wanted rates were not measured for this model.
        """
        return verify_person(self.engine, name, photo, rates, any_quality)

    def show(self, name: Who) -> PersonDetails:
        """Everything about a person: faces, look-alikes, corrections.

        Raises:
            UnknownPersonError: nobody has that name or id.
        """
        person = self.contents.find(name)
        faces = self.store.faces_of([person.id])
        said = self.store.corrections_of([person.id])
        alike = (
            self.engine.look_alikes(self.contents.vector(person.template), person.id)
            if person.template
            else ()
        )
        return PersonDetails(
            self.contents.people([person])[0],
            tuple(EnrolledFace(face.id, face.quality, face.created, face.crop is not None) for face in faces),
            alike,
            confirmed=sum(each.kind == "confirm" for each in said),
            rejected=sum(each.kind == "reject" for each in said),
        )

    def split(self, name: Who, new_name: str, faces: Sequence[int] | None = None) -> tuple[Person, Person]:
        """Makes two people of one.

        Args:
            name: of the person, or the id.
            new_name: of the second one.
            faces: ids of the faces that the second one gets, see `show`; None divides them into the two groups that are
                least alike.

        Raises:
            UnknownPersonError, NameTakenError: see `rename`.
            GalleryError: there is no face to part with, or none would be left; or all faces look like one person.
        """
        return changes.split(self.contents, self.engine, name, new_name, faces)

    # Corrections

    def confirm(self, name: Who, photo: Picture, face: int | None = None) -> Person:
        """Says that a face is a person: the face is enrolled, whatever its quality, and remembered.

        Args:
            name: of the person, or the id.
            photo: in any form that `faces.picture.load_picture` takes.
            face: its number in the photo, from 1, the largest first; None takes the largest.

        Raises:
            UnknownPersonError, ImageError: there is no such person, or no such face.
            GalleryError: another face of this photo is the person's.
        """
        return corrections.confirm(self.engine, name, photo, face)

    def reject(self, name: Who, photo: Picture, face: int | None = None) -> Person:
        """Says that a face is not a person. The person is not found again on this face, nor on faces that are more like
        it than like the person. If the face was enrolled for the person, it is taken away.

        Args, Raises: see `confirm`.
        """
        return corrections.reject(self.engine, name, photo, face)
