"""What pages are made of: charts that say their figures, and pictures."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import NormalDist

import cv2
import numpy as np
import pytest

from pages import faces_of
from toy_runs import judged
from twinface.core.types import PairSet
from twinface.evaluation.results import StoredEvaluation
from twinface.reports.data_charts import people_chart
from twinface.reports.pictures import picture_name, read_picture
from twinface.reports.rate_charts import probit, rate_charts


def test_probit_equals_the_normal_quantile() -> None:
    shares = [1e-6, 1e-3, 0.2, 0.5, 0.9, 0.9999]
    assert probit(np.array(shares)) == pytest.approx(
        [NormalDist().inv_cdf(share) for share in shares], abs=2e-3
    )
    assert probit(np.array([0.0, 1.0])).tolist() == [-5.5, 5.5]


def test_rate_charts_say_the_rates_at_the_threshold(tmp_path: Path) -> None:
    """Of four genuine pairs three are accepted, of five impostors one."""
    margins = np.array([0.9, 0.5, 0.1, -0.2, 0.3, -0.1, -0.4, -0.5, -0.9])
    is_match, faces = np.arange(9) < 4, faces_of(tmp_path)
    rows = np.zeros(9, int)
    summary = judged(PairSet("hand", faces, rows, rows, is_match)).summary
    result = StoredEvaluation(
        "hand", summary, tmp_path, [], [], margins, np.full(9, 0.5), is_match, np.zeros((9, 2), int)
    )
    roc, det = rate_charts(result)
    assert "0.7500 of genuine and 0.2000 of impostor" in roc.description
    assert "FAR 0.2000, FNMR 0.2500" in det.description


def test_picture_names(tmp_path: Path) -> None:
    assert picture_name("plain.jpg") == "plain"
    assert picture_name("a/b/Bo_0001.jpg") == "b/Bo_0001"
    assert picture_name("caf\udce9/1.jpg") == "caf?/1"
    picture = read_picture(tmp_path, "caf\udce9/1.jpg")
    assert (picture.uri, picture.path) == ("", "caf?/1.jpg")
    assert str(tmp_path) not in picture.problem


def test_pictures_are_shrunk_and_never_grown(tmp_path: Path) -> None:
    for size, expected in (((500, 250), (55, 110)), ((40, 60), (60, 40)), ((8, 3000), (110, 1))):
        cv2.imwrite(str(tmp_path / "a.png"), np.zeros((*size, 3), np.uint8))
        picture = read_picture(tmp_path, "a.png")
        assert (picture.width, picture.height) == expected


def test_people_chart_counts_everybody() -> None:
    for histogram in (((10, 40),), ((1, 4069), (2, 779), (30, 12), (144, 1), (530, 1)), ((1, 5), (13, 2))):
        said = people_chart(histogram).description
        people = sum(int(count.replace(",", "")) for count in re.findall(r"([\d,]+) with", said))
        assert people == sum(count for _, count in histogram)
