"""Verifies the pairs of a file, any number of them, into a table that a stopped call is continued in."""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from twinface.core.errors import DataError, FaceNotFoundError, ImageError, ModelError, SeveralFacesError
from twinface.core.threads import map_in_order
from twinface.core.types import Float32Array, ProgressCallback
from twinface.datasets.entries import leads_out
from twinface.faces.detect import YUNET
from twinface.recognition.pair_rows import PairRow, PairRows, check_pair_rows
from twinface.recognition.table_file import TableFile, TableFormat
from twinface.recognition.verifier import Verifier

RESULT_COLUMNS = (
    *("outcome", "score", "probability", "threshold"),
    *("left_faces", "right_faces", "left_quality", "right_quality", "reason"),
)
_PHOTOS, _PAIRS = 16, 256  # at most, that a thread works on at a time
_REMEMBERED = 64 << 20  # bytes of embeddings of photos that were read already
_BESIDE = 500  # bytes that a remembered photo takes besides its embedding and twice its path


@dataclass(frozen=True)
class PairFileResult:
    """How many pairs had which outcome. The rows themselves are in the table.

    Attributes:
        pairs: in total.
        same, different: could be told.
        no_face, several_faces: could not, because of the faces in a photo.
        poor_quality, uncertain: could not, because of a face's quality, or because the score is in between.
        unreadable: could not, because a photo could not be read.
    """

    pairs: int
    same: int = 0
    different: int = 0
    no_face: int = 0
    several_faces: int = 0
    poor_quality: int = 0
    uncertain: int = 0
    unreadable: int = 0

    @property
    def untold(self) -> int:
        """Pairs that could not be told."""
        return self.pairs - self.same - self.different


def verify_pairs(
    verifier: Verifier,
    pairs: Path,
    root: Path | None = None,
    out: Path | None = None,
    progress: ProgressCallback | None = None,
) -> PairFileResult:
    """Verifies the pairs of a file, and writes a row for each: its own columns and `RESULT_COLUMNS`.

    A photo that several pairs share is read once, as long as it is among those that were used last. Memory stays the
    same for any number of pairs.

    Args:
        verifier: called from one thread per core, so load its model with `threads=1`.
        pairs: a CSV, see `pair_rows.check_pair_rows`.
        root: the folder that paths are relative to, and may not lead out of; None takes that of `pairs`.
        out: the table to write, .csv or .jsonl; None prints a CSV. It can hold the result of an earlier call with the
            same pairs, root, model and choice of faces; then only the rest is verified.
        progress: called with (pairs done, pairs in total).

    Raises:
        DataError: `pairs` is no such file, `root` no folder, or `out` holds something else.
        ModelError: the model cannot be run.
        DivergedError: an embedding is not finite.
        StorageError: `out` cannot be written.
    """
    root = pairs.parent if root is None else root
    if not root.is_dir():
        raise DataError(
            f"{root}: there is no such folder, need the one that paths in {pairs} are relative to"
        )
    rows = check_pair_rows(pairs, root, taken=RESULT_COLUMNS)
    with _table(verifier, rows, root, out) as table:
        counts = _counted(table, rows, out)
        work = partial(_embedded, verifier=verifier, root=root)
        batches = _plan(rows, skip=counts.total(), length=verifier.record.embedding_size)
        known: dict[str, _Photo] = {}
        for batch, photos in map_in_order(work, batches, together=1):
            known |= photos
            judged = _judged(verifier, rows.columns, batch.pairs, known)
            table.append(judged)
            counts.update(row["outcome"] for row in judged)
            for path in batch.forget:
                del known[path]
            if progress:
                progress(counts.total(), rows.count)
        table.finish()
    return PairFileResult(rows.count, **counts)


def _counted(table: _Table, rows: PairRows, out: Path | None) -> Counter[str]:
    """The outcomes of the pairs that are done."""
    known = {field.name for field in fields(PairFileResult)} - {"pairs"}
    counts = Counter(row.get("outcome") for row in table.kept())
    if not set(counts) <= known or counts.total() > rows.count:
        raise DataError(
            f"{out}: has rows that this command did not write; name another file, or remove this one"
        )
    return Counter({str(outcome): count for outcome, count in counts.items()})


@dataclass(frozen=True, eq=False)
class _Photo:
    """What is remembered of a photo.

    Attributes:
        embedding: [D] float32 of the face that is meant, or None.
        found: how many faces it has, or None if it could not be read or was taken as it is.
        quality: the word, or None.
        outcome, reason: of each pair with it, where there is no embedding.
    """

    embedding: Float32Array | None
    found: int | None
    quality: str | None = None
    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True)
class _Batch:
    """Pairs that are worked on together.

    Attributes:
        pairs: at least one.
        load: paths of photos that are not remembered.
        forget: paths of photos that are forgotten after these pairs.
    """

    pairs: list[PairRow]
    load: list[str]
    forget: list[str]


