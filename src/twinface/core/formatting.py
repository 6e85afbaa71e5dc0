"""Figures as people say them."""

from __future__ import annotations


def percent(value: float) -> str:
    r"""A share as it is said, in one piece.

    >>> percent(0.887)
    '88.7\xa0%'
    """
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(3.25), duration(111), duration(7_325)
    ('3.2 s', '1 min 51 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
