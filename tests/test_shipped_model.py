"""The models that come with Twinface recognise faces: floors that a broken preparation or file would fall through."""

from __future__ import annotations

from pathlib import Path

import pytest

import twinface

SHIPPED = ("siamese", "default")


@pytest.mark.parametrize("name", SHIPPED)
def test_it_recognises_the_people_of_orl(name: str) -> None:
    """Measured: AUC .920 and .931. Their thresholds were fitted to other photos, and their accuracy there is poor."""
    found = twinface.evaluate(name, "unseen", dataset=twinface.load_dataset("orl")).summary
    assert found.seen_people.pairs == 0
    assert found.auc is not None
    assert found.auc.value > 0.90


@pytest.mark.parametrize("name", SHIPPED)
def test_it_recognises_the_people_of_lfw(name: str, real_lfw: Path) -> None:
    """Measured on View 1 test, with the thresholds that they are shipped with: accuracy .930, AUC .983; .931, .982."""
    lfw = twinface.load_dataset("lfw", real_lfw, "lfw-a")
    found = twinface.evaluate(name, "view1", dataset=lfw).summary
    assert found.seen_people.pairs == 0
    assert found.accuracy.value > 0.92
    assert found.auc is not None
    assert found.auc.value > 0.97
