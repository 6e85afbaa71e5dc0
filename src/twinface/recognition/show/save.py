"""Shows a pair in a file: a PNG picture, or an HTML page."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import SettingsError
from twinface.core.storage import write_bytes
from twinface.core.types import ProgressCallback
from twinface.faces.choose import Choice
from twinface.faces.picture import Picture
from twinface.recognition.canvas import encode_png
from twinface.recognition.show.page import pair_page, photo_page
from twinface.recognition.show.sheet import pair_sheet, photo_sheet
from twinface.recognition.show.view import PairView, PhotoView, view_pair
from twinface.recognition.verdict import Verdict
from twinface.recognition.verifier import Verifier


def show(
    left: Picture,
    right: Picture,
    target: str | Path,
    model: str | Path | Verifier = "best",
    *,
    faces: Choice = "largest",
    aligned: bool = False,
    progress: ProgressCallback | None = None,
) -> Verdict:
    """Verify two photos, and draw what was found and why.

    The file has both photos with boxes and landmarks, both aligned faces with the regions that move the score, their
    quality, and the score on a scale. Where it cannot be told, it has what was found.

    Args:
        left: a path, the bytes of a file, an array or a Pillow image; see `faces.picture.load_picture`.
        right: the other photo, in any of these forms.
        target: the file; ends in .png (a picture) or .html (a page that needs no other file).
        model: the name of a model, a run folder or a file, see `models.load.load_model`; or a loaded verifier.
        faces, aligned: see `Verifier`; a loaded verifier has its own.
        progress: called with (embeddings done, in total).

    Raises:
        SettingsError: the file's name ends in neither.
        ImageError: a photo cannot be read, or is an array of another shape or type.
        ModelError: the model or its weights are missing or damaged.
        DivergedError: an embedding is not finite.
        StorageError: the file cannot be written.
    """
    check_target(Path(target))
    verifier = model if isinstance(model, Verifier) else Verifier(model, faces=faces, aligned=aligned)
    view = view_pair(verifier, left, right, verifier.card, progress)
    save_view(view, Path(target))
    return view.verdict


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
