"""The command line as its users meet it: what it prints where, and its exit codes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import train_tiny
from shell import changes, twinface, twinface_here
from twinface.datasets.load import load_dataset
from twinface.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def orl() -> list[Path]:
    faces = load_dataset("orl").faces()
    return [faces.root / path for path in faces.paths]


def test_help_reads_like_the_job() -> None:
    result = twinface("--help")
    assert result.returncode == 0
    for command in ("train", "evaluate", "report", "verify", "explain", "data", "demo", "doctor"):
        assert re.search(rf"^\s+{command} ", result.stdout, re.MULTILINE), command


def test_version() -> None:
    assert twinface("--version").stdout.startswith("twinface 0.")


def test_train_evaluate_verify(tmp_path: Path, orl: list[Path]) -> None:
    """The road that the README walks, on a tiny network."""
    run = tmp_path / "x"
    trained = twinface_here(
        "train", "--data", "orl", "--recipe", "demo", "--seed", 3, "--out", run, "--json", *changes()
    )
    assert trained.returncode == 0, trained.stderr
    about = json.loads(trained.stdout)
    assert about["status"] == "finished"
    assert about["seed"] == 3
    assert len(about["metrics"]) == 3
    assert "epoch 1" in trained.stderr
    for name in ("settings.toml", "run.json", "log.txt", "metrics.jsonl", "report.html", "state.safetensors"):
        assert (run / name).stat().st_size, name
    for name in ("twin.safetensors", "twin.json", "model.onnx"):
        assert (run / "model" / name).stat().st_size, name

    judged = twinface_here("evaluate", run, "--protocol", "unseen", "--json")
    assert judged.returncode == 0, judged.stderr
    figures = json.loads(judged.stdout)
    wanted = {
        "accuracy",
        "accuracy_interval",
        "auc",
        "eer",
        "threshold",
        "threshold_fitted_on",
        "pairs",
        "images",
    }
    assert wanted | {"seconds"} <= figures.keys()
    assert (run / "results" / "unseen.json").exists()

    same = twinface("verify", orl[0], orl[0], "--model", run, "--json")
    assert same.returncode == 0, same.stderr
    verdict = json.loads(same.stdout)
    assert {"same", "score", "threshold", "probability"} <= verdict.keys()
    assert verdict["same"] is True

    verdicts = [twinface_here("verify", orl[0], other, "--model", run) for other in orl[10:60:10]]
    assert 1 in {result.returncode for result in verdicts}
    for result in verdicts:
        said = ("Same person", "Different people", "Cannot tell: the score is in between")[result.returncode]
        assert result.stdout.startswith(said)
    different = next(place for place, result in enumerate(verdicts) if result.returncode == 1)
    assert twinface("verify", orl[0], orl[10 * (different + 1)], "--model", run).returncode == 1

    assert twinface_here("report", run).stdout.strip() == str(run / "report.html")


def test_pairs_of_ones_own(tmp_path: Path, tiny_run: RunFolder) -> None:
    for person in ("ann", "bob", "cid"):
        folder = tmp_path / "mine" / person
        folder.mkdir(parents=True)
        source = load_dataset("orl").faces().root / {"ann": "s1", "bob": "s2", "cid": "s3"}[person]
        for number in (1, 2):
            shutil.copy(source / f"{number}.pgm", folder / f"{person}_{number:04d}.pgm")
    file = tmp_path / "pairs.txt"
    file.write_text("ann\t1\t2\nbob\t1\t2\nann\t1\tbob\t1\nbob\t2\tcid\t1\n")
    result = twinface(
        *("evaluate", tiny_run.model / "model.onnx", "--pairs", file, "--root", tmp_path / "mine"),
        *("--no-align", "--json"),
    )
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout)
    assert (figures["pairs"], figures["images"]) == (4, 5)
    assert figures["protocol"] == "pairs"


def test_the_shipped_settings_can_be_overridden_and_refused(tmp_path: Path) -> None:
    wrong = twinface_here("train", "--data", "orl", "--out", tmp_path / "x", "--set", "trainer.epoch=5")
    assert wrong.returncode == 2
    assert 'did you mean "epochs"?' in wrong.stderr
    assert not (tmp_path / "x").exists()


def test_a_taken_folder_is_left_alone(tmp_path: Path, tiny_run: RunFolder) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Ann")
    for folder, said in (
        (tiny_run.path, "there is a finished run already"),
        (tmp_path / "letters", "is not empty"),
    ):
        result = twinface_here("train", "--data", "orl", "--recipe", "demo", "--out", folder)
        assert result.returncode == 2
        assert said in result.stderr
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["dear.txt"]


@pytest.mark.slow
def test_one_run_is_trained_by_one_process(tmp_path: Path) -> None:
    run = train_tiny(tmp_path / "run", model=False)
    with run.locked():
        result = twinface("train", "--resume", run.path)
    assert result.returncode == 2
    assert "another process is training this run" in result.stderr


def test_a_run_that_fails_says_so_and_can_be_resumed(tmp_path: Path) -> None:
    run = tmp_path / "x"
    wild = changes("optimizer.learning_rate=1e30", "trainer.precision=float32")
    result = twinface_here("train", "--data", "orl", "--recipe", "demo", "--out", run, *wild)
    assert result.returncode == 2
    assert "the loss is nan" in result.stderr
    assert "Traceback" not in result.stderr
    info = RunFolder(run).info()
    assert info.status == "failed"
    assert "the loss is nan" in info.reason
    page = twinface_here("report", run)
    assert "the loss is nan" in Path(page.stdout.strip()).read_text()


def test_a_recipe_is_judged_by_its_own_command(tmp_path: Path) -> None:
    """A name is never a recipe or a run depending on which folders exist."""
    result = twinface("evaluate", "fast", "--protocol", "view2", cwd=tmp_path)
    assert result.returncode == 2
    assert "fast: found no model there" in result.stderr
    assert "Judge a recipe by LFW's View 2" in twinface("view2", "--help").stdout


def test_data_info(tmp_path: Path) -> None:
    result = twinface("data", "info", "orl", "--json", "--out", tmp_path / "page")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["faces"]["people"] == 40
    assert "page:" in result.stderr
    assert "400 pictures of 40 people" in twinface_here("data", "info", "orl").stdout


def test_fetching_offline_says_what_is_needed(tmp_path: Path) -> None:
    result = twinface("data", "fetch", "lfw", "--offline", "--root", tmp_path)
    assert result.returncode == 2
    assert "lfw-funneled.tgz" in result.stderr
    for name, said in (("orl", "orl comes with the extra twinface[demo]"), ("lwf", "lfw")):
        refused = twinface_here("data", "fetch", name)
        assert refused.returncode == 2
        assert said in refused.stderr


def test_doctor() -> None:
    result = twinface_here("doctor", "--json")
    assert result.returncode == 0
    found = json.loads(result.stdout)
    assert found["using"]["works"] is True
    assert found["data"].keys() == {"lfw", "orl"}  # a folder of one's own has no usual place to look into


def test_tensorboard_files_on_request(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = tmp_path / "x"
    few = changes("trainer.epochs=1")
    result = twinface_here("train", "--data", "orl", "--recipe", "demo", "--out", run, "--tensorboard", *few)
    assert result.returncode == 0, result.stderr
    assert list((run / "tensorboard").iterdir())


def test_a_reader_that_goes_away_is_no_crash(tiny_run: RunFolder) -> None:
    command = f"{sys.executable} -m twinface evaluate {tiny_run.path} --protocol unseen --json | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr


def after(preparation: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command in a process that first runs other lines of Python."""
    program = f"import os, signal, sys\n{preparation}\nfrom twinface.cli import main\nmain()"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "extra", "command"),
    [("torch", "train", ("train", "--data", "orl")), ("jinja2", "train", ("report", "."))],
)
def test_a_library_that_is_not_installed_is_named_with_what_brings_it(
    tiny_run: RunFolder, module: str, extra: str, command: tuple[str, ...]
) -> None:
    words = [str(tiny_run.path) if word == "." else word for word in command]
    result = after(f"sys.modules[{module!r}] = None", *words)
    assert result.returncode == 2
    assert result.stderr == f'twinface: this needs {module}: pip install "twinface[{extra}]"\n'


def test_ctrl_c_where_nothing_has_to_be_saved() -> None:
    press = "import platform\nplatform.python_version = lambda: os.kill(os.getpid(), signal.SIGINT)"
    result = after(press, "doctor")
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "twinface: interrupted\n")
