"""Options that all commands about a gallery share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from twinface.recognition.gallery.contents import GallerySettings
    from twinface.recognition.gallery.gallery import Gallery
    from twinface.recognition.gallery.tables import GalleryTables

Name = Annotated[str, typer.Argument(help="A person of the gallery.")]
Place = Annotated[
    str | None,
    typer.Option(
        "--gallery", help="A file or a database's URL; else TWINFACE_GALLERY, else this user's own gallery."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(help="The key of an encrypted gallery; else TWINFACE_GALLERY_KEY or …_KEY_FILE."),
]
Aligned = Annotated[
    bool, typer.Option("--aligned", help="Look for no face: the pictures are framed as the model needs.")
]


@dataclass(frozen=True)
class GalleryOptions:
    """Which gallery, and its key."""

    gallery: Place = None
    key_file: KeyFile = None

    def open(self, create: bool = False) -> GalleryTables:
        """The gallery, for what needs no model."""
        from twinface.recognition.gallery.tables import GalleryTables

        return GalleryTables(self.gallery, key=self.key_file, create=create)


@dataclass(frozen=True)
class ModelOptions(GalleryOptions):
    """Which gallery, its key, and the model that it is searched with."""

    model: Annotated[
        str | None,
        typer.Option(help="A model's name or place; else the gallery's own, and best for a new one."),
    ] = None
    aligned: Aligned = False

    def open_with_model(self, create: bool | GallerySettings = False, threads: int | None = None) -> Gallery:
        """The gallery with its model."""
        from twinface.recognition.gallery.gallery import Gallery

        return Gallery(
            self.gallery,
            self.model,
            key=self.key_file,
            create=create,
            aligned=self.aligned,
            threads=threads,
        )
