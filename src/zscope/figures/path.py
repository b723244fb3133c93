"""Strips of images along paths, or along an attribute's vector, and how good each frame is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.render import png_bytes, svg_text, write_whole
from zscope.figures.samples import strip
from zscope.figures.style import INK, QUIET, RULE, WIDTH, light_grid, run_colour, run_line, styled
from zscope.figures.words import number
from zscope.study.strips import Strips
from zscope.typing import ImageArray

_LABEL = 1.4
_EDGE = 0.15
_CURVES = 1.75
_TOP = 0.34
_MOST = 54
"""Characters of an id that a row has room for, on three lines."""


@dataclass(frozen=True, eq=False)
class StripRow:
    """One row of the figure.

    Attributes
    ----------
    label : str
        What it is.
    figures : tuple of str
        Lines under the label.
    ends : tuple of two images or None
        Originals left and right of the frames.
    images : ndarray of shape (n, H, W, C), uint8
        The frames.
    worst : int
        Place of the worst one.
    """

    label: str
    figures: tuple[str, ...]
    ends: tuple[ImageArray | None, ImageArray | None]
    images: ImageArray
    worst: int


@dataclass(frozen=True, eq=False)
class PathData:
    """Rows of frames and one curve a row.

    Attributes
    ----------
    kind : {"path", "arithmetic"}
        What the rows are.
    run, title : str
        The model, and what is shown.
    rows : tuple of StripRow
        From top to bottom.
    at : ndarray of shape (n,), float64
        Where the frames stand.
    curves : tuple of ndarray of shape (n,), float64
        What each row's frames are ranked by.
    axes : tuple of two str
        Names of the curves' two axes.
    judged : bool
        Whether a judge ranked the frames, or else their distance to the nearest codes.
    says : tuple of str
        Findings in sentences.
    """

    kind: str
    run: str
    title: str
    rows: tuple[StripRow, ...]
    at: NDArray[np.float64]
    curves: tuple[NDArray[np.float64], ...]
    axes: tuple[str, str]
    judged: bool
    says: tuple[str, ...]


def prepare(found: Strips) -> PathData:
    """Bring strips into rows and curves.

    Parameters
    ----------
    found : Strips
        What `zscope.study.path.path_run` or `zscope.study.arithmetic.arithmetic_run` gave.

    Returns
    -------
    PathData
        What is drawn.
    """
    judged = all(one.quality is not None for one in found.strips)
    rows = tuple(
        StripRow(
            one.label if len(one.label) <= _MOST else f"…{one.label[1 - _MOST :]}",
            (f"length {number(one.image_length)}", f"worst {number(float(one.judged[one.worst]))}"),
            one.ends,
            one.images,
            one.worst,
        )
        for one in found.strips
    )
    height = "distance to real images\n(judge; 1: meaningful)" if judged else "distance to nearest code\n(1: typical)"
    return PathData(
        found.kind,
        found.run,
        found.title,
        rows,
        np.array(found.strips[0].at),
        tuple(one.judged for one in found.strips),
        (found.axis, height),
        judged,
        found.says,
    )


def caption(data: PathData) -> str:
    """Say what the rows and the curves are."""
    between = (
        "Left and right of each row the two originals, between them the images along the path, from the reconstruction "
        "of the one to that of the other."
        if data.kind == "path"
        else "Left of each row the original, then its code with the vector added from its opposite to its full factor."
    )
    ranked = (
        "the judge's distance of each image from real ones, up to 1 meaningful"
        if data.judged
        else "each frame's distance to the nearest training code, over the distance that is typical between neighbours"
    )
    where = " between the ends" if data.kind == "path" and len(data.at) > 2 else ""
    lengths = "Lengths are of the images, in pixel units (Euclidean over all pixels and channels, values from 0 to 1)."
    return " ".join(
        [
            f"{data.run}: {data.title}. {between} Underlined: the worst frame{where}. Below: {ranked}. {lengths}",
            *data.says,
        ]
    )


@styled
def draw(data: PathData) -> Figure:
    """Draw the rows, pixels as squares, over the curves."""
    n = len(data.at)
    shape = data.rows[0].images.shape
    left, right = (any(row.ends[side] is not None for row in data.rows) for side in (0, 1))
    tile = min((WIDTH - _LABEL - _EDGE * (left + 1)) / (n + left + right), 1.2)
    step = max(tile * shape[1] / shape[2] * 1.14, 0.5)
    rows = _TOP + step * len(data.rows)
    height = rows + 0.25 + _CURVES
    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.0, 1 - 0.1 / height, f"{data.run} · {data.title}", va="top", weight="bold")
    begin = _LABEL + (tile + _EDGE) * left
    for place, row in enumerate(data.rows):
        top = _TOP + place * step
        lines = "\n".join([_folded(row.label), *row.figures])
        colour = run_colour(place) if len(data.rows) > 1 else INK
        figure.text(0.02, 1 - (top + step * 0.45) / height, lines, va="center", color=colour, fontsize=7.5)
        span = (top, step)
        if row.ends[0] is not None:
            _tiles(figure, row.ends[0][None], _LABEL, tile, span, height)
        _tiles(figure, row.images, begin, tile, span, height, row.worst)
        if row.ends[1] is not None:
            _tiles(figure, row.ends[1][None], begin + n * tile + _EDGE, tile, span, height)
    panel = figure.add_axes((begin / WIDTH, 0.42 / height, n * tile / WIDTH, (_CURVES - 0.42) / height))
    _curves(panel, data)
    return figure


def magnified(images: ImageArray, width: float) -> ImageArray:
    """Make each pixel of images (n, H, W, C) a square of pixels, as many as `width` in inches takes at 200 an inch."""
    scale = max(1, round(200 * width / images.shape[2]))
    return np.repeat(np.repeat(images, scale, axis=1), scale, axis=2)


def write_picture(figure: Figure, path: Path, salt: str) -> None:
    """Write a figure into a file; its suffix, ``.png`` or ``.svg``, decides how."""
    content = svg_text(figure, salt).encode() if path.suffix == ".svg" else png_bytes(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def write_path(found: Strips, path: Path) -> None:
    """Draw strips into a ``.png`` or ``.svg`` file."""
    write_picture(draw(prepare(found)), path, f"path-{found.kind}")


def _tiles(
    figure: Figure,
    images: ImageArray,
    left: float,
    tile: float,
    span: tuple[float, float],
    height: float,
    marked: int | None = None,
) -> None:
    """Lay images side by side; `span` is the top and the height of their row in inches."""
    n, rows, columns, _ = images.shape
    tall = tile * rows / columns * 0.94
    panel = figure.add_axes((left / WIDTH, 1 - (span[0] + tall) / height, tile * (n - 1 + 0.94) / WIDTH, tall / height))
    large = magnified(images, tile)
    gap = max(1, round(large.shape[2] * 0.06 / 0.94))
    pixels = strip(large, gap)
    panel.imshow(pixels, interpolation="none", aspect="auto")
    panel.set_axis_off()
    if marked is not None:
        begin, below = marked * (large.shape[2] + gap), large.shape[1] * 1.04
        panel.plot([begin, begin + large.shape[2]], [below, below], color=INK, linewidth=1.6, clip_on=False)
        panel.set_xlim(-0.5, pixels.shape[1] - 0.5)
        panel.set_ylim(pixels.shape[0] - 0.5, -0.5)


def _curves(panel: Axes, data: PathData) -> None:
    for place, curve in enumerate(data.curves):
        colour = run_colour(place) if len(data.rows) > 1 else INK
        panel.plot(data.at, curve, color=colour, linestyle=run_line(place), marker="o", markersize=3)
    panel.axhline(1.0, color=RULE, linewidth=1.0, linestyle=(0, (4, 3)))
    half = (data.at[-1] - data.at[0]) / (len(data.at) - 1) / 2
    panel.set_xlim(data.at[0] - half, data.at[-1] + half)
    panel.set_ylim(0, 1.08 * max(1.0, *(float(curve.max()) for curve in data.curves)))
    panel.set_xlabel(data.axes[0], color=QUIET)
    panel.set_ylabel(data.axes[1], color=QUIET, fontsize=7.5)
    light_grid(panel)


def _folded(text: str, width: int = 18) -> str:
    """Break an id where it has room."""
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))
