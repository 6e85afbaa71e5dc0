"""A verdict as `--json` prints it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twinface.recognition.verdict import Verdict


def plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict as `--json` prints it, without levels."""
    return asdict(verdict)
