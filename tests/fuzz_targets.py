"""What a fuzzer calls: functions that take any bytes, and may raise one kind of error only.

`test_fuzz.py` calls them for a few seconds with changed seeds; `benchmarks/fuzz.py` for as long as wanted, led by the
lines of code that are reached. Seeds, and inputs that once failed, are in `tests/regressions`, a folder for each.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from twinface.core.errors import DataError, ImageError
from twinface.datasets.lfw.pair_list import read_pair_list
from twinface.datasets.lfw.people_list import read_people_list
from twinface.datasets.pairs_file.csv_rows import is_pairs_csv, read_csv_pairs
from twinface.datasets.pairs_file.people import name_people
from twinface.faces.decode import decode
from twinface.faces.formats.exif import orientation
from twinface.faces.formats.png import drawn_chunks
from twinface.faces.formats.webp import still_webp, webp_frame
from twinface.faces.header import MAX_PIXELS, MIN_SIDE, read_image_header
from twinface.recognition.picture_list import list_pictures

REGRESSIONS = Path(__file__).parent / "regressions"

# In memory where that is possible: on a disk, thousands of small files take longer than reading them.
_MEMORY = Path("/dev/shm")
_FOLDER = tempfile.TemporaryDirectory(prefix="twinface-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None)
_FILE = Path(_FOLDER.name) / f"list-{os.getpid()}"
atexit.register(_FOLDER.cleanup)


def picture_header(data: bytes) -> None:
    """The walk through a picture's structure, and what is given to the decoder after it."""
    try:
        header = read_image_header(data, "picture")
    except ImageError as error:
        assert_one_line(error)
        return
    assert min(header.height, header.width) >= MIN_SIDE
    assert header.height * header.width <= MAX_PIXELS
    assert 1 <= orientation(header.exif) <= 8
    if header.format == "PNG":
        assert set(kept_chunks(drawn_chunks(data))) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
    if header.format == "WebP":
        assert webp_frame(bytes(still_webp(data, webp_frame(data)))).fills_canvas


def kept_chunks(png: bytes) -> list[bytes]:
    """The types of a PNG's chunks until its end chunk."""
    found, position = [], 8
    while not found or found[-1] != b"IEND":
        found.append(png[position + 4 : position + 8])
        position += 12 + int.from_bytes(png[position : position + 4], "big")
    return found


def picture(data: bytes) -> None:
    """A picture, decoded."""
    try:
        pixels = decode(data, "rgb", "picture")
    except ImageError:
        return
    assert pixels.flags.c_contiguous
    assert pixels.shape[2] == 3


def exif_data(data: bytes) -> None:
    """EXIF data."""
    assert 1 <= orientation(data) <= 8


def pair_list(data: bytes) -> None:
    """A list of pairs in LFW's format."""
    _read(data, read_pair_list)


def people_list(data: bytes) -> None:
    """A list of people in LFW's format."""
    _read(data, read_people_list)


def csv_pairs(data: bytes) -> None:
    """A CSV file of pairs."""
    _read(data, lambda file: is_pairs_csv(file) and name_people(file, read_csv_pairs(file)))


def list_of_pictures(data: bytes) -> None:
    """A list of pictures to embed: all that it names are inside its folder."""

    def check(file: Path) -> None:
        folder = os.path.realpath(file.parent)
        for name in list_pictures(file):
            assert os.path.realpath(os.path.join(folder, name)).startswith(folder + os.sep)  # noqa: PTH118

    _read(data, check)


def _read(data: bytes, read: Callable[[Path], object]) -> None:
    _FILE.write_bytes(data)
    try:
        read(_FILE)
    except DataError as error:
        assert_one_line(error)


def assert_one_line(error: Exception) -> None:
    """Whether an error can be shown as it is."""
    assert "\n" not in str(error)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (picture_header, picture, exif_data, pair_list, people_list, csv_pairs, list_of_pictures)
}
