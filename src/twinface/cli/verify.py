"""`twinface verify`."""

from __future__ import annotations

import sys
from dataclasses import asdict

from twinface.cli.console import print_json, say
from twinface.cli.options import SHIPPED, Json, Left, ModelPlace, Right


def verify(
    left: Left,
    right: Right,
    model: ModelPlace = SHIPPED,
    json: Json = False,
) -> None:
    """Say whether two pictures show the same person: exit 0 same, 1 different, 2 could not tell.

    It does not look for faces. Both pictures must be framed like those that the model was trained on; for the shipped
    model these are the pictures of LFW-a.
    """
    from twinface.recognition.verifier import verify as judge

    verdict = judge(left, right, model)
    if json:
        print_json(asdict(verdict))
    else:
        print(verdict.explain())
    for note in verdict.notes:
        say(note)
    sys.exit(0 if verdict else 1)
