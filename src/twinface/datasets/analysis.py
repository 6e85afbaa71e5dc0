"""What is in the data, before anything is trained: the counts that every honest report opens with.

Numbers only; plots are drawn from them elsewhere. Counts are over everything; sizes in pixels,
brightness and contrast come from decoding a seeded sample of the pictures and say how many it was.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from twinface.core.errors import DataError
from twinface.core.types import BoolArray, ByteArray, FaceSet, FloatArray, IntArray, PairSet
from twinface.datasets import Dataset

_EXAMPLES = 6
_TOP = 10


@dataclass(frozen=True)
class Spread:
    """How a quantity is distributed: its extremes, quartiles and mean, in its own unit."""

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float
    mean: float

    @classmethod
    def of(cls, values: FloatArray | IntArray) -> Spread:
        """The spread of one or more values.

        >>> Spread.of(np.array([1, 2, 3, 10])).median
        2.5
        """
        low, lower, median, upper, high = np.percentile(values, [0, 25, 50, 75, 100]).tolist()
        return cls(low, lower, median, upper, high, float(np.mean(values)))


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` values lie in [edges[i], edges[i + 1]); the last bin includes its upper edge."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class PeopleAnalysis:
    """How many pictures people have.

    Attributes:
        pictures, people: N and P.
        with_two_or_more: people who can form a genuine pair.
        per_person: spread of pictures a person.
        histogram: (pictures, people who have that many), by pictures.
        top: the people with the most pictures, (name, pictures).
    """

    pictures: int
    people: int
    with_two_or_more: int
    per_person: Spread
    histogram: tuple[tuple[int, int], ...]
    top: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PairsAnalysis:
    """One list of pairs.

    Attributes:
        name: of the list.
        matches, mismatches: pairs by kind.
        folds: number of official folds, 0 where there are none.
        pictures, people: that occur in it.
        repeated: pairs that are listed again, whichever way round.
        in_several_pairs: pictures that occur in more than one pair.
        top_pictures: those that occur most often, (path, pairs).
        example_matches, example_mismatches: positions of a few pairs of each kind, spread over the list.
    """

    name: str
    matches: int
    mismatches: int
    folds: int
    pictures: int
    people: int
    repeated: int
    in_several_pairs: int
    top_pictures: tuple[tuple[str, int], ...]
    example_matches: tuple[int, ...]
    example_mismatches: tuple[int, ...]


@dataclass(frozen=True)
class PicturesAnalysis:
    """The pictures as files and as pixels.

    Attributes:
        total_bytes, file_bytes: over all pictures.
        sampled: how many of all pictures were decoded, as gray, for what follows.
        seed: chose them.
        sizes: (height, width, pictures of the sample), the most frequent first.
        brightness: mean of a picture's pixels, 0 (black) to 255 (white).
        contrast: standard deviation of a picture's pixels, 0 (even) to 127.5.
        brightness_histogram, contrast_histogram: the same, in 16 bins over those ranges.
    """

    total_bytes: int
    file_bytes: Spread
    sampled: int
    seed: int
    sizes: tuple[tuple[int, int, int], ...]
    brightness: Spread
    contrast: Spread
    brightness_histogram: Histogram
    contrast_histogram: Histogram


@dataclass(frozen=True)
class DataAnalysis:
    """All of it.

    Attributes:
        name: of the data.
        faces: pictures a person.
        pairs: one record for each list.
        pictures: files, sizes, brightness, contrast.
        shared_people: [L, L] people that two of the lists have in common, by name; on the diagonal a
            list's own number of people.
        shared_pictures: [L, L] the same for pictures.
    """

    name: str
    faces: PeopleAnalysis
    pairs: tuple[PairsAnalysis, ...]
    pictures: PicturesAnalysis
    shared_people: tuple[tuple[int, ...], ...]
    shared_pictures: tuple[tuple[int, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON has it: dictionaries, lists, texts and numbers."""
        return cast("dict[str, Any]", _plain(asdict(self)))


def analyse(
    data: Dataset | FaceSet, pair_sets: Sequence[PairSet] = (), sample: int = 500, seed: int = 0
) -> DataAnalysis:
    """Counts what is in `data` and in the lists of pairs.

    Args:
        data: a data set, of which every picture counts, or some faces.
        pair_sets: L lists of pairs.
        sample: at most how many pictures to decode.
        seed: chooses them.

    Raises:
        DataError: there are no pictures, or one is missing.
        ImageError: a picture of the sample is damaged.
    """
    faces = data if isinstance(data, FaceSet) else data.faces()
    if not len(faces) or sample < 1:
        raise DataError(
            f"{faces.name}: {len(faces)} pictures and a sample of {sample}, need 1 or more of each"
        )
    return DataAnalysis(
        name=faces.name,
        faces=_people(faces),
        pairs=tuple(_pairs(pairs) for pairs in pair_sets),
        pictures=_pictures(faces, sample, seed),
        shared_people=_shared([set(pairs.faces.names) for pairs in pair_sets]),
        shared_pictures=_shared([_paths(pairs) for pairs in pair_sets]),
    )


