"""The pages that are made from kept figures show these figures."""

import subprocess
import sys
from pathlib import Path

STUDIES = Path(__file__).parents[1] / "studies"


def test_pages_show_the_figures_that_are_kept() -> None:
    """If this fails, `python studies/tables.py` writes the pages anew."""
    checked = subprocess.run(
        [sys.executable, str(STUDIES / "tables.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
