"""Embeds many picture files into a folder.

Memory stays the same for any number of pictures, and a killed run loses only seconds of work. See `embedding_folder`
for the files in the folder.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from twinface.core.errors import DataError, ImageError, StorageError
from twinface.core.storage import new_file
from twinface.core.threads import map_in_order
from twinface.core.types import Float32Array, ProgressCallback
from twinface.faces.crop import prepare_picture
from twinface.models.load import load_model
from twinface.models.embedder import LoadedModel
from twinface.recognition.embedding_folder import (
    ABOUT,
    FAILED,
    LIST,
    ROWS,
    About,
    read_about,
)
from twinface.recognition.embedding_writer import EmbeddingWriter
from twinface.recognition.picture_list import write_list

BATCH = 16  # faces at a time, see `scoring.embed_faces`


@dataclass(frozen=True)
class Embedded:
    """What a folder of embeddings holds.

    Attributes:
        pictures: N, the number of pictures.
        length: D, of an embedding.
        failed: how many pictures could not be read; `failed.jsonl` names them.
    """

    pictures: int
    length: int
    failed: int


def embed_files(
    source: Path | str,
    target: Path | str,
    model: str | Path | LoadedModel = "default",
    progress: ProgressCallback | None = None,
) -> Embedded:
    """Embed the pictures of a folder, or of a list, into the folder `target`, or continue a stopped call.

    Args:
        source: a folder, which is searched with all its subfolders (hidden files and links that lead out of it are left
            out); or a text file with one path per line, relative to that file.
        target: the folder to make. It can hold the result of an earlier call with the same pictures and model; then
            only the rest is embedded.
        model: a run folder, an ONNX file, the name of a model that comes with Twinface, or a loaded model. It is called
            from one thread per core, so load it with `threads=1`.
        progress: called with (pictures done, pictures in total).

    Raises:
        DataError: there is no picture, a name cannot be used, or `target` holds embeddings of other pictures or by
            another model.
        ModelError: the model is missing or damaged.
        DivergedError: an embedding is not finite.
        StorageError: `target` cannot be written.
    """
    source, target = Path(source), Path(target)
    loaded = load_model(model, threads=1) if isinstance(model, (str, Path)) else model
    about = _begin(source, target, loaded)
    if about.failed is None:
        try:
            if not (target / ROWS).exists():
                _embed_rest(source, target, loaded, about, progress)
            failed = sum(1 for _ in (target / FAILED).open("rb"))
        except OSError as error:
            raise StorageError(
                f"{target}: could not be written ({error.strerror or error}); free some space and call again"
            ) from error
        about = replace(about, failed=failed)
        about.write(target)
    return Embedded(about.pictures, about.length, about.failed or 0)


def _begin(source: Path, target: Path, model: LoadedModel) -> About:
    """Write `about.json` and the list of pictures, or check that those in the folder are the same."""
    found = read_about(target)
    if found is None:
        with new_file(target / LIST) as file:
            about = _about(model, *write_list(source, file.write))
        about.write(target)
        return about
    about = _about(model, *write_list(source, lambda line: None))
    for field in ("pictures_sha256", "model_sha256"):
        if getattr(found, field) != getattr(about, field):
            raise DataError(
                f"{target}: holds embeddings of other pictures or by another model ({field} in {ABOUT} differs); "
                "name another folder, or remove this one"
            )
    return found


def _about(model: LoadedModel, pictures: int, pictures_sha256: str) -> About:
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
    )


def _embed_rest(
    source: Path, target: Path, model: LoadedModel, about: About, progress: ProgressCallback | None
) -> None:
    """Embed the pictures that are not embedded yet. After that, `embeddings.npy` is there."""
    work = partial(_embed, model=model, root=source if source.is_dir() else source.parent)
    with (
        EmbeddingWriter(target, about.pictures, about.length) as writer,
        (target / LIST).open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines,
    ):
        names = (line.rstrip("\n") for line in islice(lines, writer.done, None))
        batches = iter(lambda: list(islice(names, BATCH)), [])
        for batch in map_in_order(work, batches, together=1):
            writer.append(batch.names, batch.reasons, batch.embeddings)
            if progress:
                progress(writer.done, about.pictures)
        writer.finish()


@dataclass(frozen=True, eq=False)
class _Batch:
    """B pictures: their paths, why they could not be read ("" if they could), and embeddings `[B, D]` float32."""

    names: list[str]
    reasons: list[str]
    embeddings: Float32Array


def _embed(names: list[str], model: LoadedModel, root: Path) -> _Batch:
    """Embed pictures. One that cannot be read is embedded as a black face, and then gets a row of NaN."""
    preparation = model.record.preparation
    faces = np.zeros((len(names), preparation.height, preparation.width, preparation.channels), np.uint8)
    reasons = [""] * len(names)
    for row, name in enumerate(names):
        try:
            faces[row] = prepare_picture(root / name, preparation)
        except ImageError as error:
            reasons[row] = str(error)
    embeddings = model(faces)
    embeddings[[bool(reason) for reason in reasons]] = np.nan
    return _Batch(names, reasons, embeddings)
