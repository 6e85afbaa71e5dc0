"""The service's page in a real browser: from two photos to a forgotten person, by mouse, keyboard and camera."""

from __future__ import annotations

import csv
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import cv2
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("selenium")

import httpx
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

import twinface
from browsed_page import Page, serving
from twinface.recognition.gallery.gallery import Gallery
from twinface.service.jobs.leases import Leases
from twinface.service.jobs.table import JobTable
from twinface.service.keys import KeyTable

pytestmark = pytest.mark.slow
PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos" / "deepface"
ANN, ANN_AGAIN, BEA, BEA_AGAIN, TWO = "img1.jpg", "img2.jpg", "img20.jpg", "img21.jpg", "couple.jpg"
VIEWS = ("compare", "people", "identify", "jobs", "model")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not PHOTOS.is_dir():
        pytest.skip(f"there are no photos in {PHOTOS}")
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[str]:
    with serving(place / "gallery.db") as address:
        yield address


@pytest.fixture(scope="module")
def camera(place: Path) -> Path:
    """A film that shows one photo for ever: JPEG files one after the other are MJPEG."""
    photo = cv2.imread(str(PHOTOS / ANN))
    frame = cv2.imencode(".jpg", cv2.resize(photo, (480, 640), interpolation=cv2.INTER_AREA))[1].tobytes()
    (place / "camera.mjpeg").write_bytes(10 * frame)
    return place / "camera.mjpeg"


@pytest.fixture(scope="module")
def driver(camera: Path) -> Iterator[webdriver.Chrome]:
    binary, service = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or service is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1200,900"),
        *("force-prefers-reduced-motion", "lang=en-US", "use-fake-ui-for-media-stream"),
        *("use-fake-device-for-media-stream", f"use-file-for-fake-video-capture={camera}"),
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(service))
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


def view_or_skip(page: Page, view: str) -> None:
    """Opens a view; that of jobs needs calls which are still to come."""
    if view == "jobs":
        with urlopen(f"{page.address}/v1/openapi.json") as answer:
            if "/v1/jobs" not in json.load(answer)["paths"]:
                pytest.skip("this service has no jobs yet")
    page.open(view)


