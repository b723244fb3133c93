"""Figures as SVG inside the page: themed by the page's own colours, with names that no other figure has."""

import base64
import re
from html import escape

from markupsafe import Markup
from matplotlib.figure import Figure

from zscope.figures.render import svg_text
from zscope.figures.style import THEMED
from zscope.report.images import small_png

PIXELS_PER_POINT = 1.4
"""Largest size on the page: text of 8.5 points becomes 12 pixels."""

_RASTER = re.compile(r'"data:image/png;base64,([^"]+)"')


def inline(figure: Figure, prefix: str, label: str, *, dpi: int = 150) -> Markup:
    """Give a figure as an ``<svg>`` element.

    Parameters
    ----------
    figure : Figure
        What `draw` gave.
    prefix : str
        Put before every id of the figure; one of its own for each figure of a page.
    label : str
        What it shows, for those who cannot see it.
    dpi : int
        Resolution of what is drawn as pixels.

    Returns
    -------
    Markup
        No declaration, no metadata, no style that leaks into the page; sentinel colours are CSS variables.
    """
    text = svg_text(figure, prefix, dpi=dpi)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style[^>]*>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'((?:xlink:)?href)="#([^"]+)"', rf'\1="#{prefix}-\2"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", text)
    text = _RASTER.sub(_smaller, text)
    text = re.sub(r"\n\s*", "\n", text)
    for colour, name in THEMED.items():
        text = text.replace(colour, f"var(--{name})")
    opening, rest = text.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', opening)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    width = float(box[1].split()[2])
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box[1]}" '
        f'preserveAspectRatio="xMinYMin" style="max-width:{width * PIXELS_PER_POINT:.0f}px" role="img" '
        f'aria-label="{escape(label)}">'
    )
    return Markup(opening + rest.strip())  # matplotlib escapes the text of labels


def _smaller(found: re.Match[str]) -> str:
    content = base64.b64decode(found[1])
    return f'"data:image/png;base64,{base64.b64encode(small_png(content)).decode()}"'
