"""A run's files: damaged, foreign, cut off or not to be written, each is one clear line, or it works."""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from conftest import TINY
from shell import twinface_here
from toy_runs import new_run
from twinface.core.errors import ModelError, SettingsError, StorageError
from twinface.core.settings import Settings
from twinface.datasets.data_source import DataSource
from twinface.datasets.load import load_dataset
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.results import load_results, own_pairs
from twinface.models.load import load_model
from twinface.training.open_run import RunOptions, start_run
from twinface.training.recipe import load_recipe
from twinface.training.run_folder import RunFolder
from twinface.training.run_info import RunInfo


@pytest.fixture
def copy(tiny_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A finished run, to be damaged."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def changed(**changes: Any) -> Callable[[str], str]:
    return lambda text: json.dumps({**json.loads(text), **changes})


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: "null", "found null, need an object"),
        (lambda text: "[1, 2]", "found [1, 2], need an object"),
        (lambda text: text[:-20], "it is not JSON"),
        (lambda text: "[" * 100_000, "it is nested too deeply"),
        (lambda text: '{"a": ' * 5_000 + "1" + "}" * 5_000, "it is nested too deeply"),
        (lambda text: "{}", '"name" is missing'),
        (changed(seed="seven"), 'seed: input should be a valid integer (found "seven")'),
        (changed(seed=-1), "seed: input should be greater than or equal to 0 (found -1)"),
        (changed(seed=0.5), "seed: "),
        (changed(seed=None), "seed: "),
        (changed(seed=float("nan")), "found NaN, need numbers that are finite"),
        (changed(name=["x"]), "name: "),
        (changed(status="done"), "status: "),
        (changed(source=None), "source: "),
        (changed(source="orl"), "source: "),
        (changed(source={}), '"source.data" is missing'),
        (changed(source={"data": "orl", "crop": 3}), 'source has the unknown field "crop"'),
        (changed(source={"data": 5}), "source.data: "),
        (changed(source={"data": "orl", "without_fold": "x"}), "source.without_fold: "),
        (changed(machine=[]), "machine: "),
        (changed(data={"title": "ORL"}), '"data.claims" is missing'),
        (changed(validation={"accuracy": "high"}), "validation.accuracy: "),
        (changed(seconds=7), '"costs.training" is missing'),
        (changed(parameters="many"), '"costs.network_parameters" is missing'),
    ],
)
def test_a_damaged_record_is_named(copy: RunFolder, damage: Callable[[str], str], said: str) -> None:
    copy.manifest.write_text(damage(copy.manifest.read_text()))
    with pytest.raises(ModelError) as caught:
        copy.info()
    assert str(caught.value).startswith(f"{copy.manifest}: cannot be read ({said}")
    assert "\n" not in str(caught.value)


def test_a_damaged_record_is_one_line_of_each_command(copy: RunFolder) -> None:
    copy.manifest.write_text('{"a": ' * 5_000 + "1" + "}" * 5_000)
    for command in (
        ("train", "--resume", copy.path),
        ("evaluate", copy.path, "--protocol", "unseen"),
        ("report", copy.path),
    ):
        result = twinface_here(*command)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"twinface: {copy.manifest}: cannot be read (it is nested")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("null", "found null, need an object"),
        ("{}", '"epoch" is missing'),
        ("hello", "it is not JSON"),
        (
            '{"epoch": "one", "loss": 1, "learning_rate": 1, "seconds": 1}',
            "epoch: input should be a valid integer",
        ),
        ('{"epoch": 1, "loss": NaN, "learning_rate": 1, "seconds": 1}', "found NaN"),
        (
            '{"epoch": 1, "loss": 1, "learning_rate": 1, "seconds": 1, "accuracy": 1}',
            '"validation.auc" is missing',
        ),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_foreign_line_of_metrics_is_named_before_training_goes_on(
    copy: RunFolder, line: str, said: str
) -> None:
    with copy.metrics_file.open("a") as file:
        file.write(f"{line}\n")
    for command in (("train", "--resume", copy.path), ("report", copy.path)):
        result = twinface_here(*command)
        assert result.returncode == 2
        assert f"{copy.metrics_file} line 4: {said}" in result.stderr
        assert "mend or remove the file" in result.stderr


def test_records_of_before_are_read(copy: RunFolder) -> None:
    """A run of the first version: no command, no number of processes, and entries that were dropped since."""
    values = json.loads(copy.manifest.read_text())
    del values["command"], values["machine"]["processes"], values["numbers"]
    values["mood"] = values["machine"]["mood"] = "good"
    info = RunInfo.from_json(json.dumps(values))
    assert (info.command, info.machine.processes, info.costs.numbers) == ("", 1, 0)
    assert RunInfo.from_json(json.dumps(info.to_dict())) == info


def test_a_disk_that_is_full_after_the_first_file_leaves_no_half_of_a_run(tmp_path: Path) -> None:
    folder, settings = RunFolder(tmp_path / "run"), Settings()
    info = RunInfo(
        name="x", started="now", seed=0, source=DataSource("orl"), salt="s", command="train " * 5000
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (20_000, before[1])
    )  # settings.toml is smaller, run.json is larger
    try:
        with pytest.raises(StorageError, match=r"run\.json: could not be written"):
            folder.create(settings, info)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in folder.path.iterdir()] == [".lock"]
    folder.create(settings, info)
    assert (folder.settings(), folder.info()) == (settings, info)


