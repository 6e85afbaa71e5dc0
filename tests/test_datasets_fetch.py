"""Downloads, from a server on the loopback: checked, safe, whole or not at all, and continued."""

import functools
import gzip
import hashlib
import http.server
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.core.types import FaceSet
from twinface.datasets.fetching import unpack as unpack_module
from twinface.datasets.fetching.download import RemoteFile
from twinface.datasets.fetching.fetch_lfw import fetch_lfw
from twinface.datasets.fetching.lfw_files import LFW_ARCHIVES, LFW_LISTS
from twinface.datasets.fetching.unpack import unpack
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.lfw.rebuilt_lists import rebuild_people_lists

pytest.importorskip("pooch")

LISTS = {
    "pairsDevTrain.txt": b"1\nAnn\t1\t2\nBob\t1\tAnn\t1\n",
    "peopleDevTrain.txt": b"2\nAnn\t2\nBob\t1\n",
}
PICTURES = ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob/Bob_0001.jpg")


def tar_of(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


GOOD = tar_of(*((f"lfw_funneled/{path}", b"jpeg") for path in PICTURES), ("lfw_funneled/pairs_01.txt", b""))


class Server:
    """Serves `files`, and remembers what was asked for."""

    def __init__(self) -> None:
        self.files = {"lfw-funneled.tgz": GOOD, **LISTS}
        self.asked: list[str] = []
        handler = functools.partial(_Handler, self)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/"

    def remote(self, name: str, contents: bytes, *before: str) -> RemoteFile:
        digest = hashlib.sha256(contents).hexdigest()
        return RemoteFile(name, f"sha256:{digest}", (*before, self.address + name))

    def fetch(self, root: Path, *before: str, offline: bool = False) -> Path:
        archives = {"funneled": self.remote("lfw-funneled.tgz", GOOD, *before)}
        lists = [self.remote(name, contents) for name, contents in LISTS.items()]
        return fetch_lfw(root, "funneled", offline, archives, lists)


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, server: Server, *rest: object) -> None:
        self.source = server
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        self.source.asked.append(name)
        contents = self.source.files.get(name)
        self.send_response(404 if contents is None else 200)
        self.send_header("Content-Length", str(len(contents or b"")))
        self.end_headers()
        self.wfile.write(contents or b"")

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Server()
    thread = threading.Thread(target=served.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.http.shutdown()
    served.http.server_close()
    thread.join()


def contents(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_pictures_and_lists_arrive_and_open(server: Server, tmp_path: Path) -> None:
    root = server.fetch(tmp_path / "new" / "lfw")
    lfw = Lfw(root, "funneled")
    assert lfw.training_faces().paths == PICTURES
    assert len(lfw.training_pairs()) == 2
    assert [name for name in contents(root) if "/" not in name] == ["lfw_funneled", *LISTS], "no leftovers"


def test_what_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    server.fetch(tmp_path)
    server.asked.clear()
    server.fetch(tmp_path)
    assert server.asked == []
    (tmp_path / "pairsDevTrain.txt").unlink()
    server.fetch(tmp_path)
    assert server.asked == ["pairsDevTrain.txt"]


def test_an_interrupted_fetch_continues(server: Server, tmp_path: Path) -> None:
    del server.files["peopleDevTrain.txt"]
    with pytest.raises(DataError, match=r"peopleDevTrain\.txt could not be fetched: http.*404.*by hand"):
        server.fetch(tmp_path)
    server.files |= LISTS
    server.asked.clear()
    server.fetch(tmp_path)
    assert server.asked == ["peopleDevTrain.txt"]


def test_the_next_address_is_tried(server: Server, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/lfw-funneled.tgz"
    server.files["other.tgz"] = b"something else"
    server.fetch(tmp_path, nobody, server.address + "other.tgz")
    assert (tmp_path / "lfw_funneled").is_dir()


def test_a_wrong_checksum_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.files["lfw-funneled.tgz"] = GOOD + b"x"
    with pytest.raises(DataError, match=r"lfw-funneled\.tgz could not be fetched.*hash"):
        server.fetch(tmp_path)
    assert contents(tmp_path) == []


def test_somebodys_file_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    (tmp_path / "pairsDevTrain.txt").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"its checksum is sha256:[0-9a-f]+, need sha256:.*move it away"):
        server.fetch(tmp_path)
    assert (tmp_path / "pairsDevTrain.txt").read_bytes() == b"mine"
    assert server.asked == []


def test_offline_says_what_to_put_where(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        server.fetch(tmp_path, offline=True)
    assert f"offline, and not in {tmp_path}: lfw-funneled.tgz (sha256:" in str(caught.value)
    for name, contents_ in LISTS.items():
        assert f"{name} (sha256:{hashlib.sha256(contents_).hexdigest()}) from http" in str(caught.value)

    (tmp_path / "lfw-funneled.tgz").write_bytes(GOOD)
    with pytest.raises(DataError, match=r"offline, and not in .*pairsDevTrain\.txt"):
        server.fetch(tmp_path, offline=True)
    assert contents(tmp_path)[0] == "lfw_funneled", "the archive is unpacked already"
    for name, contents_ in LISTS.items():
        (tmp_path / name).write_bytes(contents_)
    server.fetch(tmp_path, offline=True)
    assert len(Lfw(tmp_path).faces()) == 3
    assert server.asked == []


def test_lfw_a_is_to_be_got_by_hand(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"LFW-a has no public address.*--root"):
        fetch_lfw(tmp_path, "lfw-a")
    with pytest.raises(DataError, match='did you mean "funneled"'):
        fetch_lfw(tmp_path, "funneld")


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


def test_the_built_in_checksums_have_their_length() -> None:
    for file in (*LFW_ARCHIVES.values(), *LFW_LISTS):
        algorithm, _, digits = file.checksum.partition(":")
        assert len(bytes.fromhex(digits)) == hashlib.new(algorithm).digest_size
        assert file.addresses
    assert sorted(file.name for file in LFW_LISTS) == sorted(
        f"{kind}{part}.txt" for kind in ("pairs", "people") for part in ("", "DevTrain", "DevTest")
    )


def test_people_lists_have_the_published_sizes() -> None:
    """The numbers of people are those of Huang et al. 2007; no picture is needed for them."""
    names = tuple(f"Person_{number:04d}" for number in range(5749))
    faces = FaceSet("made up", Path(), tuple(f"{name}.jpg" for name in names), np.arange(5749), names)
    rebuilt = {name: text.decode().split("\n") for name, text in rebuild_people_lists(faces).items()}
    assert rebuilt["peopleDevTrain.txt"][0] == "4038"
    assert rebuilt["peopleDevTest.txt"][0] == "1711"
    assert rebuilt["people.txt"][:2] == ["10", "601"]
    listed = [line for lines in rebuilt.values() for line in lines if "\t" in line]
    assert sorted(listed) == sorted(2 * [f"{name}\t1" for name in names])
    fewer = replace(faces, paths=faces.paths[1:], people=np.arange(5748), names=names[1:])
    assert rebuild_people_lists(fewer) == {}


def test_real_lists_have_the_built_in_checksums_and_people_lists_are_rebuilt(
    real_lfw: Path, tmp_path: Path
) -> None:
    for file in LFW_LISTS:
        assert file.checksum == f"sha256:{hashlib.sha256((real_lfw / file.name).read_bytes()).hexdigest()}"
    rebuilt = rebuild_people_lists(Lfw(real_lfw, "lfw-a").faces())
    assert sorted(rebuilt) == ["people.txt", "peopleDevTest.txt", "peopleDevTrain.txt"]
    for name, text in rebuilt.items():
        assert text == (real_lfw / name).read_bytes()

    # Pictures and the three lists of pairs are enough to have everything, without the network.
    (tmp_path / "lfwa").symlink_to(real_lfw / "lfwa")
    for name in ("pairs.txt", "pairsDevTrain.txt", "pairsDevTest.txt"):
        (tmp_path / name).symlink_to(real_lfw / name)
    fetch_lfw(tmp_path, "lfw-a", offline=True)
    assert len(Lfw(tmp_path).training_faces()) == 9_525
