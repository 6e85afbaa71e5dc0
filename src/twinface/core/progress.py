"""A progress bar on stderr, or in a notebook."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twinface.core.types import ProgressCallback


@contextmanager
def progress_bar(label: str, unit: str = "img") -> Iterator[ProgressCallback]:
    """A bar for work that reports (done, in total). Nothing shows where stderr is neither terminal nor notebook.

    Args:
        label: shown before the bar.
        unit: of what is counted.
    """
    try:
        bar_type = tqdm_type()
    except ModuleNotFoundError:  # it comes with the extra that trains; a model can be used without
        yield lambda done, total: None
        return
    with bar_type(desc=label, unit=unit, disable=None, leave=False, file=sys.stderr) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


def tqdm_type() -> Any:
    """tqdm's bar for where we are: widgets in a notebook that has them, text elsewhere.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    if not in_notebook():
        from tqdm import tqdm

        return tqdm
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)  # that the notebook has no widgets
        from tqdm.auto import tqdm as notebook_tqdm

    return notebook_tqdm


def in_notebook() -> bool:
    """Whether this process is the kernel of a Jupyter notebook."""
    return "ipykernel" in sys.modules
