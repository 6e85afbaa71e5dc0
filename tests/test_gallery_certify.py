"""A gallery's certificate: its rates are those of a plain loop, and the page shows itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pages import Page
from toy_gallery import portrait, toy_gallery
from twinface.core.errors import GalleryError, SettingsError
from twinface.recognition.gallery.certificate_page import certificate_page


def test_the_rates_are_counted_over_the_own_people(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    for number in range(30):
        photos = [portrait(number, photo) for photo in range(1 + number % 3)]
        gallery.enroll(f"person {number}", *photos, review="off")
    gallery.enroll("twin of 4", portrait(4, 9), review="off")
    gallery.enroll("person 7", portrait(70), review="off")  # a wrong photo
    found = gallery.certify(traffic=200)
    engine = gallery.engine
    assert (found.people, found.faces) == (31, 62)
    assert found.threshold == engine.threshold(31)
    templates = {
        person.id: gallery.contents.vector(person.template) for person in gallery.contents.every_person()
    }
    best = [
        max(float(engine.score(other[None], own)[0]) for id, other in templates.items() if id != mine)
        for mine, own in templates.items()
    ]
    taken = sum(score >= found.threshold for score in best)
    assert taken == 2  # person 4 and the twin
    assert found.strangers.value == taken / 31
    assert found.strangers.interval.low < taken / 31 < found.strangers.interval.high
    assert found.false_alarms[0] == pytest.approx(200 * taken / 31)
    assert found.missed is not None
    assert found.missed.count == 51
    assert 0 < found.missed.value < 0.15
    assert {found.alike[0].first, found.alike[0].second} == {"person 4", "twin of 4"}
    assert found.alike[0].same_person
    assert found.few_faces[:2] == ("person 0", "person 3")
    assert len(found.poor_faces) == 31  # the quality of pictures that are taken as they are is not known
    json.dumps(found.to_dict())
    (tmp_path / "page.html").write_text(certificate_page(found), encoding="utf-8")
    page = Page(tmp_path / "page.html")
    page.check()
    assert "twin of 4" in page.text


@pytest.mark.parametrize("fpir", [0, 5e-324, 1e-100, 9e-13, 1.1, float("nan")])
def test_rates_that_no_score_stands_for_are_refused(tmp_path: Path, fpir: float) -> None:
    with toy_gallery(tmp_path / "g.db") as gallery:
        for number in range(2):
            gallery.enroll(f"person {number}", portrait(number))
        with pytest.raises(SettingsError, match="need a rate from 1e-12 to 1, such as 1e-2"):
            gallery.certify(fpir)
        with pytest.raises(SettingsError, match="need a rate from 1e-12 to 1, such as 1e-2"):
            gallery.identify(portrait(0), fpir=fpir)
        assert np.isfinite(gallery.certify(1e-12).threshold)


def test_one_person_cannot_be_certified(tmp_path: Path) -> None:
    gallery = toy_gallery(tmp_path / "g.db")
    gallery.enroll("Ann", portrait(0), portrait(0, 1))
    with pytest.raises(GalleryError, match="has 1 people with a face, need two or more"):
        gallery.certify()
