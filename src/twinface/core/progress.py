"""A progress bar on stderr, or in a notebook."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twinface.core.types import ProgressCallback

# Marks a line of the log that was printed above a progress bar already: `log.info(line, extra=FILE_ONLY)`.
FILE_ONLY = {"file_only": True}


@contextmanager
def progress_bar(label: str, unit: str = "img") -> Iterator[ProgressCallback]:
    """A progress bar. It is not shown where stderr is neither a terminal nor a notebook.

    Yields a callback that is to be called with (done, in total).

    Args:
        label: shown before the bar.
        unit: what is counted, in short: "img".
    """
    try:
        bar_type = tqdm_type()
    except ModuleNotFoundError:  # tqdm belongs to the extra for training; using a model does not need it
        yield lambda done, total: None
        return
    with bar_type(desc=label, unit=unit, disable=None, leave=False, file=sys.stderr) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


def tqdm_type() -> Any:
    """tqdm's class for a progress bar: with widgets in a notebook that has them, as text elsewhere.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    if not in_notebook():
        from tqdm import tqdm

        return tqdm
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # it warns if the notebook has no widgets
        from tqdm.auto import tqdm as notebook_tqdm

    return notebook_tqdm


def in_notebook() -> bool:
    """Whether this process is the kernel of a Jupyter notebook."""
    return "ipykernel" in sys.modules
