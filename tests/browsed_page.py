"""The service's page in a browser, as a user meets it; tests of the page stand on it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from twinface.service.app import create_app
from twinface.service.settings import ServiceSettings

PHONE = 360  # pixels across


class Page:
    """The page in a browser, as a user sees it."""

    def __init__(self, driver: webdriver.Chrome, address: str, photos: Path) -> None:
        self.driver, self.address, self.photos = driver, address, photos

    def open(self, view: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.address}/#{view}")
        self.wait("h1")

    def every(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, found: Callable[[], Any], seconds: float = 40) -> Any:
        return WebDriverWait(self.driver, seconds).until(lambda _: found())

    def wait(self, selector: str, text: str = "") -> WebElement:
        """The first element that is seen and has the text."""

        def found() -> list[WebElement]:
            seen = "e.checkVisibility() && (e.innerText ?? '').includes(arguments[1])"
            script = f"return [...document.querySelectorAll(arguments[0])].filter(e => {seen})"
            return self.driver.execute_script(script, selector, text)

        return self.until(found)[0]

    def click(self, text: str, inside: str = "") -> None:
        element = self.wait(
            f"{inside} button, {inside} summary, {inside} a" if inside else "button, summary, a", text
        )
        self.until(element.is_enabled)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def choose(self, *photos: str, field: int = 0, inside: str = "#view") -> None:
        paths = "\n".join(str(self.photos / photo) for photo in photos)
        self.until(lambda: self.every(f"{inside} input[type=file]"))[field].send_keys(paths)

    def status(self, text: str) -> None:
        """Waits until a screen reader was told this."""
        self.until(lambda: text in self.driver.find_element(By.ID, "status").get_property("textContent"))

    def media(self, **features: str) -> None:
        values = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": values})

    def phone(self) -> None:
        size = {"width": PHONE, "height": 740, "deviceScaleFactor": 2, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def fits(self) -> bool:
        return bool(self.driver.execute_script(f"return document.documentElement.scrollWidth <= {PHONE}"))

    def check_accessible(self) -> None:
        """No violation that axe-core knows; its source is injected by the driver, which no policy of the page stops."""
        axe = pytest.importorskip("axe_selenium_python")
        source = Path(axe.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
        self.driver.execute_script(source.read_text(encoding="utf-8"))
        # This version of axe-core does not know yet that HTML 5.2 allows <div> in <dl>.
        rules = {"rules": {"dlitem": {"enabled": False}}}
        run = "const done = arguments[1]; axe.run(arguments[0]).then(found => done(found.violations))"
        violations = self.driver.execute_async_script(run, rules)
        found = [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations]
        assert found == [], json.dumps(found, indent=1)

    def enrol(self, name: str, *photos: str) -> None:
        self.open("people")
        self.click("Add a person")
        self.driver.find_element(By.ID, "enrol-name").send_keys(name)
        self.choose(*photos)
        self.click("Enrol")
        self.wait(".report .taken")


@contextmanager
def serving(gallery: Path) -> Iterator[str]:
    """A service of its own on this machine; gives its address."""
    app = create_app(ServiceSettings(gallery=str(gallery)))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.05)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
