"""How alike the faces of a verdict are to those that its threshold was fitted on, where that tells something.

Of several measures one holds: of a network that was trained with a margin between people, the length of the embedding.
Pairs with a short one are called "different" several times as often although they show one person. Nothing that was
tried on single faces tells how often strangers are accepted (docs/verdicts.md, studies/how_alike.py).
"""

from __future__ import annotations

import numpy as np

from twinface.core.types import Float32Array
from twinface.models.embedding_lengths import share_shorter
from twinface.models.record import ModelRecord
from twinface.recognition.verdict import Outcome

UNUSUAL = 0.05  # of the fitting people's faces have embeddings as short


def likeness_note(record: ModelRecord, embeddings: Float32Array, outcome: Outcome) -> str | None:
    """A sentence about the less clear face of a pair that is not called the same; None where there is nothing to say.

    Args:
        record: of the model.
        embeddings: [2, D] of the first and the second face.
        outcome: of the verdict.

    Returns:
        The sentence, if the model's record has the lengths of usual embeddings, the outcome is "different" or
        "uncertain", and one of the faces is less clear than 95 % of those that the threshold was fitted on.
    """
    if record.lengths is None or outcome not in ("different", "uncertain"):
        return None
    places = share_shorter(embeddings, record.lengths)
    lowest = int(np.argmin(places))
    if places[lowest] >= UNUSUAL:
        return None
    share = max(1, round(100 * float(places[lowest])))
    return (
        f"The {('first', 'second')[lowest]} face is less clear to this model than {100 - share} % of those that its "
        "threshold was fitted on. Pairs with such a face are more often called different although they show one person."
    )
