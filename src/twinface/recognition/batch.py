"""Embeds many picture files into a folder.

Memory stays the same for any number of pictures, and a killed run loses only seconds of work. See `embedding_folder`
for the files in the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from twinface.core.errors import DataError, ImageError, StorageError
from twinface.core.file_lock import only_writer
from twinface.core.storage import new_file
from twinface.core.threads import map_in_order
from twinface.core.types import ByteArray, Float32Array, ProgressCallback
from twinface.faces.choose import choose_face
from twinface.faces.detect import YUNET
from twinface.models.embedder import LoadedModel
from twinface.models.load import load_model
from twinface.recognition.embedding_folder import ABOUT, FAILED, LIST, ROWS, About, Faces, read_about
from twinface.recognition.embedding_writer import EmbeddedBatch, EmbeddingWriter
from twinface.recognition.face_table import face_row, faceless_row
from twinface.recognition.photo_faces import AlignedFace
from twinface.recognition.picture_list import write_list
from twinface.recognition.verifier import Verifier

BATCH = 16  # pictures at a time, and faces that the model gets at a time; see `scoring.embed_faces`


@dataclass(frozen=True)
class Embedded:
    """What a folder of embeddings holds.

    Attributes:
        pictures: the number of pictures.
        length: D, of an embedding.
        failed: how many pictures could not be used; `failed.jsonl` names them.
        rows: N, of the array: one for each face, and one of NaN for each failed picture.
    """

    pictures: int
    length: int
    failed: int
    rows: int

    @property
    def faces(self) -> int:
        """The number of faces that were embedded."""
        return self.rows - self.failed


def embed_files(
    source: Path | str,
    target: Path | str,
    model: str | Path | LoadedModel = "best",
    progress: ProgressCallback | None = None,
    *,
    faces: Faces = "largest",
) -> Embedded:
    """Embed the pictures of a folder, or of a list, into the folder `target`, or continue a stopped call.

    Args:
        source: a folder, which is searched with all its subfolders (hidden files and links that lead out of it are left
            out); or a text file with one path per line, relative to that file.
        target: the folder to make. It can hold the result of an earlier call with the same pictures, model and faces;
            then only the rest is embedded.
        model: the name of a model ("best" is the best one that is installed), a run folder, an ONNX file, the
            description of a network, or a loaded model. It is called from one thread per core, so load it with
            `threads=1`.
        progress: called with (pictures done, pictures in total).
        faces: which faces of a picture get a row: "largest", "one" (a picture with several faces fails), "all", or
            "aligned" to take pictures as they are, because they are aligned already. A model whose alignment is not
            known always takes them as they are.

    Raises:
        DataError: there is no picture, a name cannot be used, or `target` holds other embeddings.
        ModelError: the model is missing or damaged.
        DivergedError: an embedding is not finite.
        StorageError: `target` cannot be written, or another process is writing it.
    """
    source, target = Path(source), Path(target)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{target}: cannot be made ({error.strerror})") from error
    with only_writer(target / ".lock", target):
        return _embed_all(source, target, model, progress, faces)


def _embed_all(
    source: Path,
    target: Path,
    model: str | Path | LoadedModel,
    progress: ProgressCallback | None,
    faces: Faces,
) -> Embedded:
    """`embed_files`, with the folder to itself."""
    loaded = load_model(model, threads=1) if isinstance(model, (str, Path)) else model
    verifier = Verifier(loaded, faces="one" if faces == "one" else "largest", aligned=faces == "aligned")
    about = _begin(source, target, loaded, faces if verifier.reader.frame else "aligned")
    if about.failed is None:
        try:
            if not (target / ROWS).exists():
                _embed_rest(source, target, verifier, about, progress)
            failed = sum(1 for _ in (target / FAILED).open("rb"))
            rows = len(np.load(target / ROWS, mmap_mode="r"))
        except OSError as error:
            raise StorageError(
                f"{target}: could not be written ({error.strerror or error}); free some space and call again"
            ) from error
        about = replace(about, failed=failed, rows=rows)
        about.write(target)
    # Folders of 0.2 and before do not say how many rows they have: one a picture.
    return Embedded(about.pictures, about.length, about.failed or 0, about.rows or about.pictures)


def _begin(source: Path, target: Path, model: LoadedModel, faces: Faces) -> About:
    """Write `about.json` and the list of pictures, or check that those in the folder are the same."""
    found = read_about(target)
    if found is None:
        with new_file(target / LIST) as file:
            about = _about(model, faces, *write_list(source, file.write))
        about.write(target)
        return about
    about = _about(model, faces, *write_list(source, lambda line: None))
    for field in ("pictures_sha256", "model_sha256", "faces", "detector_sha256"):
        if getattr(found, field) != getattr(about, field):
            raise DataError(
                f"{target}: holds embeddings of other pictures, of other faces or by another model ({field} in {ABOUT} "
                "differs); name another folder, or remove this one"
            )
    return found


def _about(model: LoadedModel, faces: Faces, pictures: int, pictures_sha256: str) -> About:
    record = model.record
    return About(
        model=record.name,
        model_sha256=model.fingerprint,
        length=record.embedding_size,
        distance=record.distance,
        distance_parameters={name: value.tolist() for name, value in record.distance_parameters.items()},
        threshold=asdict(record.threshold),
        pictures=pictures,
        pictures_sha256=pictures_sha256,
        faces=faces,
        detector_sha256=None if faces == "aligned" else YUNET.sha256,
    )


def _embed_rest(
    source: Path, target: Path, verifier: Verifier, about: About, progress: ProgressCallback | None
) -> None:
    """Embed the pictures that are not embedded yet. After that, `embeddings.npy` is there."""
    root = source if source.is_dir() else source.parent
    work = partial(_embed, verifier=verifier, root=root, faces=about.faces)
    with (
        EmbeddingWriter(target, about, BATCH) as writer,
        (target / LIST).open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines,
    ):
        names = (line.rstrip("\n") for line in islice(lines, writer.done, None))
        batches = iter(lambda: list(islice(names, BATCH)), [])
        for batch in map_in_order(work, batches, together=1):
            writer.append(batch)
            if progress:
                progress(writer.done, about.pictures)
        writer.finish()


def _embed(names: list[str], verifier: Verifier, root: Path, faces: Faces) -> EmbeddedBatch:
    """Embed the faces of pictures. A picture that cannot be used gets a row of NaN."""
    prepared: list[ByteArray] = []
    is_face: list[bool] = []
    rows_of: list[int] = []
    table: list[dict[str, Any]] = []
    reasons = [""] * len(names)
    for number, name in enumerate(names):
        try:
            # Prepared at once: a picture that is taken as it is has up to 25 million pixels.
            for face in _read(verifier, root / name, faces):
                prepared.append(verifier.prepare_face(face))
                table.append(face_row(name, face))
        except ImageError as error:
            reasons[number] = str(error)
            table.append(faceless_row(name, getattr(error, "found", None), str(error)))
        rows_of.append(len(table) - sum(rows_of))
        is_face += [not reasons[number]] * rows_of[-1]
    embeddings = np.full((len(table), verifier.record.embedding_size), np.nan, np.float32)
    if prepared:
        embeddings[is_face] = np.concatenate(list(_embedded(verifier, prepared)))
    return EmbeddedBatch(names, reasons, rows_of, embeddings, () if faces == "aligned" else table)


def _read(verifier: Verifier, path: Path, faces: Faces) -> tuple[AlignedFace, ...]:
    """The faces of a picture that get a row, at least one.

    Raises:
        ImageError: the picture cannot be read, or has no such face.
    """
    if faces != "all":
        return (verifier.reader.read(path),)
    found = verifier.reader.read_all(path)
    if not found:
        choose_face((), "largest", str(path))  # raises
    return found


def _embedded(verifier: Verifier, prepared: list[ByteArray]) -> Iterator[Float32Array]:
    for start in range(0, len(prepared), BATCH):
        yield verifier.model(np.stack(prepared[start : start + BATCH]))
