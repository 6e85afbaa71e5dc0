"""Control measurements: each run on the face alone and on the background alone."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from twinface.core.types import Region
from twinface.evaluation.evaluate import score
from twinface.evaluation.fitted_model import show_only
from twinface.evaluation.results import load_validation, save_validation
from twinface.faces.mask import mask_for
from twinface.models.load import load_model
from twinface.studies.controls import PARTS, measure_visible_parts, visible_part_scores
from twinface.training.run_folder import RunFolder

FACE = Region(0.3, 0.25, 0.4, 0.5)


@pytest.fixture
def run(tiny_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A finished run that the test may change."""
    return RunFolder(Path(shutil.copytree(tiny_run.path, tmp_path / "run")))


def test_pictures_that_are_all_face_have_no_parts(run: RunFolder) -> None:
    measure_visible_parts(run)
    assert [visible_part_scores(run, part) for part in PARTS] == [None, None]
    assert not list(run.path.glob("validation-*"))


def test_each_part_is_scored_as_if_the_other_were_painted_over_and_once(run: RunFolder) -> None:
    pairs, whole = load_validation(run.path)
    pairs = replace(pairs, faces=replace(pairs.faces, region=FACE))
    save_validation(run.path, pairs, whole)
    measure_visible_parts(run)
    model = load_model(run.path)
    for part in PARTS:
        found = visible_part_scores(run, part)
        assert found is not None
        expected = score(show_only(mask_for(part, FACE, pairs.name), model, None), pairs).scored
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
        np.testing.assert_array_equal(found.people, whole.people)
        assert not np.allclose(found.scores, whole.scores, atol=1e-3)
    times = [path.stat().st_mtime_ns for path in sorted(run.path.glob("validation-*/*"))]
    assert len(times) == len(PARTS)
    measure_visible_parts(run)
    assert [path.stat().st_mtime_ns for path in sorted(run.path.glob("validation-*/*"))] == times
