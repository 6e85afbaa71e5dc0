"""Suggests the word that a caller may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown word: the nearest known word, then all of them.

    Args:
        word: the unknown word.
        known: the words that exist.

    >>> nearest("epoch", ["epochs", "precision"])
    ' (did you mean "epochs"?); there are epochs, precision'
    """
    import difflib  # needed for errors only, so not loaded at every start

    known = list(known)
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    hint = f' (did you mean "{close[0]}"?)' if close else ""
    return f"{hint}; there are {', '.join(known)}" if known else hint
