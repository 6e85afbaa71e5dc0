"""The certificate of a gallery as one page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from twinface.core.formatting import brief, percent
from twinface.core.html_page import html_page
from twinface.recognition.gallery.certification import Certificate, MeasuredRate
from twinface.recognition.show.page_parts import table, tiles

_NAMES = 50  # that are listed


def certificate_page(found: Certificate) -> str:
    """Rates with intervals, look-alikes, and people who should be photographed again."""
    low, high = found.false_alarms[1:]
    values = [
        ("people", f"{found.people:,}"),
        ("faces", f"{found.faces:,}"),
        ("strangers taken for somebody", _rate(found.strangers)),
        ("own people missed", "not measured" if found.missed is None else _rate(found.missed)),
        ("false alarms a day", f"{brief(found.false_alarms[0])} ({brief(low)} to {brief(high)})"),
        ("threshold", f"{found.threshold:.3f}"),
    ]
    parts = [
        '<p class="kind">A gallery, measured by Twinface</p>',
        f"<h1>{escape(found.place)}</h1>",
        f'<p class="note">Model {escape(found.model)}: trained on {escape(found.trained_on)}. Made {found.made}.</p>',
        tiles(values),
        f"<p>With a limit of {found.fpir:g}, a face needs a score of {found.threshold:.3f} to be taken for one of "
        f"{found.people:,} people. Strangers: each of {found.strangers.count:,} people was searched for among the "
        f"others. At {found.traffic:,.0f} strangers a day this makes the false alarms above. Own people: each face was "
        "searched for as if it were a new photo. Ranges are 95 % intervals over people. The photos are those that were "
        "enrolled; those of a camera can be worse.</p>",
        _alike(found),
        *_names("Fewer than two faces", found.few_faces),
        *_names("No good face", found.poor_faces),
    ]
    return html_page(f"Gallery {found.place}", "\n".join(parts))


def _alike(found: Certificate) -> str:
    rows = [("people", "score", "photos confused", "note")]
    for pair in found.alike:
        rate = "not known" if pair.rate is None else percent(pair.rate)
        note = "score as one person: look at both" if pair.same_person else ""
        rows.append((f"{pair.first}, {pair.second}", f"{pair.score:.3f}", rate, note))
    return table("The most similar people", rows)


def _rate(rate: MeasuredRate) -> str:
    return f"{percent(rate.value)} ({percent(rate.interval.low)} to {percent(rate.interval.high)})"


def _names(title: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    listed = ", ".join(escape(name) for name in names[:_NAMES])
    return [f"<h2>{escape(title)}</h2>", f"<p>{len(names):,} people: {listed}{more}</p>"]
