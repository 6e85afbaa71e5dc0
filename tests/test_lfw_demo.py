"""`twinface demo --data lfw`: a student report's network and the default recipe on one page."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pages import Page, all_pairs, faces_of
from shell import twinface_here
from toy_runs import judged, new_run
from twinface.datasets.data_source import DataSource
from twinface.reports.lfw_demo_page import write_lfw_demo_page
from twinface.studies.lfw_demo import OURS, REPORT, LfwDemo, run_lfw_demo


def test_the_page_shows_both_verdicts_on_the_same_pairs(tmp_path: Path) -> None:
    pairs = all_pairs(faces_of(tmp_path / "faces"))
    evaluations = {}
    for name, sign in ((REPORT, -1.0), (OURS, 1.0)):
        found, scores = judged(pairs), sign * np.where(pairs.is_match, 0.5, -0.5)
        evaluations[name] = replace(
            found, margins=replace(found.margins, scores=scores), probabilities=0.5 + 0.25 * np.sign(scores)
        )
    runs = {name: new_run(tmp_path / name) for name in evaluations}
    demo = LfwDemo(evaluations, runs, epochs=(3, 25))
    page = Page(write_lfw_demo_page(demo, tmp_path / "demo.html"))
    page.check()
    verdicts = re.findall(r"(\S+): (same|different) \((0\.\d\d)\), (right|wrong)", page.text)
    # Nine pairs of each kind, genuine first, and two verdicts on each.
    genuine = [(REPORT, "different", "0.25", "wrong"), (OURS, "same", "0.75", "right")]
    impostor = [(REPORT, "same", "0.75", "wrong"), (OURS, "different", "0.25", "right")]
    assert verdicts == genuine * 9 + impostor * 9
    assert len(page.attributes("src", "img")) == 36
    assert "3 of its 25 epochs" in page.text
    assert "0.8767" in page.text


def test_other_data_are_refused() -> None:
    done = twinface_here("demo", "--data", "cats")
    assert done.returncode == 2
    assert '--data: found "cats", need "orl" or "lfw"' in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("TWINFACE_LONG" not in os.environ, reason="takes some minutes: set TWINFACE_LONG=1")
def test_on_lfw(tmp_path: Path, real_lfw: Path) -> None:
    """One epoch of the report's network stays near chance; the default recipe does not."""
    found = run_lfw_demo(DataSource("lfw", str(real_lfw)), tmp_path, epochs=1)
    report, ours = (found.evaluations[name].summary for name in (REPORT, OURS))
    assert ours.accuracy.value > 0.9
    assert report.accuracy.value < 0.7
    assert (report.pairs, report.seen_people.pairs, ours.seen_people.pairs) == (1000, 0, 0)
    Page(write_lfw_demo_page(found, tmp_path / "demo.html")).check()
