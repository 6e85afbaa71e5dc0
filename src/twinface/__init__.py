"""Twinface trains, judges and uses Siamese networks for face verification.

Using a model:

    import twinface
    verdict = twinface.verify("a.jpg", "b.jpg", model="runs/x")
    if verdict: print(verdict.explain())

Training one is `twinface.training.run` or, more often, `twinface train` in a shell.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twinface.core.errors import TwinfaceError as TwinfaceError
    from twinface.recognition.explanation import Explanation as Explanation
    from twinface.recognition.explanation import explain as explain
    from twinface.recognition.verdict import Verdict as Verdict
    from twinface.recognition.verifier import Verifier as Verifier
    from twinface.recognition.verifier import verify as verify

__version__ = "0.2.0"

# Imported when first asked for, so that `import twinface` itself takes no time.
_HOMES = {
    "verify": "recognition.verifier",
    "Verifier": "recognition.verifier",
    "Verdict": "recognition.verdict",
    "explain": "recognition.explanation",
    "Explanation": "recognition.explanation",
    "TwinfaceError": "core.errors",
}
__all__ = ["Explanation", "TwinfaceError", "Verdict", "Verifier", "__version__", "explain", "verify"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"twinface.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'twinface' has no attribute {name!r}")
