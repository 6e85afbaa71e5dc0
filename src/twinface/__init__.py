"""Twinface trains, judges and uses Siamese networks for face verification.

Using a model:

    import twinface
    verdict = twinface.verify("a.jpg", "b.jpg", model="runs/x")
    if verdict: print(verdict.explain())

Training one is `twinface.training_run` or, more often, `twinface train` in a shell.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twinface.errors import TwinfaceError as TwinfaceError
    from twinface.explanation import Explanation as Explanation
    from twinface.explanation import explain as explain
    from twinface.recognition import Verifier as Verifier
    from twinface.recognition import verify as verify
    from twinface.types import Verdict as Verdict

__version__ = "0.1.0"

# Imported when first asked for, so that `import twinface` itself takes no time.
_HOMES = {
    "verify": "recognition",
    "Verifier": "recognition",
    "Verdict": "types",
    "explain": "explanation",
    "Explanation": "explanation",
    "TwinfaceError": "errors",
}
__all__ = ["Explanation", "TwinfaceError", "Verdict", "Verifier", "__version__", "explain", "verify"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"twinface.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'twinface' has no attribute {name!r}")
