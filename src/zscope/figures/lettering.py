"""How much room text takes on a figure, before it is drawn."""

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

LINE = 1.35
"""Height of a line of text over the size of its letters."""

_SPARE = 1.03
"""Room for a reader's own letters, which an SVG file is shown in, over that of the letters measured here."""


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Give the width of a line of text in inches.

    Parameters
    ----------
    text : str
        One line.
    size : float
        Of the letters, in points.
    weight : str
        ``normal`` or ``bold``.

    Returns
    -------
    float
        A little more than the letters take; 0 of nothing.
    """
    if not text.strip():
        return 0.0
    # Its own dollar signs are letters, and no formula.
    drawn = TextPath(
        (0, 0), text.replace("$", r"\$"), size=size, prop=FontProperties(family="DejaVu Sans", weight=weight)
    )
    return (_SPARE * float(drawn.get_extents().x1) + 0.1 * size) / 72


def wrapped(text: str, width: float, size: float) -> list[str]:
    """Break text between words into lines of at most a width in inches; a longer word has a line of its own, cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(shortened(word, width, size))
    return lines or [""]


def shortened(text: str, width: float, size: float) -> str:
    """Leave out the beginning of text, marked by dots, so that it takes at most a width in inches."""
    kept = text
    while kept and text_width(kept if kept == text else f"…{kept}", size) > width:
        kept = kept[1:]
    return kept if kept == text else f"…{kept}"
