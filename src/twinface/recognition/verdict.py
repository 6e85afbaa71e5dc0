"""The answer to "do these two pictures show the same person?"."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """Whether two pictures show the same person. It is true for "same" and false for "different".

    Attributes:
        same: `score >= threshold`.
        score: higher means the same person.
        threshold: a score at or above it means "same".
        probability: of "same", in [0, 1], if both answers were equally likely before.
        model: the name of the model.
        threshold_fitted_on: a description of the data that the threshold was chosen on.
        notes: what is special about this verdict, in sentences; most have none.
        seconds: how long it took to prepare, embed and score the pictures, or None for the verdict on a score that
            was already there. Two verdicts that differ only in this are equal.
    """

    same: bool
    score: float
    threshold: float
    probability: float
    model: str
    threshold_fitted_on: str
    notes: tuple[str, ...] = ()
    seconds: float | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.same

    def explain(self) -> str:
        """The verdict as one sentence."""
        relation = "at or above" if self.same else "below"
        return (
            f"{'Same person' if self.same else 'Different people'}: the score {self.score:.3f} is {relation} "
            f"the threshold {self.threshold:.3f} (probability of the same person {self.probability:.2f})."
        )

    def _repr_html_(self) -> str:
        """A small table, which Jupyter shows."""
        from html import escape

        rows = {
            "score": f"{self.score:.3f}",
            "threshold": f"{self.threshold:.3f}",
            "probability of the same person": f"{self.probability:.2f}",
            "model": self.model,
        }
        cells = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        title = "Same person" if self.same else "Different people"
        return f"<table><caption>{title}</caption>{cells}</table>{notes}"
