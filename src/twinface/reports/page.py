"""Templates to HTML."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from twinface.core.formatting import printable
from twinface.core.html_page import page_style


def render(template: str, **values: Any) -> str:
    """Fills a template; every value is escaped, since people and files may be named like HTML.

    Characters that no page may hold, such as bytes of a file's name that are not UTF-8, become visible codes.

    Args:
        template: a file in `templates/`.
        values: its variables; one that is missing is an error, not a gap in the page.
    """
    environment = Environment(
        loader=PackageLoader("twinface.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return printable(environment.get_template(template).render(style=Markup(page_style()), **values))
