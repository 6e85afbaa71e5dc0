"""What tests of pages stand on: a reader that checks what must hold of every page, and toy faces to draw."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from twinface.core.types import FaceSet, PairSet

VOID = {"meta", "link", "br", "img", "wbr", "hr", "input"}


class Page(HTMLParser):
    """Reads a page, complains of tags that do not match, and collects what tests ask for."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    def attributes(self, name: str, tag: str | None = None) -> list[str]:
        return [values[name] or "" for found, values in self.tags if name in values and tag in (None, found)]

    def check(self) -> None:
        """What must hold of every page."""
        assert self.source.startswith("<!DOCTYPE html>")
        for name in ("src", "href", "data", "poster", "action", "srcset", "xlink:href"):
            for value in self.attributes(name):
                assert value.startswith(("data:", "#")), f"{name}={value[:80]}"
        for target in re.findall(r"url\(([^)]*)\)", self.source):
            assert target.startswith("#"), target
        assert "@import" not in self.source
        assert {"script", "iframe", "object", "embed"}.isdisjoint(tag for tag, _ in self.tags)
        identifiers = self.attributes("id")
        assert len(identifiers) == len(set(identifiers)), "an identifier occurs twice"
        for target in [value for value in self.attributes("href") if value.startswith("#")]:
            assert target[1:] in identifiers, target
        assert set(re.findall(r"url\(#([^)]*)\)", self.source)) <= set(identifiers)
        assert [tag for tag, _ in self.tags].count("h1") == 1
        assert all(alt for alt in self.attributes("alt"))
        assert len(self.attributes("alt")) == len(self.attributes("src", "img"))
        self.check_tables_and_charts()

    def check_tables_and_charts(self) -> None:
        tags = [tag for tag, _ in self.tags]
        assert tags.count("table") == tags.count("caption")
        assert all("scope" in values for tag, values in self.tags if tag == "th")
        drawings = re.findall(r"<svg.*?</svg>", self.source, re.DOTALL)
        assert len(drawings) == tags.count("svg")
        for drawing in drawings:
            ElementTree.fromstring(drawing)
            assert 'role="img"' in drawing
            assert re.search(r'aria-label="[^"]{10,}"', drawing)
            # Dark or light, ink comes from the page: a colour of its own could be invisible.
            assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\(--\w+,#[0-9a-f]{6}\)", "", drawing))
            assert all(
                "var(--ink" in text or "var(--muted" in text for text in re.findall("<text[^>]*>", drawing)
            )
            assert not re.search(r"\b(nan|inf)\b", drawing.lower())


def faces_of(root: Path, names: tuple[str, ...] = ("Ada", "Bo", "Cy", "Di"), each: int = 4) -> FaceSet:
    """Small pictures of people who differ in brightness."""
    random = np.random.default_rng(0)
    paths, people = [], []
    for person, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for number in range(each):
            pixels = np.clip(random.normal(50 + 40 * person, 20, (150, 120)), 0, 255).astype(np.uint8)
            paths.append(f"{name}/{name}_{number:04d}.png")
            assert cv2.imwrite(str(root / paths[-1]), pixels)
            people.append(person)
    return FaceSet("toy faces", root, tuple(paths), np.array(people), names)


def all_pairs(faces: FaceSet, folds: int | None = None) -> PairSet:
    left, right = np.triu_indices(len(faces), 1)
    fold = np.arange(len(left)) % folds if folds else None
    return PairSet("toy pairs", faces, left, right, faces.people[left] == faces.people[right], fold)
