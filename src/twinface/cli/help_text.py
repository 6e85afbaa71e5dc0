"""`--help` in groups, with no sentence cut: commands by what they are for, options by what they are about.

The types of click are `Any` here: some versions of typer have a click of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_OTHER = "Options"


class GroupedCommand(TyperCommand):
    """A command whose options are listed in the groups that `options.grouped` gave them."""

    def format_options(self, context: Any, formatter: Any) -> None:
        """Writes arguments, then each group of options, the command's own options last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None:
                own = "Arguments" if parameter.param_type_name == "argument" else _OTHER
                groups.setdefault(getattr(parameter, "rich_help_panel", None) or own, []).append(record)
        for title in sorted(groups, key=lambda title: (title == _OTHER, title != "Arguments")):
            with formatter.section(title):
                formatter.write_dl(groups[title])


class GroupedTyper(typer.Typer):
    """An application whose commands are `GroupedCommand`s."""

    def command(self, name: str | None = None, **more: Any) -> Any:
        """As typer's."""
        return super().command(name, **{"cls": GroupedCommand, **more})


def sectioned(sections: Mapping[str, Sequence[str]]) -> type[TyperGroup]:
    """A class for a group of commands that lists them under titles, each with its whole first paragraph.

    Args:
        sections: title → names of commands; commands that no title names come last, under "More".
    """

    class Sectioned(TyperGroup):
        def format_commands(self, context: Any, formatter: Any) -> None:
            """Writes each section."""
            commands = {name: self.get_command(context, name) for name in self.list_commands(context)}
            shown = {name: command for name, command in commands.items() if command and not command.hidden}
            named = {name for names in sections.values() for name in names}
            rest = [name for name in shown if name not in named]
            for title, names in [*sections.items(), ("More", rest)]:
                rows = [(name, _first_paragraph(shown[name])) for name in names if name in shown]
                if rows:
                    with formatter.section(title):
                        formatter.write_dl(rows)

    return Sectioned


def _first_paragraph(command: Any) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())
