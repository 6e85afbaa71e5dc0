"""Two processes never write one place: the second is refused with one line, and a dead one holds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinface.core.errors import StorageError
from twinface.core.file_lock import only_writer
from twinface.recognition.batch import embed_files
from twinface.recognition.table_file import TableFile

HOLDER = """
import sys, time
from pathlib import Path
from twinface.core.file_lock import only_writer
with only_writer(Path(sys.argv[1]), Path("the place")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(StorageError, match="the place: another process is writing it"),
            only_writer(lock, Path("the place")),
        ):
            pass
        holder.kill()
    with only_writer(lock, Path("the place")):
        pass


def test_a_table_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with TableFile(path, ["a"], {}) as table:
        list(table.kept())
        with pytest.raises(StorageError, match=r"table\.csv: another process is writing it"):
            TableFile(path, ["a"], {})
        table.append([{"a": 1}])
    with TableFile(path, ["a"], {}) as table:
        assert list(table.kept()) == [{"a": "1"}]


def test_a_folder_of_embeddings_has_one_writer(tmp_path: Path) -> None:
    target = tmp_path / "faces"
    target.mkdir()
    with (
        only_writer(target / ".lock", target),
        pytest.raises(StorageError, match="another process is writing it"),
    ):
        embed_files(tmp_path, target)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with (
        pytest.raises(StorageError, match="cannot be written"),
        only_writer(tmp_path / "lock", tmp_path / "x"),
    ):
        pass
