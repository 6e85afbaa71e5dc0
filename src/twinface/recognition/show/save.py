"""Writes a view to a file: a PNG picture, or an HTML page."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.storage import write_bytes
from twinface.recognition.canvas import encode_png
from twinface.recognition.show.page import pair_page, photo_page
from twinface.recognition.show.sheet import pair_sheet, photo_sheet
from twinface.recognition.show.view import PairView, PhotoView


def check_target(target: Path) -> None:
    """Checks a file's name before any work is done.

    Raises:
        SettingsError: it ends neither in .png nor in .html.
    """
    if target.suffix.lower() not in (".png", ".html"):
        raise SettingsError(f"{target}: need a name that ends in .png (a picture) or .html (a page)")


def save_view(view: PairView | PhotoView, target: Path) -> None:
    """Writes a view. An older file of that name is replaced once the new one is whole.

    Args:
        view: of a pair or of a photo.
        target: ends in .png or .html; missing folders are created.

    Raises:
        SettingsError: it ends in neither.
        StorageError: the file cannot be written.
    """
    check_target(target)
    if target.suffix.lower() == ".png":
        write_bytes(target, encode_png(pair_sheet(view) if isinstance(view, PairView) else photo_sheet(view)))
    else:
        page = pair_page(view) if isinstance(view, PairView) else photo_page(view)
        write_bytes(target, page.encode())
