"""The answer to "do these two pictures show the same person?"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """The answer to "is this the same person?". It is true or false itself.

    Attributes:
        same: `score >= threshold`.
        score: higher means the same person.
        threshold: where "same" begins.
        probability: of "same", in [0, 1], for an even prior.
        notes: what a reader should know before relying on it.
        details: sizes, model name and times, for `--json`.
    """

    same: bool
    score: float
    threshold: float
    probability: float
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict, compare=False)

    def __bool__(self) -> bool:
        return self.same

    def explain(self) -> str:
        """One sentence in plain words."""
        relation = "at or above" if self.same else "below"
        return (
            f"{'Same person' if self.same else 'Different people'}: the score {self.score:.3f} is {relation} "
            f"the threshold {self.threshold:.3f} (probability of the same person {self.probability:.2f})."
        )
