"""Texts of models and names of files cannot control the terminal."""

from __future__ import annotations

import logging
import sys

import pytest

from twinface.cli.console import log_to_stderr, print_json, say
from twinface.cli.errors import run_command
from twinface.core.formatting import printable

HOSTILE = "a\x1b]0;title\x07b\x9b31m\rc\u202ed\u2028e\udc80f\x7f"
HARMLESS = "Ünïcode 顔 👩‍👩‍👧 5\N{NO-BREAK SPACE}%\tand\nlines"


def acts_on_a_terminal(text: str) -> bool:
    return any(
        (ord(letter) < 32 and letter not in "\n\t") or letter in HOSTILE[-1] + "\x9b\u202e" for letter in text
    )


def test_what_a_terminal_acts_on_is_escaped_and_all_else_stays() -> None:
    assert printable(HOSTILE) == r"a\x1b]0;title\x07b\x9b31m\rc\u202ed\u2028e\udc80f\x7f"
    assert printable(HARMLESS) == HARMLESS


def test_everything_that_a_command_prints_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        print("name:", HOSTILE)
        print_json({"name": HOSTILE})
        say(HOSTILE)
        sys.stdout.flush()
        assert sys.stdout.encoding == before.encoding

    before = sys.stdout
    assert run_command(command) == 0
    assert sys.stdout is before
    said = capsys.readouterr()
    assert said.out.startswith("name: " + printable(HOSTILE) + "\n{\n")
    assert said.err == printable(HOSTILE) + "\n"
    assert not acts_on_a_terminal(said.out + said.err)


def test_messages_of_the_log_are_escaped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("twinface")
    monkeypatch.setattr(log, "handlers", [])
    # pytest would keep the message as it is, and a message that is not UTF-8 cannot be sent between its processes.
    monkeypatch.setattr(log, "propagate", False)
    log_to_stderr()
    log.info("reading %s", HOSTILE)
    assert capsys.readouterr().err == f"reading {printable(HOSTILE)}\n"
