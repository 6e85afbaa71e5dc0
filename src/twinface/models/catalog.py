"""Where models are found: those that come with Twinface, by name, and those on the disk, by path."""

from __future__ import annotations

from pathlib import Path

from twinface.core.errors import ModelError


def shipped_models() -> dict[str, Path]:
    """The models that come with the package: name → file."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "shipped").glob("*.onnx"))}


def find_model(place: str | Path) -> Path:
    """The ONNX file of a model.

    Args:
        place: a run folder, its model folder, an ONNX file, or the name of a model that comes with Twinface. The
            name always means that model, whatever lies in the current folder; `./default` is a folder.

    Raises:
        ModelError: there is no model at that place.
    """
    shipped = shipped_models()
    if isinstance(place, str) and place in shipped:
        return shipped[place]
    place = Path(place)
    if place.is_file():
        return place
    for candidate in (place / "model" / "model.onnx", place / "model.onnx"):
        if candidate.is_file():
            return candidate
    if (place / "settings.toml").is_file():
        raise ModelError(
            f"{place}: training has not ended; continue it with `twinface train --resume {place}`"
        )
    raise ModelError(
        f"{place}: found no model there; need a run folder with model/model.onnx, an ONNX file, or the name of a model "
        f"that comes with Twinface ({', '.join(shipped) or 'none does'})"
    )
