"""Twinface trains, judges and uses Siamese networks for face verification.

Use a model:

    import twinface

    verdict = twinface.verify("a.jpg", "b.jpg")
    if verdict:
        print(verdict.explain())

Train and judge one:

    run = twinface.train("orl", recipe="demo", out="runs/orl")
    print(twinface.evaluate("runs/orl", protocol="unseen"))
    twinface.report("runs/orl")
"""

from __future__ import annotations

# Checkers of types take this name for true. To import `typing` would take 10 ms, in which Ctrl-C is not handled yet.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from twinface.core.errors import TwinfaceError as TwinfaceError
    from twinface.datasets.load import load_dataset as load_dataset
    from twinface.evaluation.evaluate import Evaluation as Evaluation
    from twinface.recognition.compare import compare_photos as compare_photos
    from twinface.recognition.explanation import Explanation as Explanation
    from twinface.recognition.explanation import explain as explain
    from twinface.recognition.gallery.contents import GallerySettings as GallerySettings
    from twinface.recognition.gallery.gallery import Gallery as Gallery
    from twinface.recognition.rates import WantedRates as WantedRates
    from twinface.recognition.show.save import show as show
    from twinface.recognition.verdict import Verdict as Verdict
    from twinface.recognition.verifier import Verifier as Verifier
    from twinface.recognition.verifier import verify as verify
    from twinface.reports import report as report
    from twinface.service.client import Client as Client
    from twinface.training.evaluate_run import evaluate_run as evaluate  # noqa: F401
    from twinface.training.run_folder import RunFolder as RunFolder
    from twinface.training.train import train as train

__version__ = "0.2.0"

# Public name → module, and the name there. Imported when first asked for, so that `import twinface` takes no time.
_PUBLIC = {
    "Client": ("service.client", "Client"),
    "Evaluation": ("evaluation.evaluate", "Evaluation"),
    "Explanation": ("recognition.explanation", "Explanation"),
    "Gallery": ("recognition.gallery.gallery", "Gallery"),
    "GallerySettings": ("recognition.gallery.contents", "GallerySettings"),
    "RunFolder": ("training.run_folder", "RunFolder"),
    "TwinfaceError": ("core.errors", "TwinfaceError"),
    "Verdict": ("recognition.verdict", "Verdict"),
    "Verifier": ("recognition.verifier", "Verifier"),
    "WantedRates": ("recognition.rates", "WantedRates"),
    "compare_photos": ("recognition.compare", "compare_photos"),
    "evaluate": ("training.evaluate_run", "evaluate_run"),
    "explain": ("recognition.explanation", "explain"),
    "load_dataset": ("datasets.load", "load_dataset"),
    "report": ("reports", "report"),
    "show": ("recognition.show.save", "show"),
    "train": ("training.train", "train"),
    "verify": ("recognition.verifier", "verify"),
}
__all__ = [  # noqa: PLE0604 (a list of strings, which ruff cannot see)
    "__version__",
    *_PUBLIC,
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        from importlib import import_module

        module, attribute = _PUBLIC[name]
        return getattr(import_module(f"twinface.{module}"), attribute)
    raise AttributeError(f"module 'twinface' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
