"""The model that comes with Twinface recognises faces: floors that a broken preparation or file would fall through."""

from __future__ import annotations

from pathlib import Path

import twinface


def test_it_recognises_the_people_of_orl() -> None:
    """Measured: AUC .931. Its threshold was fitted to other photos, and its accuracy there is poor."""
    found = twinface.evaluate("default", "unseen", dataset=twinface.load_dataset("orl")).summary
    assert found.seen_people.pairs == 0
    assert found.auc is not None
    assert found.auc.value > 0.90


def test_it_recognises_the_people_of_lfw(real_lfw: Path) -> None:
    """Measured on View 1 test, with the threshold that it is shipped with: accuracy .931, AUC .982."""
    lfw = twinface.load_dataset("lfw", real_lfw, "lfw-a")
    found = twinface.evaluate("default", "view1", dataset=lfw).summary
    assert found.seen_people.pairs == 0
    assert found.accuracy.value > 0.92
    assert found.auc is not None
    assert found.auc.value > 0.97