def _people(faces: FaceSet) -> PeopleAnalysis:
    counts = np.bincount(faces.people, minlength=len(faces.names))
    numbers, people = np.unique(counts, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:_TOP].tolist()
    return PeopleAnalysis(
        pictures=len(faces),
        people=len(faces.names),
        with_two_or_more=int(np.count_nonzero(counts >= 2)),
        per_person=Spread.of(counts),
        histogram=tuple(zip(numbers.tolist(), people.tolist(), strict=True)),
        top=tuple((faces.names[person], int(counts[person])) for person in most),
    )


def _pairs(pairs: PairSet) -> PairsAnalysis:
    sides = np.stack([pairs.left, pairs.right], axis=1)
    uses = np.bincount(sides.reshape(-1), minlength=len(pairs.faces))
    most = [picture for picture in np.argsort(-uses, kind="stable")[:_TOP].tolist() if uses[picture] > 1]
    return PairsAnalysis(
        name=pairs.name,
        matches=int(np.count_nonzero(pairs.is_match)),
        mismatches=int(np.count_nonzero(~pairs.is_match)),
        folds=0 if pairs.fold is None else len(np.unique(pairs.fold)),
        pictures=int(np.count_nonzero(uses)),
        people=len(np.unique(pairs.people)),
        repeated=len(pairs) - len(np.unique(np.sort(sides, axis=1), axis=0)),
        in_several_pairs=int(np.count_nonzero(uses > 1)),
        top_pictures=tuple((pairs.faces.paths[picture], int(uses[picture])) for picture in most),
        example_matches=_examples(pairs.is_match),
        example_mismatches=_examples(~pairs.is_match),
    )


def _examples(kind: BoolArray) -> tuple[int, ...]:
    positions = np.flatnonzero(kind)
    if not len(positions):
        return ()
    spread = np.linspace(0, len(positions) - 1, min(_EXAMPLES, len(positions))).round().astype(int)
    return tuple(positions[spread].tolist())


def _pictures(faces: FaceSet, sample: int, seed: int) -> PicturesAnalysis:
    file_bytes = np.array([_size(faces, path) for path in faces.paths], dtype=np.int64)
    chosen = np.random.default_rng(seed).permutation(len(faces))[:sample]
    brightness, contrast = np.empty(len(chosen)), np.empty(len(chosen))
    sizes: Counter[tuple[int, int]] = Counter()
    for row, index in enumerate(np.sort(chosen).tolist()):
        pixels = _gray(faces, faces.paths[index])
        sizes[pixels.shape[0], pixels.shape[1]] += 1
        brightness[row], contrast[row] = pixels.mean(), pixels.std()
    return PicturesAnalysis(
        total_bytes=int(file_bytes.sum()),
        file_bytes=Spread.of(file_bytes),
        sampled=len(chosen),
        seed=seed,
        sizes=tuple((height, width, count) for (height, width), count in sizes.most_common()),
        brightness=Spread.of(brightness),
        contrast=Spread.of(contrast),
        brightness_histogram=_histogram(brightness, 255.0),
        contrast_histogram=_histogram(contrast, 127.5),
    )


def _size(faces: FaceSet, path: str) -> int:
    try:
        return os.stat(f"{faces.root}/{path}").st_size  # noqa: PTH116 (twice as fast over 13,000 pictures)
    except OSError as error:
        raise DataError(f"{faces.root}/{path}: it cannot be read ({error.strerror})") from error


def _gray(faces: FaceSet, path: str) -> ByteArray:
    # Imported here so that counting alone needs no OpenCV.
    from twinface.faces.picture import load_picture

    return load_picture(faces.root / path, "gray")


def _histogram(values: FloatArray, top: float) -> Histogram:
    counts, edges = np.histogram(values, bins=16, range=(0.0, top))
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def _paths(pairs: PairSet) -> set[str]:
    return {os.path.join(pairs.faces.root, path) for path in pairs.faces.paths}  # noqa: PTH118


def _shared(sets: Sequence[set[str]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(len(one & other) for other in sets) for one in sets)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value
