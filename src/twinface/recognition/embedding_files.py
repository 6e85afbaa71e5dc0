"""Embeds picture files, however many, into a folder; memory stays flat, and a kill costs some seconds of work.

The folder holds

* `pictures.txt`: the pictures, one a line; row i of the embeddings is line i;
* `embeddings.npy`: `[N, D]` float32, a row of NaN for a picture that could not be read;
* `failed.jsonl`: those pictures, with the reason;
* `about.json`: how many, by which model, and how its embeddings are compared.

Until all are embedded, the rows so far are in `embeddings.part`, and the same call goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from twinface.core.errors import DataError, ImageError, StorageError
from twinface.core.storage import new_file, sha256_of, write_json
from twinface.core.threads import map_in_order
from twinface.core.types import Float32Array, ProgressCallback
from twinface.datasets.folder import is_picture, visible
from twinface.faces.crop import prepare_picture
from twinface.models.onnx_model import OnnxModel

BATCH = 16  # faces at a time, see `scoring.embed_faces`
LIST, ROWS, UNFINISHED, FAILED, ABOUT = (
    "pictures.txt",
    "embeddings.npy",
    "embeddings.part",
    "failed.jsonl",
    "about.json",
)


@dataclass(frozen=True)
class Embedded:
    """What a folder of embeddings holds.

    Attributes:
        pictures: N.
        length: D, of an embedding.
        failed: pictures that could not be read.
    """

    pictures: int
    length: int
    failed: int


def embed_files(
    source: Path, model: OnnxModel, target: Path, progress: ProgressCallback | None = None
) -> Embedded:
    """Embeds the pictures of a folder, or of a list, into the folder `target`, or goes on with it.

    Args:
        source: a folder, which is searched to its bottom (hidden files and links that lead out are passed over); or a
            text file that names a picture a line, relative to itself.
        model: embeds; called from one thread a core, so best loaded with `load_model(place, threads=1)`.
        target: is made, or holds what an earlier call with the same pictures and model got done.
        progress: called with (pictures done, pictures in all).

    Raises:
        DataError: there is no picture, a name cannot be used, or `target` holds embeddings of something else.
        DivergedError: an embedding is not finite.
        StorageError: `target` cannot be written.
    """
    source, target = Path(source), Path(target)
    about = _begin(source, model, target)
    if about["failed"] is None:
        try:
            if not (target / ROWS).exists():
                _go_on(source, model, target, about["pictures"], progress)
            failed = sum(1 for _ in (target / FAILED).open("rb"))
        except OSError as error:
            raise StorageError(
                f"{target}: could not be written ({error.strerror or error}); free some space and call again to go on"
            ) from error
        write_json(target / ABOUT, about := about | {"failed": failed})
    return Embedded(about["pictures"], about["length"], about["failed"])


def _begin(source: Path, model: OnnxModel, target: Path) -> dict[str, Any]:
    """What `about.json` says; it and the list of pictures are written, or found to be those that lie there."""
    record, place = model.record, target / ABOUT
    about = {
        "model": record.name,
        "model_sha256": sha256_of(model.path),
        "length": record.embedding_size,
        "distance": record.distance,
        "distance_parameters": {name: value.tolist() for name, value in record.distance_parameters.items()},
        "threshold": asdict(record.threshold),
    }
    if not place.exists():
        with new_file(target / LIST) as file:
            counted = _count(source, file.write)
        write_json(place, about := about | counted | {"failed": None})
        return about
    found: dict[str, Any] = json.loads(place.read_text())
    about |= _count(source, lambda line: None)
    for field in ("pictures_sha256", "model_sha256"):
        if found[field] != about[field]:
            raise DataError(
                f"{target}: holds embeddings of other pictures or by another model ({field} in {ABOUT} differs); "
                "name another folder, or remove this one"
            )
    return found


def _count(source: Path, write: Callable[[bytes], object]) -> dict[str, Any]:
    """Gives each line of the list to `write`; returns how many there are, and their checksum."""
    count, checksum = 0, hashlib.sha256()
    for picture in _pictures(source):
        line = os.fsencode(picture) + b"\n"
        if b"\n" in line[:-1]:
            raise DataError(f"{source}: the name {picture!r} has a line break in it: rename it")
        write(line)
        checksum.update(line)
        count += 1
    if not count:
        raise DataError(
            f"{source}: no pictures, need a folder that holds some, or a text file that names one a line"
        )
    return {"pictures": count, "pictures_sha256": checksum.hexdigest()}


def _pictures(source: Path) -> Iterator[str]:
    """The pictures of a folder, in an order that does not depend on the file system, or those of a list."""
    if source.is_dir():
        yield from _search(source, source)
        return
    try:
        with source.open(encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                if line.strip():
                    yield line.rstrip("\r\n")
    except OSError as error:
        raise DataError(
            f"{source}: cannot be read ({error.strerror}); need a folder or a list of pictures"
        ) from error


def _search(root: Path, folder: Path) -> Iterator[str]:
    entries = sorted((entry.name, entry.is_dir()) for entry in visible(root, folder))
    for name, is_folder in entries:
        path = folder / name
        if is_folder and not path.is_symlink():
            yield from _search(root, path)
        elif not is_folder and is_picture(name):
            yield str(path.relative_to(root))


def _go_on(
    source: Path, model: OnnxModel, target: Path, count: int, progress: ProgressCallback | None
) -> None:
    """Embeds what is not yet embedded; `embeddings.npy` is there when it returns."""
    root = source if source.is_dir() else source.parent
    work = partial(_embed, model=model, root=root)
    with (target / UNFINISHED).open("a+b") as rows, (target / FAILED).open("a+b") as failed:
        done = _rows_so_far(rows, count, model.record.embedding_size)
        _keep_failures_before(failed, done)
        with (target / LIST).open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            names = (line.rstrip("\n") for line in islice(lines, done, None))
            batches = iter(lambda: list(islice(names, BATCH)), [])
            for batch in map_in_order(work, batches, together=1):
                for row, (name, reason) in enumerate(batch.pictures):
                    if reason:
                        line = json.dumps({"row": done + row, "picture": name, "reason": reason})
                        failed.write(line.encode() + b"\n")
                failed.flush()  # before the rows: a row without its reason would be taken for done
                rows.write(batch.embeddings.astype("<f4").tobytes())
                rows.flush()
                done += len(batch.pictures)
                if progress:
                    progress(done, count)
        os.fsync(failed.fileno())
        os.fsync(rows.fileno())
    (target / UNFINISHED).replace(target / ROWS)


def _rows_so_far(rows: IO[bytes], count: int, length: int) -> int:
    """How many rows are whole; what is left of another one is cut off, and a new file gets its header."""
    rows.seek(0)
    try:
        np.lib.format.read_magic(rows)
        np.lib.format.read_array_header_1_0(rows)
    except ValueError:  # nothing is there yet, or not all of it
        rows.seek(0)
        rows.truncate()
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, length)}
        np.lib.format.write_array_header_1_0(rows, header)
        rows.flush()
    begins = rows.tell()
    done = (rows.seek(0, os.SEEK_END) - begins) // (4 * length)
    rows.truncate(begins + done * 4 * length)
    return done


def _keep_failures_before(failed: IO[bytes], done: int) -> None:
    """Cuts off what was noted of rows that will be made again, and a line that was not written to its end."""
    failed.seek(0)
    kept = 0
    for line in failed:
        if not line.endswith(b"\n") or json.loads(line)["row"] >= done:
            break
        kept += len(line)
    failed.truncate(kept)
    failed.seek(0, os.SEEK_END)


class _Batch(NamedTuple):
    """Names of pictures, each with what was wrong with it, and their rows."""

    pictures: list[tuple[str, str]]
    embeddings: Float32Array


def _embed(names: list[str], model: OnnxModel, root: Path) -> _Batch:
    """Pictures that cannot be read are embedded as faces of zeros, and get rows of NaN."""
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
    return _Batch(list(zip(names, reasons, strict=True)), embeddings)
