"""The files of the service's page: small, from nowhere else, without inline code, and no word outside the texts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from twinface.service.page_routes import page_files, page_router

PAGE = Path(str(resources.files("twinface.service"))) / "page"
MODULES = sorted(PAGE.glob("*.js"))
NAMESPACE = "http://www.w3.org/2000/svg"


def client() -> TestClient:
    app = FastAPI()
    app.include_router(page_router())
    return TestClient(app)


def used_keys() -> tuple[set[str], set[str]]:
    """Keys of texts that the page names in full, and beginnings of those that it puts together."""
    source = "\n".join(file.read_text(encoding="utf-8") for file in [*MODULES, PAGE / "index.html"])
    whole = set(re.findall(r'\bt\("(\w+)"', source)) | set(re.findall(r'data-(?:text|label)="(\w+)"', source))
    chosen = [key for pair in re.findall(r'\bt\([\w. =]+ \? "(\w+)" : "(\w+)"', source) for key in pair]
    return whole | set(chosen), set(re.findall(r"\bt\(`(\w+_)\$\{", source))


def test_every_text_is_there_and_used() -> None:
    texts = json.loads((PAGE / "texts.en.json").read_text(encoding="utf-8"))
    whole, beginnings = used_keys()
    views = {"compare", "people", "identify", "jobs", "model"}  # `t(known)`: the heading of a view
    assert whole - texts.keys() == set()
    for beginning in beginnings:
        assert any(key.startswith(beginning) for key in texts), beginning
    assert {key for key in texts.keys() - whole - views if not key.startswith(tuple(beginnings))} == set(), (
        "never used"
    )


def test_every_translation_has_the_same_texts_and_values() -> None:
    def values(text: str | dict[str, str]) -> set[str]:
        forms = [text] if isinstance(text, str) else list(text.values())
        return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}

    english = json.loads((PAGE / "texts.en.json").read_text(encoding="utf-8"))
    for file in PAGE.glob("texts.*.json"):
        texts = json.loads(file.read_text(encoding="utf-8"))
        assert {key: values(text) for key, text in texts.items()} == {
            key: values(text) for key, text in english.items()
        }


def test_nothing_comes_from_elsewhere() -> None:
    for name, file in page_files().items():
        text = file.content.decode().replace(NAMESPACE, "")
        assert not re.search(r"https?://|[\"'(]//\w", text), name


def test_there_is_no_inline_code_or_style() -> None:
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert re.findall(r"<script[^>]*>(.*?)</script>", page) == [""]
    for file in MODULES:
        source = file.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", source
        )
        assert source.startswith("// @ts-check")
        assert source.count("\n") <= 250, file.name


def test_the_page_is_small() -> None:
    assert sum(len(file.content) for file in page_files().values()) < 200_000


def test_only_files_of_the_page_are_served() -> None:
    with client() as page:
        for name, kind in {
            "app.js": "text/javascript",
            "base.css": "text/css",
            "texts.en.json": "application/json",
        }.items():
            answer = page.get(f"/page/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
            assert answer.headers["cache-control"] == "no-cache"
        for name in ("tsconfig.json", "index.html", "none.js", "..%2Fapp.py", "%2e%2e/app.py"):
            assert page.get(f"/page/{name}").status_code == 404
        assert "<title>Twinface" in page.get("/").text


def test_what_a_browser_has_is_not_sent_again() -> None:
    with client() as page:
        tag = page.get("/page/app.js").headers["etag"]
        again = page.get("/page/app.js", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_the_page_knows_its_languages() -> None:
    languages = re.findall(r'data-languages="([\w ]+)"', page_files()["index.html"].content.decode())
    assert languages == [" ".join(sorted(file.name.split(".")[1] for file in PAGE.glob("texts.*.json")))]


def test_modules_import_only_modules_that_are_there() -> None:
    for file in MODULES:
        for name in re.findall(r'from "\./([\w.]+)"', file.read_text(encoding="utf-8")):
            assert (PAGE / name).is_file(), f"{file.name} imports {name}"


# What the page needs of a browser, and a face whose first candidate was rejected.
_CARD = """
class Element {
  children = [];
  setAttribute() {}
  addEventListener() {}
  append(...added) { this.children.push(...added); }
  get text() { return this.children.map((child) => child.text ?? child).join(" "); }
}
globalThis.addEventListener = () => {};
globalThis.document = {
  createElement: () => new Element(),
  getElementById: () => new Element(),
  documentElement: { dataset: { languages: "en" } },
};
globalThis.sessionStorage = { getItem: () => null };
Object.defineProperty(globalThis, "navigator", { value: { languages: ["en"] }, configurable: true });
globalThis.fetch = async () => ({ json: async () => JSON.parse(readFileSync("texts.en.json", "utf-8")) });
await (await import("./texts.js")).loadTexts();
const face = { number: 1, box: null, aligned: null, quality: null };
const candidates = [
  { name: "Bob", id: 2, probability: 0.125, rejected: true },
  { name: "Ann", id: 1, probability: 0.75, rejected: false },
];
const { faceCards } = await import("./identified.js");
for (const name of ["Ann", null])
  console.log(faceCards({ faces: [{ name, nobody: 0.25, notes: [], face, candidates }] })[0].children[0].text);
"""


def test_a_card_shows_the_probability_of_its_own_name(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not here")
    for file in [*MODULES, PAGE / "texts.en.json"]:
        shutil.copy(file, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "card.js").write_text(f'import {{ readFileSync }} from "fs";\n{_CARD}')
    done = subprocess.run([node, "card.js"], cwd=tmp_path, capture_output=True, text=True, check=True)
    named, nobody = done.stdout.splitlines()
    assert "Ann" in named
    assert "75" in named
    assert "12" not in named
    assert "25" in nobody


def test_types_hold() -> None:
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("the TypeScript compiler is not here: npm install --global typescript")
    done = subprocess.run([compiler, "-p", str(PAGE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
