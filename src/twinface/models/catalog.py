"""The models that have names: those that come with Twinface, and pretrained ones that come in other packages.

A new one is a function that opens it, a card in `cards/`, and one line in `NAMED_MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from twinface.core.errors import ModelError
from twinface.core.packaged_file import PackagedFile
from twinface.core.storage import is_file
from twinface.core.suggestion import nearest
from twinface.models.card import ModelCard, read_card
from twinface.models.committee import PLAIN, PLAIN_AND_MIRRORED, Committee, Member, Variant
from twinface.models.embedder import LoadedModel
from twinface.models.onnx_model import OnnxModel
from twinface.models.pretrained.dlib_network import DLIB, DLIB_LANDMARKS, open_dlib
from twinface.models.pretrained.sface import SFACE, open_sface
from twinface.models.record import ModelRecord

_SHIPPED = Path(__file__).parent / "shipped"
Open = Callable[[ModelCard, int | None], LoadedModel]


@dataclass(frozen=True)
class NamedModel:
    """A model that is opened by its name.

    Attributes:
        open: called with its card and a number of threads.
        needs: the files of weights that come in other packages.
        module: that runs it, in the same extra as the last of `needs`; None for what is always installed.
    """

    open: Open
    needs: tuple[PackagedFile, ...] = ()
    module: str | None = None

    @property
    def is_installed(self) -> bool:
        """Whether all that it needs is on this machine."""
        return self.how_to_install is None

    @property
    def how_to_install(self) -> str | None:
        """The command that installs it, or None if it is installed."""
        missing = [file for file in self.needs if not file.is_installed()]
        if self.module is not None and find_spec(self.module) is None:
            missing.append(self.needs[-1])
        return missing[-1].install_command if missing else None


def _shipped(file: str) -> Open:
    return lambda card, threads: OnnxModel(_SHIPPED / file, threads)


def _pretrained(open_network: Callable[[ModelRecord, int | None], LoadedModel]) -> Open:
    return lambda card, threads: open_network(_record(card), threads)


def _committee(variants: Mapping[str, tuple[Variant, ...]]) -> Open:
    def opened(card: ModelCard, threads: int | None) -> LoadedModel:
        members = [
            Member(open_named(name, threads), weight, seen)
            for (name, seen), weight in zip(variants.items(), card.weights, strict=True)
        ]
        return Committee(_record(card), members)

    return opened


# The members of each committee and the variants of a picture that they see, in the order of its card's weights.
COMMITTEES = {"sface-dlib": {"sface": PLAIN_AND_MIRRORED, "dlib": PLAIN}}

# The best first: `best` is the first of them that is installed.
NAMED_MODELS: dict[str, NamedModel] = {
    "sface-dlib": NamedModel(_committee(COMMITTEES["sface-dlib"]), (SFACE, DLIB, DLIB_LANDMARKS), "dlib"),
    "sface": NamedModel(_pretrained(open_sface), (SFACE,)),
    "dlib": NamedModel(_pretrained(open_dlib), (DLIB, DLIB_LANDMARKS), "dlib"),
    "siamese": NamedModel(_shipped("siamese.onnx")),
    "default": NamedModel(_shipped("default.onnx")),
}
BEST = "best"


def open_named(name: str, threads: int | None = None) -> LoadedModel:
    """A model by its name.

    Args:
        name: a key of `NAMED_MODELS`, or "best".
        threads: see `load.load_model`.

    Raises:
        ModelError: its weights are not installed, or are damaged.
    """
    name = best_installed() if name == BEST else name
    return NAMED_MODELS[name].open(read_card(name), threads)


def is_name(place: str | Path) -> bool:
    """Whether it is the name of a model. The name always means that model; `./default` is a folder."""
    return isinstance(place, str) and (place in NAMED_MODELS or place == BEST)


def best_installed() -> str:
    """The name of the best model whose weights are on this machine."""
    return next(name for name, model in NAMED_MODELS.items() if model.is_installed)


def card_of(place: str | Path) -> ModelCard | None:
    """The card of the model that a name stands for; None where the place is no name.

    Raises:
        ModelError: the card is missing or damaged.
    """
    if not is_name(place):
        return None
    return read_card(best_installed() if place == BEST else str(place))


def find_model(place: str | Path) -> Path:
    """The ONNX file, or the description, at a place on the disk.

    Args:
        place: a run folder, its model folder, an ONNX file that Twinface wrote, or the description of a network.

    Raises:
        ModelError: there is no model at that place.
    """
    place = Path(place)
    if is_file(place):
        return place
    for candidate in (place / "model" / "model.onnx", place / "model.onnx"):
        if is_file(candidate):
            return candidate
    if is_file(place / "settings.toml"):
        raise ModelError(
            f"{place}: training has not ended; continue it with `twinface train --resume {place}`"
        )
    raise ModelError(
        f"{place}: found no model there; need a run folder with model/model.onnx, an ONNX file, the description of a "
        f"network (.toml), or a name{nearest(str(place), NAMED_MODELS)}"
    )


def _record(card: ModelCard) -> ModelRecord:
    if card.record is None:
        raise ModelError(f"the card of {card.name} has no record: pip install --force-reinstall twinface")
    return card.record
