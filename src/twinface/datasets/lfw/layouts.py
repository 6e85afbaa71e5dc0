"""The published alignments of LFW's pictures, and what a result on each of them may be called."""

from __future__ import annotations

from dataclasses import dataclass

from twinface.faces.frame import STANDARD_FRAME, Frame


@dataclass(frozen=True)
class Layout:
    """One published alignment of the same 13,233 pictures.

    Attributes:
        key: what a caller writes.
        title: what people read.
        folders: usual names of its picture folder, in lower case with hyphens.
        claims: what a result on it may be called, by the rules of the LFW results page.
        frame: where its landmarks are, or None if that was not measured.
    """

    key: str
    title: str
    folders: tuple[str, ...]
    claims: str
    frame: Frame | None = None


_OUTSIDE_DATA = (
    "Results from the pair labels alone are 'image-restricted, label-free outside data'; results that use "
    "names are 'unrestricted, label-free outside data'; a network trained on other faces is "
    "'unrestricted, labelled outside data'. The claim 'no outside data' is not allowed."
)
_NO_OUTSIDE_DATA = (
    "No outside data went into these pictures. Results from the pair labels alone are 'image-restricted, no "
    "outside data'; results that use names are 'unrestricted' without outside data; a network trained on "
    "other faces is 'unrestricted, labelled outside data'."
)

# In order of preference where a folder holds several: well aligned faces are easier to learn from.
LAYOUTS = {
    layout.key: layout
    for layout in (
        Layout(
            "lfw-a",
            "LFW-a",
            ("lfwa", "lfw-a", "lfw2"),
            "LFW-a was aligned by a commercial system, which counts as outside data. " + _OUTSIDE_DATA,
            STANDARD_FRAME,
        ),
        Layout(
            "deep-funneled",
            "LFW deep-funneled",
            ("lfw-deepfunneled", "lfw-deep-funneled"),
            "The claim 'no outside data' is allowed for original and funneled pictures only. "
            + _OUTSIDE_DATA,
        ),
        Layout("funneled", "LFW funneled", ("lfw-funneled",), _NO_OUTSIDE_DATA),
        Layout("original", "LFW original", ("lfw",), _NO_OUTSIDE_DATA),
    )
}
