"""Archives are unpacked safely: whole or not at all, in bounded memory."""

import gzip
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from archives import GOOD, contents, link, tar_of
from twinface.core.errors import DataError
from twinface.datasets.fetching import unpack as unpack_module
from twinface.datasets.fetching.unpack import unpack


def device(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.CHRTYPE
    return info


def pax_of(name: str, headers: dict[str, str], times: int = 1) -> bytes:
    """An archive of one member with extended headers before it."""
    info = tarfile.TarInfo(name)
    info.pax_headers = headers or {"a": "b"}
    whole = info.create_pax_header(info.get_info(), "utf-8")
    return gzip.compress(whole[:-512] * times + whole[-512:] + bytes(1024), 1)


def sparse(name: str) -> bytes:
    """An archive of one file with holes, as GNU tar writes it; the map of the holes goes on and on."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[482] = 0
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + bytes(1024), 1)


INSIDE = ("lfw_funneled/Ann/Ann_0001.jpg", b"jpeg")


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (tar_of(INSIDE, ("/tmp/evil.jpg", b"")), "'/tmp/evil.jpg' leaves the folder"),
        (tar_of(INSIDE, ("lfw_funneled/../../evil.jpg", b"")), "leaves the folder"),
        (tar_of(INSIDE, ("..\\evil.jpg", b"")), "leaves the folder"),
        (tar_of(INSIDE, link("lfw_funneled/Bob", "/etc")), "is no plain file"),
        (tar_of(INSIDE, link("lfw_funneled/b", "Ann/Ann_0001.jpg", tarfile.LNKTYPE)), "is no plain file"),
        (tar_of(INSIDE, device("lfw_funneled/null")), "is no plain file"),
        (tar_of(("readme", b"")), "holds no pictures of the layout funneled"),
        (tar_of(("lfw/Ann/Ann_0001.jpg", b"")), "holds no pictures of the layout funneled"),
        (
            tar_of(INSIDE, ("lfw_funneled/" + "a/" * 3000 + "b.jpg", b"")),
            "has 6,018 characters, need at most 255",
        ),
        (pax_of("lfw_funneled/a", {"comment": "x" * 20_000_000}), "a header of more than 65,536 bytes"),
        (pax_of("lfw_funneled/a", {"comment": "x" * 2_000}, 40), "a header of more than 65,536 bytes"),
        (pax_of("lfw_funneled/a", {}, 4_000), "cannot be unpacked"),
        (sparse("lfw_funneled/a"), "is no plain file"),
        (b"no archive at all", "cannot be unpacked"),
        (GOOD[: len(GOOD) // 2], "cannot be unpacked"),
    ],
    ids=[
        "absolute",
        "upwards",
        "backslash",
        "symbolic link",
        "hard link",
        "device",
        "no picture",
        "another layout",
        "name of 3,000 folders",
        "long header",
        "many headers",
        "endless headers",
        "sparse file",
        "no archive",
        "half an archive",
    ],
)
def test_unsafe_archives_leave_nothing_behind(tmp_path: Path, archive: bytes, message: str) -> None:
    (tmp_path / "root").mkdir()
    file = tmp_path / "root" / "lfw-funneled.tgz"
    file.write_bytes(archive)
    with pytest.raises(DataError) as caught:
        unpack(file, tmp_path / "root", "funneled")
    assert message in str(caught.value)
    assert contents(tmp_path) == ["root", "root/lfw-funneled.tgz"]


def test_deep_folders_are_unpacked_and_a_failure_removes_them(tmp_path: Path) -> None:
    deep = "lfw_funneled/" + "a/" * 110
    (tmp_path / "lfw-funneled.tgz").write_bytes(tar_of(INSIDE, (deep + "b.jpg", b"")))
    unpack(tmp_path / "lfw-funneled.tgz", tmp_path, "funneled")
    assert (tmp_path / (deep + "b.jpg")).exists()
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "lfw-funneled.tgz").write_bytes(
        tar_of(INSIDE, (deep + "b.jpg", b""), ("/evil", b""))
    )
    with pytest.raises(DataError, match="leaves the folder"):
        unpack(tmp_path / "next" / "lfw-funneled.tgz", tmp_path / "next", "funneled")
    assert contents(tmp_path / "next") == ["lfw-funneled.tgz"]


def test_a_header_of_hundreds_of_megabytes_takes_no_memory(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "lfw-funneled.tgz", "wb", 1) as archive:
        info = tarfile.TarInfo("./PaxHeaders/x")
        info.type, info.size = tarfile.XHDTYPE, 200 << 20
        archive.write(info.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(200):
            archive.write(bytes(1 << 20))
    program = """
import resource, sys
from pathlib import Path
from twinface.core.errors import DataError
from twinface.datasets.fetching.unpack import unpack
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[1]).parent, "funneled")
except DataError as error:
    print(error, file=sys.stderr)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "lfw-funneled.tgz")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "a header of more than 65,536 bytes" in answer.stderr
    assert int(answer.stdout) < 20_000  # kB


@pytest.mark.parametrize("limit", ["MOST_MEMBERS", "MOST_BYTES"])
def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    (tmp_path / "lfw-funneled.tgz").write_bytes(GOOD)
    monkeypatch.setattr(unpack_module, limit, 2)
    with pytest.raises(DataError, match="more than"):
        unpack(tmp_path / "lfw-funneled.tgz", tmp_path, "funneled")
    assert contents(tmp_path) == ["lfw-funneled.tgz"]