@pytest.fixture
def page(driver: webdriver.Chrome, address: str) -> Iterator[Page]:
    """The page of a gallery without people; whatever it writes to the browser's console is a failure, but hints."""
    page = Page(driver, address, PHOTOS)
    with twinface.Client(address) as client:
        for person in client:
            client.forget(person.name)
    page.media()
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.get_log("browser")
    yield page
    assert [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_from_two_photos_to_a_forgotten_person(page: Page) -> None:
    page.open("compare")
    page.choose(ANN, field=0)
    page.wait(".words .grade", "good")
    page.choose(ANN_AGAIN, inside=".slot:nth-child(2)")
    assert page.wait(".verdict h2").text == "Same person"
    page.status("Same person")
    assert len(page.every(".pair-faces img")) == 2
    assert page.wait("svg.scale").get_attribute("aria-label")
    page.click("Where did it look?")
    page.wait(".maps img")
    page.check_accessible()

    page.enrol("Ann Example", ANN, ANN_AGAIN)
    page.check_accessible()
    page.enrol("Bea", BEA, BEA_AGAIN)

    page.open("identify")
    page.choose(TWO)
    page.wait(".person-card h2", "Ann Example")
    page.wait(".person-card h2", "Nobody I know")
    page.status("Face 1: Ann Example")
    page.check_accessible()
    page.click("No", inside="#face-1 .candidates")
    page.status("Face 1: Nobody I know")
    page.until(lambda: page.driver.switch_to.active_element.get_attribute("id") == "face-1")
    page.click("I know who this is", inside="#face-1")
    page.wait("dialog input").send_keys("ann example")
    page.check_accessible()
    page.click("Save")
    page.wait("#face-1 h2", "Ann Example")
    page.click("I know who this is", inside="#face-2")
    page.wait("dialog input").send_keys("Carl", Keys.ENTER)
    page.wait("#face-2 h2", "Carl")

    page.open("people")
    page.click("Carl", inside=".people-list")
    page.wait(".face-list li")
    page.click("Forget")
    assert page.wait("dialog h2").text == "Forget Carl?"
    page.check_accessible()
    page.click("Cancel", inside="dialog")
    assert page.wait(".person-name").text == "Carl"
    page.click("Forget")
    page.click("Forget", inside="dialog")
    page.status("Carl is forgotten.")
    page.wait("#people-count", "2 people")
    assert "Carl" not in page.driver.find_element(By.ID, "view").text


def test_another_face_of_a_photo_is_compared(page: Page) -> None:
    page.open("compare")
    page.choose(ANN, field=0)
    page.wait(".words .grade")
    page.choose(TWO, inside=".slot:nth-child(2)")
    page.wait(".verdict h2", "Same person")
    page.click("2", inside=".marks")
    page.wait(".verdict h2", "Different people")
    assert page.driver.switch_to.active_element.get_attribute("aria-label") == "Face 2, compared"


def test_a_person_is_renamed_and_merged(page: Page) -> None:
    page.enrol("Dora", ANN)
    page.click("Show Dora")
    page.click("Rename")
    field = page.wait("dialog input")
    field.clear()
    field.send_keys("Dora B <b>")
    page.click("Rename", inside="dialog")
    page.wait(".person-name", "Dora B <b>")
    page.enrol("Dora again", ANN_AGAIN)
    page.click("Show Dora again")
    page.click("Merge")
    page.wait("dialog input").send_keys("dora b <b>")
    page.click("Merge", inside="dialog")
    page.status("Dora B <b> is now part of Dora again.")
    assert len(page.every(".face-list li")) == 2
    page.click("Forget")
    page.click("Forget", inside="dialog")
    page.status("Dora again is forgotten.")


def test_photos_are_refused_one_by_one(page: Page, place: Path) -> None:
    cv2.imwrite(str(place / "wall.jpg"), 0 * cv2.imread(str(PHOTOS / BEA)) + 90)
    page.open("people")
    page.click("Add a person")
    page.driver.find_element(By.ID, "enrol-name").send_keys("Eve")
    page.choose(BEA, str(place / "wall.jpg"))
    Select(page.driver.find_element(By.ID, "enrol-review")).select_by_value("off")
    page.click("Enrol")
    assert "wall.jpg" in page.wait(".report .refused").text
    assert BEA in page.wait(".report .taken").text
    page.click("Show Eve")
    page.click("Forget")
    page.click("Forget", inside="dialog")
    page.status("Eve is forgotten.")


def test_the_camera_takes_a_photo_and_is_closed(page: Page) -> None:
    page.open("compare")
    page.click("Use camera")
    page.wait("dialog video")
    page.check_accessible()
    page.click("Take photo")
    page.wait(".words", "One face found.")
    assert page.every("video") == []


def test_the_live_camera_names_people(page: Page) -> None:
    page.enrol("Film star", ANN_AGAIN)
    page.open("identify")
    page.click("Live camera")
    assert page.wait(".live .mark span").text
    page.click("Keep this picture")
    page.wait(".person-card")
    assert page.every("video") == []


def test_everything_works_by_keyboard(page: Page) -> None:
    page.open("compare")
    keys = page.driver.switch_to

    def press(key: str, times: int = 1) -> WebElement:
        for _ in range(times):
            ActionChains(page.driver).send_keys(key).perform()  # to whatever has the focus
        return keys.active_element

    def tab_to(text: str) -> None:
        for _ in range(40):
            said = press(Keys.TAB)
            if text in (said.text, said.get_attribute("aria-label"), said.get_attribute("id")):
                assert said.value_of_css_property("outline-style") == "solid" or said.tag_name == "input"
                return
        pytest.fail(f"{text} is not reached by the tabulator key")

    assert press(Keys.TAB).text == "Skip to content"
    press(Keys.ENTER)
    assert keys.active_element.get_attribute("id") == "main"
    page.open("compare")
    tab_to("People")
    press(Keys.ENTER)
    page.until(lambda: keys.active_element.text == "People" and keys.active_element.tag_name == "h1")
    tab_to("Add a person")
    press(Keys.SPACE)
    page.until(lambda: keys.active_element.get_attribute("id") == "enrol-name")
    keys.active_element.send_keys("Kay")
    assert press(Keys.TAB).get_attribute("type") == "file"
    keys.active_element.send_keys(str(PHOTOS / BEA_AGAIN))
    page.wait(".thumbs img")
    tab_to("enrol-review")
    tab_to("Enrol")
    press(Keys.ENTER)
    page.wait(".report .taken")
    page.click("Show Kay")
    page.wait(".person-name", "Kay")
    tab_to("Forget")
    press(Keys.ENTER)
    page.wait("dialog")
    press(Keys.ESCAPE)
    page.until(lambda: keys.active_element.text == "Forget")
    press(Keys.ENTER)
    page.wait("dialog")
    tab_to("Forget")
    press(Keys.ENTER)
    page.status("Kay is forgotten.")


def test_a_folder_is_worked_through(page: Page) -> None:
    view_or_skip(page, "jobs")
    page.enrol("Jo", ANN)
    page.open("jobs")
    page.choose(ANN_AGAIN, TWO, field=1)
    page.wait("form .note", "2 photos")
    page.click("Upload and start")
    page.wait("tbody th", ANN_AGAIN)
    assert page.wait(".tiles").text.split("\n")[1] == "finished"
    assert "Jo" in page.wait("tbody").text
    page.check_accessible()
    page.open("jobs")
    page.click("Remove", inside="td")
    page.wait("#view", "There are no jobs yet.")


def job_with(address: str, kind: str, *photos: Path, **settings: object) -> str:
    """A job that has ended; its id."""
    with httpx.Client(base_url=address, timeout=60) as client:
        id = client.post("/v1/jobs", json={"kind": kind, "settings": settings}).json()["id"]
        if photos:
            files = [("photos", (photo.name, photo.read_bytes())) for photo in photos]
            client.post(f"/v1/jobs/{id}/photos", files=files)
            client.post(f"/v1/jobs/{id}/start")
        until = time.monotonic() + 60
        while client.get(f"/v1/jobs/{id}").json()["state"] in {"queued", "running"}:
            assert time.monotonic() < until
            time.sleep(0.05)
    return str(id)


def saved_csv(page: Page, folder: Path) -> list[list[str]]:
    """The lines of the file that the page offers."""
    values = {"behavior": "allow", "downloadPath": str(folder)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", values)
    page.click("Download CSV")
    [file] = page.until(lambda: list(folder.glob("*.csv")))
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.reader(lines))


def test_results_say_which_photos_had_a_problem_and_who_was_forgotten(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    page.enrol("Jo", ANN)
    id = job_with(page.address, "identify", PHOTOS / ANN_AGAIN, broken)
    page.open(f"jobs/{id}")
    assert "Jo" in page.wait("tbody tr", ANN_AGAIN).text
    assert (
        "cannot be read" in page.wait("tbody tr", "broken.jpg").text
        or "not a picture" in page.wait("tbody").text
    )
    with twinface.Client(page.address) as client:
        client.forget("Jo")
    page.open(f"jobs/{id}")
    row = page.wait("tbody tr", ANN_AGAIN).text
    assert "A person who was forgotten" in row
    assert ">99.9%" in row  # of the person, and not of "nobody"
    head, known, unreadable = saved_csv(page, tmp_path)
    assert head == ["photo", "face", "name", "probability", "problem"]
    assert known[:3] == [ANN_AGAIN, "1", "A person who was forgotten"]
    assert (unreadable[0], unreadable[3]) == ("broken.jpg", "")
    assert unreadable[4].startswith("broken.jpg: ")


def test_results_of_every_kind_of_job_are_shown(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    page.open(f"jobs/{job_with(page.address, 'embed', PHOTOS / TWO, broken)}")
    assert page.wait("tbody tr", TWO).text.split()[:2] == [TWO, "2"]
    assert "broken.jpg: " in page.wait("tbody").text
    page.check_accessible()
    head, *lines = saved_csv(page, tmp_path)
    assert head == ["photo", "face", "embedding", "problem"]
    assert [line[:2] for line in lines] == [[TWO, "1"], [TWO, "2"], ["broken.jpg", ""]]
    embeddings = [list(map(float, line[2].split())) for line in lines]
    assert [len(vector) > 100 for vector in embeddings] == [True, True, False]

    page.open(f"jobs/{job_with(page.address, 'cluster', PHOTOS / ANN, PHOTOS / ANN_AGAIN, broken)}")
    assert page.wait("tbody tr", "Group 1").text.split()[2] == "2"
    assert "broken.jpg: " in page.wait("tbody tr", "No group").text
    page.check_accessible()

    page.enrol("Jo", ANN, ANN_AGAIN)
    page.enrol("Bea", BEA, BEA_AGAIN)
    page.open(f"jobs/{job_with(page.address, 'certify', traffic=7)}")
    assert page.wait("tbody tr", "traffic").text == "traffic 7"
    page.click("Download JSON")
    page.check_accessible()


def test_a_removed_job_starts_no_more_looks(driver: webdriver.Chrome, place: Path) -> None:
    with Gallery(place / "busy.db") as gallery:
        table = JobTable(gallery.contents)
        table.create("certify")
        assert Leases(table, lease=600).claim() is not None  # somebody else's, who takes his time
        for _ in range(3):
            table.create("embed")
    with serving(place / "busy.db") as address:
        page = Page(driver, address, PHOTOS)
        page.open("jobs")
        for left in (4, 3, 2):
            page.until(lambda left=left: len(page.every("tbody tr")) == left)
            page.click("Remove", inside="td")
        page.until(lambda: len(page.every("tbody tr")) == 1)
        looks = (
            "return performance.getEntriesByType('resource').filter(e => e.name.endsWith('/v1/jobs')).length"
        )
        before = driver.execute_script(looks)
        time.sleep(5)
        assert 2 <= driver.execute_script(looks) - before <= 3  # one every two seconds


def test_the_camera_is_closed_with_its_view(page: Page) -> None:
    page.open("compare")
    page.driver.execute_script(
        """const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wanted) => (window.opened = await asked(wanted));"""
    )
    page.click("Use camera")
    page.until(lambda: page.wait("dialog button.primary").is_enabled())
    states = "return window.opened.getTracks().map(track => track.readyState)"
    assert page.driver.execute_script(states) == ["live"]
    page.driver.execute_script("location.hash = '#model'")
    page.wait("h1", "Model")
    page.until(lambda: page.driver.execute_script(states) == ["ended"])
    assert page.every("dialog") == []


def test_errors_are_shown_while_the_page_opens(driver: webdriver.Chrome, address: str) -> None:
    page = Page(driver, address, PHOTOS)
    page.open("people/999999")
    page.wait("#alert", "nobody in the gallery has the id 999999")
    page.open("constructor")
    assert page.wait("h1").text == "Compare"
    assert driver.find_element(By.ID, "alert").text == ""
    driver.execute_script("sessionStorage.setItem('twinface-key', 'tf_abc\u2026')")  # cannot be sent
    page.open("model")
    page.wait("#alert", "does not answer")
    page.wait("#key-field").send_keys("tf_\u2026", Keys.ENTER)
    page.wait("#alert", "letters, digits")
    driver.execute_script("sessionStorage.clear()")
    page.open("model")
    page.wait(".tiles")
    assert driver.find_element(By.ID, "alert").text == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_accessible_in_light_and_dark(page: Page, view: str, scheme: str) -> None:
    view_or_skip(page, view)
    page.media(prefers_color_scheme=scheme)
    paper = page.driver.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert paper.startswith("rgba(20, 23, 26" if scheme == "dark" else "rgba(245, 246, 248")
    page.check_accessible()


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_fits_a_phone(page: Page, view: str) -> None:
    page.phone()
    view_or_skip(page, view)
    assert page.fits()
    page.check_accessible()


def test_results_fit_a_phone(page: Page) -> None:
    page.phone()
    page.open("people")
    page.click("Add a person")
    assert page.fits()
    page.open("compare")
    page.choose(ANN, field=0)
    page.wait(".words .grade")
    page.choose(BEA, inside=".slot:nth-child(2)")
    assert page.wait(".verdict h2").text == "Different people"
    assert page.fits()
    page.open("identify")
    page.choose(TWO)
    page.wait(".person-card")
    assert page.fits()
    page.enrol("Hubertus Maximilian von Hohenlohe-Langenburg-" + 20 * "Schillingsfürst", ANN)
    page.open("identify")
    page.choose(TWO)
    page.wait(".person-card h2", "Hubertus")
    assert page.fits()


def test_the_page_is_small(page: Page, record_property: Callable[[str, object], None]) -> None:
    page.open("compare")
    page.wait(".slot")
    entries = "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
    sizes = page.driver.execute_script(f"return {entries}.map(entry => entry.encodedBodySize)")
    paint = page.driver.execute_script(
        "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    )
    record_property("first_paint_ms", paint)
    print(f"{sum(sizes):,} bytes in {len(sizes)} files, first paint after {paint} ms")
    assert 10_000 < sum(sizes) < 200_000


def test_a_key_is_asked_for(driver: webdriver.Chrome, place: Path) -> None:
    with Gallery(place / "locked.db") as gallery:
        gallery.engine  # noqa: B018 - makes the tables
        keys = KeyTable(gallery.store)
        (_, reads), (_, enrols) = keys.make("reader", "read"), keys.make("enroller", "enrol")
    with serving(place / "locked.db") as address:
        page = Page(driver, address, PHOTOS)
        page.open("people")
        page.check_accessible()
        assert page.every("#people-search") == []
        page.wait("#key-field").send_keys("tf_wrong", Keys.ENTER)
        page.wait("#key label", "not valid")
        page.wait("#key-field").send_keys(reads, Keys.ENTER)
        page.wait("#people-count")
        assert page.every("details.enrol") == []
        page.click("Forget key")
        page.wait("#key-field").send_keys(enrols, Keys.ENTER)
        page.wait("details.enrol")
        page.check_accessible()
        page.click("Forget key")
        page.wait("#key-field")
