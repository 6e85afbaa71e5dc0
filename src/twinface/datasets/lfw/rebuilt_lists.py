"""LFW's official lists of people, rebuilt from its pictures.

The host that published LFW no longer answers, and no other public address of peopleDevTrain.txt, peopleDevTest.txt and
people.txt is known to us. Each of these lists says which people belong to a part of LFW, in the order of their names,
and how many pictures each person has. The pictures tell everything but the part.

So `data/lfw_people_parts.txt` holds one letter for each person, in the order of the names: a to j for the folds 1 to 10
of View 2, upper case for the people of DevTrain, lower case for those of DevTest. With it all three lists can be
rebuilt to the byte; their checksums prove it.
"""

from __future__ import annotations

from importlib import resources

import numpy as np

from twinface.core.types import FaceSet

_FOLD_LETTERS = "abcdefghij"


def rebuild_people_lists(faces: FaceSet) -> dict[str, bytes]:
    """File name → contents of the three lists of people; empty if `faces` are not all people of LFW.

    Args:
        faces: all pictures of a copy of LFW, people sorted by name. A copy with missing pictures gives wrong counts, so
            the caller has to compare checksums.
    """
    data = resources.files("twinface.datasets").joinpath("data/lfw_people_parts.txt")
    parts = "".join(data.read_text("ascii").split())
    if len(faces.names) != len(parts):
        return {}
    counts = np.bincount(faces.people).tolist()
    rows = [f"{name}\t{count}\n" for name, count in zip(faces.names, counts, strict=True)]

    def section(wanted: list[bool]) -> str:
        chosen = [row for row, is_wanted in zip(rows, wanted, strict=True) if is_wanted]
        return f"{len(chosen)}\n{''.join(chosen)}"

    folds = [section([part.lower() == letter for part in parts]) for letter in _FOLD_LETTERS]
    texts = {
        "peopleDevTrain.txt": section([part.isupper() for part in parts]),
        "peopleDevTest.txt": section([part.islower() for part in parts]),
        "people.txt": f"{len(_FOLD_LETTERS)}\n{''.join(folds)}",
    }
    return {name: text.encode() for name, text in texts.items()}
