"""The exceptions that Twinface raises on purpose.

Each message is one line that says what was found, what was needed and what to do. The command line
prints it after `twinface:` and exits with 2; Python callers catch `TwinfaceError` or a subclass.
"""


class TwinfaceError(Exception):
    """Anything wrong with what was given to Twinface, rather than with Twinface itself."""


class ImageError(TwinfaceError):
    """A picture that is missing, damaged, too large or of a format that is not read."""


class DataError(TwinfaceError):
    """A data set, list or pair file that is missing or does not fit its format."""


class SettingsError(TwinfaceError):
    """A recipe, flag or `--set` override that names an unknown field or an impossible value."""


class ModelError(TwinfaceError):
    """A model or state file that is damaged, of another kind or made for other pictures."""


class LeakError(TwinfaceError):
    """An evaluation that would score people whom the model or its threshold has seen."""


class DivergedError(TwinfaceError):
    """A loss or an embedding that is no longer finite."""


class ProcessError(TwinfaceError):
    """A process of a training in several that has gone, cannot be reached or computes otherwise than the others."""


class StorageError(TwinfaceError):
    """A file that could not be written; what was there before is unchanged."""
