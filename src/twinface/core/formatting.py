"""Numbers and texts as people read them."""

from __future__ import annotations

import re
import shlex
import traceback
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

# Control characters but for tab and line feed, marks that turn the direction of writing, the two separators that end a
# line for some programs, and halves of characters, which are bytes of a file's name that are not UTF-8.
_NOT_PRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""A text with every character escaped that a terminal would act upon, or could not show.

    Names of files and texts in models come from anybody, and could move the cursor, set the window's title or hide a
    line.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\n'
    """
    return _NOT_PRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def one_line(found: object, most: int | None = None) -> str:
    r"""A text, or the text of an error, in one line that is safe to print.

    Args:
        found: anything with a text.
        most: characters; a longer text is cut.

    >>> one_line("a\nb\x1b  c"), one_line("abcdef", 5)
    ('a b\\x1b c', 'ab...')
    """
    text = printable(" ".join(str(found).split()))
    return text if most is None or len(text) <= most else f"{text[: most - 3]}..."


def as_argument(path: object) -> str:
    """A path as it is typed on a command line.

    >>> as_argument(Path("runs/mine")), as_argument("my people")
    ('runs/mine', "'my people'")
    """
    return shlex.quote(one_line(path))


def place_of(error: BaseException, but: Path | None = None) -> str | None:
    """The last line of Twinface that an exception went through: "models/record.py:88"; None if there is none.

    Args:
        error: was caught.
        but: a file that does not count.
    """
    root = Path(__file__).parents[1]
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [place for place in frames if place[0].is_relative_to(root) and place[0] != but]
    return f"{own[-1][0].relative_to(root).as_posix()}:{own[-1][1]}" if own else None


def percent(value: float) -> str:
    r"""A fraction as a percentage, without a line break before the sign.

    >>> percent(0.887)
    '88.7\xa0%'
    """
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def duration(seconds: float) -> str:
    """A duration in seconds, in the units that people use.

    >>> duration(3.25), duration(111), duration(7_325)
    ('3.2 s', '1 min 51 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(number: int, thing: str) -> str:
    """A number of things.

    >>> count(1, "epoch"), count(3, "epoch"), count(2, "person")
    ('1 epoch', '3 epochs', '2 people')
    """
    things = "people" if thing == "person" else f"{thing}s"
    return f"{number:,} {thing if number == 1 else things}"


def brief(number: float) -> str:
    """A number with two digits, or a whole one.

    >>> brief(0.0481), brief(3.25), brief(99.7), brief(658.2)
    ('0.048', '3.2', '100', '658')
    """
    return f"{number:,.0f}" if number >= 99.5 else f"{number:.2g}"


def html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as an HTML table with a column for each key, for notebooks.

    >>> html_table([{"a": 1, "b": 0.5}])
    '<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>0.5000</td></tr></table>'
    """

    def cell(value: Any) -> str:
        return escape("" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value))

    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell(row.get(name))}</td>' for name in names)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
