"""The frame and the style of every page that Twinface writes: one file that opens without a network."""

from __future__ import annotations

from html import escape
from importlib import resources

from twinface.core.formatting import printable

# Nothing may come from the network or run, whatever a name in the data tries.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page_style() -> str:
    """The style sheet, with colours for light and dark."""
    return resources.files("twinface.core").joinpath("page.css").read_text(encoding="utf-8")


def html_page(title: str, main: str) -> str:
    """A whole page.

    Args:
        title: as plain text.
        main: HTML, with all texts escaped. Characters that no page may hold, which names of files can have, become
            visible codes.
    """
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Twinface">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{page_style()}
</style>
</head>
<body>
<main>
{main}
</main>
</body>
</html>
"""
    return printable(page)
