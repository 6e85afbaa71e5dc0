"""The exceptions that Twinface raises on purpose.

Each message is one line: what was found, what was needed, and what to do. The command line prints it after `twinface:`
and exits with 2. Python callers catch `TwinfaceError` or a subclass.
"""


class TwinfaceError(Exception):
    """A problem with the input, the files or the machine, rather than with Twinface itself."""


class ImageError(TwinfaceError):
    """A picture that is missing, damaged, too large or in a format that is not supported."""


class FaceNotFoundError(ImageError):
    """A photo in which no face was found, or none of the wanted number.

    Attributes:
        found: how many faces the photo has.
    """

    def __init__(self, message: str, found: int = 0) -> None:
        super().__init__(message)
        self.found = found


class SeveralFacesError(ImageError):
    """A photo with several faces where exactly one was asked for.

    Attributes:
        found: how many faces the photo has.
    """

    def __init__(self, message: str, found: int = 0) -> None:
        super().__init__(message)
        self.found = found


class DataError(TwinfaceError):
    """A data set, list or pair file that is missing or does not fit its format."""


class SettingsError(TwinfaceError):
    """A recipe, flag or `--set` override that names an unknown field or an impossible value."""


class ModelError(TwinfaceError):
    """A model or state file that is damaged, of another kind or made for other pictures."""


class ModelMismatchError(ModelError):
    """A gallery that was made with another model than the one at hand."""


class GalleryError(TwinfaceError):
    """A gallery that is missing, damaged or in another state than the call needs."""


class UnknownPersonError(GalleryError):
    """A name that nobody in the gallery has."""


class NameTakenError(GalleryError):
    """A name that somebody in the gallery has already."""


class KeyNeededError(GalleryError):
    """An encrypted gallery without its key, or with a wrong one."""


class LeakError(TwinfaceError):
    """An evaluation on people that the model was trained on, or that its threshold was chosen on."""


class DivergedError(TwinfaceError):
    """A loss or an embedding that is no longer finite."""


class ProcessError(TwinfaceError):
    """A process of a distributed training that ended, cannot be reached, or computes other values than the rest."""


class StorageError(TwinfaceError):
    """A file that could not be written; an older file of that name is unchanged."""


class NotErasedError(StorageError):
    """What was asked for is done, but bytes of what is gone can still be in the files."""
