"""Downloads, from a server on the loopback: checked, safe, whole or not at all, and continued."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archives import GOOD, PICTURES, contents
from twinface.core.errors import DataError, StorageError
from twinface.core.types import FaceSet
from twinface.datasets.fetching.download import RemoteFile
from twinface.datasets.fetching.fetch_lfw import fetch_lfw
from twinface.datasets.fetching.fetch_weights import fetch_weights
from twinface.datasets.fetching.lfw_files import LFW_ARCHIVES, LFW_LISTS
from twinface.datasets.lfw.dataset import Lfw
from twinface.datasets.lfw.rebuilt_lists import rebuild_people_lists

pytest.importorskip("pooch")

LISTS = {
    "pairsDevTrain.txt": b"1\nAnn\t1\t2\nBob\t1\tAnn\t1\n",
    "peopleDevTrain.txt": b"2\nAnn\t2\nBob\t1\n",
}


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


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    for fetch in (fetch_lfw, fetch_weights):
        with pytest.raises(StorageError, match=r"taken: the folder cannot be made \(File exists\)"):
            fetch(tmp_path / "taken", offline=True)


def test_lfw_a_is_to_be_got_by_hand(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"LFW-a has no public address.*--root"):
        fetch_lfw(tmp_path, "lfw-a")
    with pytest.raises(DataError, match='did you mean "funneled"'):
        fetch_lfw(tmp_path, "funneld")


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