def _plan(rows: PairRows, skip: int, length: int) -> Iterator[_Batch]:
    """Says which photos to read for which pairs, and which to forget: those that were not used for longest.

    Args:
        rows: all pairs.
        skip: so many are done.
        length: D, of an embedding.
    """
    remembered: OrderedDict[str, int] = OrderedDict()  # path → bytes
    size = 0
    pairs: list[PairRow] = []
    load: list[str] = []
    number = 0
    for number, row in enumerate(rows, start=1):
        if number <= skip:
            continue
        pairs.append(row)
        for path in (row.left, row.right):
            if path not in remembered:
                load.append(path)
                remembered[path] = 4 * length + 2 * len(path) + _BESIDE
                size += remembered[path]
            remembered.move_to_end(path)
        if len(load) >= _PHOTOS or len(pairs) == _PAIRS or number == rows.count:
            forget = []
            while size > _REMEMBERED:
                path, weight = remembered.popitem(last=False)
                forget.append(path)
                size -= weight
            yield _Batch(pairs, load, forget)
            pairs, load = [], []
    if number != rows.count:
        raise DataError(f"{rows.path}: was changed while it was read; call again")


def _embedded(batch: _Batch, verifier: Verifier, root: Path) -> tuple[_Batch, dict[str, _Photo]]:
    return batch, {path: _read(verifier, root, path) for path in batch.load}


def _read(verifier: Verifier, root: Path, name: str) -> _Photo:
    """Reads and embeds a photo. By itself: among others, an embedding has other last bits, and a call that was stopped
    and continued would write other scores.
    """
    try:
        if leads_out(root / name, root):
            raise ImageError(f"{root / name}: is a link that leads out of {root}")
        face = verifier.read(root / name)
    except FaceNotFoundError as error:
        return _Photo(None, error.found, outcome="no_face", reason=str(error))
    except SeveralFacesError as error:
        return _Photo(None, error.found, outcome="several_faces", reason=str(error))
    except ImageError as error:
        return _Photo(None, None, outcome="unreadable", reason=str(error))
    word = face.quality.word if face.quality else None
    return _Photo(verifier.embed_faces(face)[0], face.found if face.detected else None, word)


def _judged(
    verifier: Verifier, columns: tuple[str, ...], pairs: list[PairRow], known: dict[str, _Photo]
) -> list[dict[str, Any]]:
    """The rows of the table for some pairs."""
    photos = [(known[pair.left], known[pair.right]) for pair in pairs]
    told = [(left.embedding, right.embedding) for left, right in photos]
    both = [(left, right) for left, right in told if left is not None and right is not None]
    scores: Iterator[float] = iter(())
    if both:
        left, right = (np.stack(side) for side in zip(*both, strict=True))
        scores = iter(verifier.record.score(left, right).tolist())
    rows = []
    for pair, (first, second) in zip(pairs, photos, strict=True):
        failed = [photo for photo in dict.fromkeys((first, second)) if photo.embedding is None]
        row: dict[str, Any] = dict(zip(columns, pair.cells, strict=True)) | dict.fromkeys(RESULT_COLUMNS)
        row |= {"threshold": verifier.record.threshold.value}
        row |= {"left_faces": first.found, "left_quality": first.quality}
        row |= {"right_faces": second.found, "right_quality": second.quality}
        if failed:
            row |= {"outcome": failed[0].outcome, "reason": "; ".join(photo.reason for photo in failed)}
        else:
            verdict = verifier.judge(next(scores))
            row |= {"outcome": verdict.outcome, "score": verdict.score, "probability": verdict.probability}
            if not verifier.any_quality and "poor" in {first.quality, second.quality}:
                row |= {"outcome": "poor_quality"}
        rows.append(row)
    return rows


class _Table(Protocol):
    """What rows are written to."""

    def kept(self) -> Iterator[dict[str, Any]]: ...
    def append(self, rows: list[dict[str, Any]]) -> None: ...
    def finish(self) -> None: ...


class _Printed:
    """A CSV on stdout."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._format = TableFormat(columns)
        self._write(self._format.header)

    def kept(self) -> Iterator[dict[str, Any]]:
        return iter(())

    def append(self, rows: list[dict[str, Any]]) -> None:
        self._write(b"".join(map(self._format.encode, rows)))

    def finish(self) -> None:
        pass

    def _write(self, data: bytes) -> None:
        sys.stdout.write(data.decode("utf-8", "backslashreplace"))
        sys.stdout.flush()


@contextmanager
def _table(verifier: Verifier, rows: PairRows, root: Path, out: Path | None) -> Iterator[_Table]:
    columns = (*rows.columns, *RESULT_COLUMNS)
    if out is None:
        yield _Printed(columns)
        return
    with TableFile(out, columns, _about(verifier, rows, root)) as table:
        yield table


def _about(verifier: Verifier, rows: PairRows, root: Path) -> dict[str, Any]:
    """What decides whether a table may be continued."""
    fingerprint = getattr(verifier.model, "fingerprint", None)
    if fingerprint is None:
        raise ModelError(
            f"{verifier.record.name}: has no fingerprint, and a table must say which model it is by: need a model that "
            "comes from a file"
        )
    is_aligned = verifier.reader.frame is None
    return {
        "pairs_sha256": rows.sha256,
        "pairs": rows.count,
        "root": str(root.resolve()),
        "model": verifier.record.name,
        "model_sha256": fingerprint,
        "threshold": verifier.record.threshold.value,
        "zone": list(verifier.record.threshold.zone or ()),
        "any_quality": verifier.any_quality,
        "faces": "aligned" if is_aligned else verifier.reader.choice,
        "detector_sha256": None if is_aligned else YUNET.sha256,
    }
