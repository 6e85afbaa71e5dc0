"""`twinface jobs` on real pictures of ORL, with the shipped model."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from shell import twinface_here
from twinface.datasets.load import load_dataset
from twinface.recognition.gallery.tables import GalleryTables
from twinface.service.jobs.table import JobTable


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people with four pictures each, and a file that is no picture."""
    faces = load_dataset("orl").faces()
    root = tmp_path_factory.mktemp("photos")
    for person in range(2):
        for number, row in enumerate(np.flatnonzero(faces.people == person)[:4]):
            source = faces.root / faces.paths[row]
            (root / f"s{person}-{number}{source.suffix}").write_bytes(source.read_bytes())
    return root


@pytest.fixture
def place(photos: Path, tmp_path: Path) -> Path:
    target = tmp_path / "g.db"
    for person in range(2):
        files = sorted(photos.glob(f"s{person}-*"))[:2]
        done = twinface_here(
            *("enroll", f"s{person}", *files, "--gallery", target, "--model", "default", "--aligned"),
            *("--review", "off"),
        )
        assert done.returncode == 0, done.stderr
    return target


def test_a_folder_is_identified_in_the_background(place: Path, photos: Path) -> None:
    added = twinface_here("jobs", "add", "identify", photos, "--gallery", place, "--set", "count=1", "--json")
    assert added.returncode == 0, added.stderr
    job = json.loads(added.stdout)
    assert (job["state"], job["total"], job["settings"]["count"]) == ("queued", 8, 1)
    assert f"{job['id']}  identify  queued" in twinface_here("jobs", "list", "--gallery", place).stdout
    ran = twinface_here("jobs", "run", "--gallery", place, "--aligned")
    assert ran.returncode == 0, ran.stderr
    assert "finished        8 of 8" in ran.stderr
    found = twinface_here("jobs", "results", job["id"], "--gallery", place)
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [row["photo"] for row in rows] == sorted(file.name for file in photos.iterdir())
    assert rows[0]["faces"][0]["candidates"][0]["name"] == "s0"
    two = twinface_here("jobs", "results", job["id"], "--gallery", place, "--after", 2, "--limit", 3)
    assert two.stdout.splitlines() == found.stdout.splitlines()[2:5]
    shown = json.loads(twinface_here("jobs", "show", job["id"], "--gallery", place, "--json").stdout)
    assert (shown["state"], shown["done"]) == ("finished", 8)
    assert twinface_here("jobs", "delete", job["id"], "--gallery", place).returncode == 0
    gone = twinface_here("jobs", "show", job["id"], "--gallery", place)
    assert (gone.returncode, gone.stderr) == (2, f"twinface: job {job['id']}: is not there, or was removed\n")


def test_photos_that_are_in_no_group_are_printed_too(place: Path, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    added = twinface_here("jobs", "add", "cluster", photos, "--gallery", place)
    (photos / "broken.png").unlink()
    assert twinface_here("jobs", "run", "--gallery", place, "--aligned").returncode == 0
    printed = twinface_here("jobs", "results", added.stdout.strip(), "--gallery", place).stdout
    *groups, last = [json.loads(line) for line in printed.splitlines()]
    assert sum(len(row["faces"]) for row in groups) == 8
    assert (last["photo"], last["number"]) == ("broken.png", 1)
    assert last["problem"].startswith("broken.png: ")


def test_jobs_without_photos(place: Path) -> None:
    added = twinface_here("jobs", "add", "certify", "--gallery", place, "--set", "traffic=5")
    assert added.returncode == 0, added.stderr
    id = added.stdout.strip()
    failed = twinface_here(
        "jobs", "add", "reembed", "--gallery", place, "--set", "model=default"
    ).stdout.strip()
    assert twinface_here("jobs", "run", "--gallery", place, "--aligned").returncode == 0
    assert json.loads(twinface_here("jobs", "results", id, "--gallery", place).stdout)["traffic"] == 5
    shown = twinface_here("jobs", "show", failed, "--gallery", place)
    assert shown.returncode == 2
    assert "the gallery: keeps no crops" in shown.stderr


def test_what_cannot_be_added_leaves_no_job(place: Path, photos: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for words, said in (
        (("identify",), "identify needs a folder of photos"),
        (("certify", photos), "certify needs no photos"),
        (("embed", empty), "no pictures"),
        (("embed", photos, "--set", "faces"), "need a name and a value"),
        (("embed", photos, "--set", "faces=none"), "settings of embed: faces"),
        (("reembed", "--set", "model=/tmp/x"), "need the name of a model"),
    ):
        done = twinface_here("jobs", "add", *words, "--gallery", place)
        assert done.returncode == 2
        assert said in done.stderr
    assert json.loads(twinface_here("jobs", "list", "--gallery", place, "--json").stdout) == []


def test_a_job_is_cancelled(place: Path, photos: Path) -> None:
    id = twinface_here("jobs", "add", "embed", photos, "--gallery", place).stdout.strip()
    assert "cancelled" in twinface_here("jobs", "cancel", id, "--gallery", place).stdout
    assert twinface_here("jobs", "run", "--gallery", place).returncode == 0
    assert twinface_here("jobs", "results", id, "--gallery", place).stdout == ""


def test_a_signal_ends_a_run_between_two_photos(place: Path, photos: Path, tmp_path: Path) -> None:
    names = [file.name for file in photos.iterdir()]
    (photos / "many.txt").write_text("\n".join(names * 200))
    id = twinface_here("jobs", "add", "embed", photos / "many.txt", "--gallery", place).stdout.strip()
    (photos / "many.txt").unlink()
    command = [
        sys.executable,
        "-m",
        "twinface",
        "jobs",
        "run",
        "--gallery",
        str(place),
        "--aligned",
        "--forever",
    ]
    with GalleryTables(place) as gallery, subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        table, until = JobTable(gallery.contents), time.monotonic() + 60
        while table.get(id).done < 3:
            assert time.monotonic() < until
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 143
        job = table.get(id)
        assert job.state == "queued"  # the next worker does not wait for the lease
        assert 3 <= job.done < 1600