def test_a_start_that_was_killed_between_its_two_files_can_be_repeated(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    folder.manifest.unlink()
    (folder.path / ".run.json.77.abcd.part").touch()
    with pytest.raises(ModelError, match=r"holds no run \(no run.json\)"):
        folder.info()
    assert new_run(folder.path, Settings(recipe="other")).settings().recipe == "other"


def test_what_killed_trainings_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run")
    for name in (".state.safetensors.77.abcd.part", ".run.json.78.abcd.part", ".report.html.79.abcd.part"):
        (folder.path / name).touch()
    with folder.locked():
        left = {path.name for path in folder.path.iterdir()}
    assert left == {".lock", "log.txt", "run.json", "settings.toml", ".report.html.79.abcd.part"}


def test_settings_that_somebody_wrote_are_not_written_over(tmp_path: Path) -> None:
    own = "# mine\n[trainer]\nepochs = 5\n"
    (tmp_path / "settings.toml").write_text(own)
    with pytest.raises(SettingsError, match="not empty and holds no run"):
        new_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"]
    assert (tmp_path / "settings.toml").read_text() == own


def test_one_of_two_processes_makes_the_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    with (
        FileLock(folder.path / ".lock"),
        pytest.raises(SettingsError, match="another process is training this run"),
    ):
        new_run(folder.path)
    assert not folder.manifest.exists()


def test_a_result_of_own_pairs_does_not_replace_that_of_a_protocol(copy: RunFolder, tmp_path: Path) -> None:
    assert twinface_here("evaluate", copy.path, "--protocol", "unseen").returncode == 0
    protocol = {path.name: path.read_bytes() for path in (copy.path / "results").iterdir()}
    unseen = unseen_pairs(load_dataset("orl"), load_model(copy.path).record)
    paths = [unseen.faces.paths[row] for row in (unseen.left[0], unseen.right[0])]
    (tmp_path / "unseen.csv").write_text(
        f"left,right,same,left_person,right_person\n{','.join(paths)},1,A,A\n{','.join(reversed(paths))},1,A,A\n"
    )
    own = twinface_here(
        *("evaluate", copy.path, "--pairs", tmp_path / "unseen.csv"),
        *("--root", unseen.faces.root, "--no-align"),
    )
    assert own.returncode == 0, own.stderr
    assert "unseen.csv: 1 of its 2 pairs repeat others" in own.stderr
    for name, content in protocol.items():
        assert (copy.path / "results" / name).read_bytes() == content
    name = own_pairs(tmp_path / "unseen.csv", unseen.faces.root)
    assert [result.name for result in load_results(copy.path)] == [name, "unseen"]
    summary = load_results(copy.path)[0].summary
    assert (summary.pairs, summary.data) == (1, "unseen.csv without 1 repeated pairs")


READER = """
import json, sys
from pathlib import Path
from shell import twinface_here
run = sys.argv[1]
commands = (["evaluate", run, "--protocol", "unseen"], ["train", "--resume", run], ["report", run])
answers = [twinface_here(*command) for command in commands]
print(json.dumps([[answer.returncode, answer.stdout, answer.stderr] for answer in answers]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root may write everything")
def test_a_run_of_another_user_can_be_judged_and_is_not_changed(copy: RunFolder) -> None:
    files = [copy.path, *copy.path.rglob("*")]
    for path in files:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = [(path, path.stat().st_mtime_ns) for path in files]
    # Root, without what lets root write everywhere, is a user like others.
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    done = subprocess.run(
        [*as_others, sys.executable, "-c", READER, str(copy.path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )
    judged, *refused = json.loads(done.stdout)
    assert judged[0] == 0, judged
    assert "accuracy" in judged[1]
    assert f"{copy.path} cannot be written by this user: the result is not kept" in judged[2]
    for code, said, complaint in refused:
        assert (code, said) == (2, "")
        assert complaint.startswith(f"twinface: {copy.path}")
        assert "(Permission denied)" in complaint
        assert complaint.count("\n") == 1
    assert [(path, path.stat().st_mtime_ns) for path in files] == before
    for path in files:
        path.chmod(0o755 if path.is_dir() else 0o644)


def fill_and_fail(folder: RunFolder, most: int) -> None:
    with folder.locked():
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, most))
        for number in range(20):
            logging.getLogger("twinface").info("message %d", number)
        raise StorageError("state could not be written")


def test_an_error_on_a_full_disk_is_the_one_that_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log cannot be written either, and says nothing in its place."""
    folder = new_run(tmp_path / "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(StorageError, match="state could not be written"):
            fill_and_fail(folder, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert capfd.readouterr() == ("", "")
    assert (folder.path / "log.txt").stat().st_size == 64


def test_weights_of_another_network_are_refused_before_there_is_a_folder(
    tiny_run: RunFolder, tmp_path: Path
) -> None:
    settings = load_recipe(
        "demo", [*TINY, 'network.backbone={name="residual", channels=[4, 6], embedding=16}']
    )
    with pytest.raises(
        SettingsError, match=r"--start-from .*: its network is another one \(backbone\..*found .*need"
    ):
        start_run(DataSource("orl"), settings, 0, RunFolder(tmp_path / "run"), RunOptions(tiny_run.path))
    assert not (tmp_path / "run").exists()


def test_weights_that_were_trained_on_validation_people_are_refused(
    tiny_run: RunFolder, tmp_path: Path
) -> None:
    settings = load_recipe("demo", [*TINY, "data.split_seed=1"])
    with pytest.raises(SettingsError, match=r"was trained on \d of the \d people who are to validate"):
        start_run(DataSource("orl"), settings, 0, RunFolder(tmp_path / "run"), RunOptions(tiny_run.path))
    assert not (tmp_path / "run").exists()
