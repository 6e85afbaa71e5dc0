"""The page of a data set: its counts, charts and examples."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pages import Page, all_pairs, faces_of
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet
from twinface.datasets.analysis import analyse
from twinface.datasets.dataset import Dataset
from twinface.reports import write_data_page


class Toys:
    """A data set of the shape of `datasets.Dataset`."""

    name, title, claims, region = "toys", "Toys & <b>", "Nothing may be claimed.", WHOLE_FRAME
    protocols: tuple[str, ...] = ("all", "half")

    def __init__(self, faces: FaceSet) -> None:
        self._faces = faces

    def faces(self) -> FaceSet:
        return self._faces

    def training_faces(self) -> FaceSet:
        return self._faces

    def training_pairs(self) -> PairSet | None:
        return None

    def protocol(self, name: str) -> PairSet:
        pairs = all_pairs(self._faces)
        if name == "all":
            return pairs
        half = slice(0, len(pairs) // 2)
        return PairSet("half <i>", self._faces, pairs.left[half], pairs.right[half], pairs.is_match[half])


def data_page(dataset: Dataset, names: tuple[str, ...], out: Path) -> Page:
    pair_sets = [dataset.protocol(name) for name in names]
    page = Page(write_data_page(analyse(dataset, pair_sets), dataset, pair_sets, out))
    page.check()
    return page


def test_data_page_shows_counts_charts_and_examples(tmp_path: Path) -> None:
    dataset = Toys(faces_of(tmp_path / "faces", each=5))
    page = data_page(dataset, dataset.protocols, tmp_path / "page")
    assert (tmp_path / "page" / "index.html").is_file()
    for part in (
        "Toys & <b>", "20 pictures of 4 people, and 2 official lists of pairs", "half <i>", "Nothing may be claimed.",
        "Genuine: 40", "Impostor: 150", "Pictures of a person", "Brightness", "Contrast", "120 by 150",
        "People that two lists share", "Pictures by the number of pairs",
    ):  # fmt: skip
        assert part in page.text, part
    assert len(page.attributes("src", "img")) == 2 * 2 * 6 * 2


def test_names_that_are_not_utf8_become_visible_codes(tmp_path: Path) -> None:
    """A folder's name may hold any bytes, and a page is UTF-8."""
    dataset = Toys(faces_of(tmp_path / "faces"))
    dataset.title = "Fotos_Jos\udce9"
    assert r"Fotos_Jos\udce9" in data_page(dataset, (), tmp_path / "page").text


def test_data_page_without_lists_of_pairs(tmp_path: Path) -> None:
    faces = faces_of(tmp_path / "faces", each=1)
    cv2.imwrite(str(faces.root / faces.paths[0]), np.zeros((30, 40), np.uint8))
    page = data_page(Toys(faces), (), tmp_path / "toys.html")
    assert (tmp_path / "toys.html").is_file()
    assert "no official lists" in page.text
    assert "Sizes" in page.text
    assert "40 by 30" in page.text


def test_data_page_of_one_list_and_equal_bytes(tmp_path: Path) -> None:
    dataset = Toys(faces_of(tmp_path / "faces"))
    first = data_page(dataset, ("all",), tmp_path / "one.html").source
    assert data_page(dataset, ("all",), tmp_path / "two.html").source == first
    assert "Shared between lists" not in first
