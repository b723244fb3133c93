"""From matplotlib figures to files: PNG and SVG, whole or not at all."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from zscope.figures.style import style

DPI = 150
"""Resolution of PNG files, and of rasters inside SVG files."""


def svg_text(figure: Figure, salt: str, *, dpi: int = DPI) -> str:
    """Give a figure as SVG; the same figure and salt give the same text.

    Parameters
    ----------
    figure : Figure
        What `draw` gave.
    salt : str
        Makes the names inside differ from another figure's.
    dpi : int
        Resolution of what is drawn as pixels.

    Returns
    -------
    str
        An SVG document.
    """
    stream = io.StringIO()
    with style(salt):
        _lay_out(figure)
        figure.savefig(stream, format="svg", dpi=dpi, metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def png_bytes(figure: Figure, *, dpi: int = DPI) -> bytes:
    """Give a figure as a PNG file with a transparent background.

    Parameters
    ----------
    figure : Figure
        What `draw` gave.
    dpi : int
        Pixels an inch.

    Returns
    -------
    bytes
        The file.
    """
    stream = io.BytesIO()
    with style():
        _lay_out(figure)
        figure.savefig(stream, format="png", dpi=dpi, metadata={"Software": None})
    return stream.getvalue()


def _lay_out(figure: Figure) -> None:
    """Place everything once; saving would do it twice."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name beside it and rename it when it is whole.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    content : bytes
        The file.
    """
    staged = path.with_name(f".{path.name}.partial")
    try:
        staged.write_bytes(content)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
