"""Strips of images along paths, or along an attribute's vector, and how good each frame is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.lettering import LINE, text_width
from zscope.figures.render import png_bytes, svg_text, write_whole
from zscope.figures.samples import lay_images
from zscope.figures.style import INK, QUIET, RULE, WIDTH, light_grid, run_colour, run_line, styled
from zscope.figures.words import number
from zscope.study.path import meaningless
from zscope.study.strips import Strips
from zscope.typing import ImageArray

_LABEL = 1.5
_EDGE = 0.15
_CURVES = 1.75
_TOP = 0.72
_SIZE = 7.5
"""Size of the letters beside a row, in points."""
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
    warning : str
        What the picture itself says: that no frame, or not even the ends, are meaningful; empty otherwise.
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
    warning: str


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
    limit = "limit 1" if judged else "typical 1"
    rows = tuple(
        StripRow(
            one.label if len(one.label) <= _MOST else f"…{one.label[1 - _MOST :]}",
            (f"image length {number(one.image_length)}", f"worst {number(float(one.judged[one.worst]))} ({limit})"),
            one.ends,
            one.images,
            one.worst,
        )
        for one in found.strips
    )
    height = (
        "distance to real images\n(judge; up to 1 meaningful)" if judged else "distance to nearest code\n(1: typical)"
    )
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
        " ".join(meaningless(found.strips)) if found.kind == "path" else "",
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


def _key(data: PathData) -> str:
    """Say in a line what stands beside the originals, and what the marks are."""
    if data.kind == "path":
        begin = "between the originals: frames from one reconstruction to the other"
        marked = "worst frame between the ends" if len(data.at) > 2 else "worst frame"
    else:
        begin, marked = "frames: the code with the vector added", "worst frame"
    limit = "dashed: limit of what is meaningful" if data.judged else "dashed: typical between neighbours"
    return f"{begin} · underlined: {marked} · {limit}"


@styled
def draw(data: PathData) -> Figure:
    """Draw the rows, pixels as squares, over the curves."""
    n = len(data.at)
    shape = data.rows[0].images.shape
    left, right = (any(row.ends[side] is not None for row in data.rows) for side in (0, 1))
    tile = min((WIDTH - _LABEL - _EDGE * (left + 1)) / (n + left + right), 1.2)
    words = [_folded(row.label) + list(row.figures) for row in data.rows]
    text = max(LINE * _SIZE / 72 * len(lines) for lines in words)
    step = max(tile * shape[1] / shape[2] * 1.14, text + 0.06)
    first = _TOP + (0.18 if data.warning else 0)
    rows = first + step * len(data.rows)
    height = rows + 0.25 + _CURVES
    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.0, 1 - 0.1 / height, f"{data.run} · {data.title}", va="top", weight="bold")
    figure.text(0.0, 1 - 0.32 / height, _key(data), va="top", color=QUIET, fontsize=_SIZE)
    figure.text(0.0, 1 - 0.5 / height, data.warning, va="top", fontsize=_SIZE)
    begin = _LABEL + (tile + _EDGE) * left
    ends = ((_LABEL, "left"), (begin + n * tile + _EDGE, "right"))
    for place, row in enumerate(data.rows):
        top = first + place * step
        colour = run_colour(place) if len(data.rows) > 1 else INK
        middle = 1 - (top + step * 0.45) / height
        figure.text(0.02, middle, "\n".join(words[place]), va="center", color=colour, fontsize=_SIZE)
        _marked(lay_images(figure, row.images, begin, top, tile), row)
        for (edge, _), image in zip(ends, row.ends, strict=True):
            if image is not None:
                lay_images(figure, image[None], edge, top, tile)
    for (edge, side), there in zip(ends, (left, right), strict=True):
        if there:
            at = (edge if side == "left" else edge + 0.94 * tile) / WIDTH
            figure.text(at, 1 - (first - 0.05) / height, "original", ha=side, color=QUIET, fontsize=_SIZE)
    panel = figure.add_axes((begin / WIDTH, 0.42 / height, n * tile / WIDTH, (_CURVES - 0.42) / height))
    _curves(panel, data)
    return figure


def write_picture(figure: Figure, path: Path, salt: str) -> None:
    """Write a figure into a file; its suffix, ``.png`` or ``.svg``, decides how."""
    content = svg_text(figure, salt).encode() if path.suffix == ".svg" else png_bytes(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def write_path(found: Strips, path: Path) -> None:
    """Draw strips into a ``.png`` or ``.svg`` file."""
    write_picture(draw(prepare(found)), path, f"path-{found.kind}")


def _marked(panel: Axes, row: StripRow) -> None:
    """Underline the worst frame of a row that `lay_images` laid, in its coordinates."""
    limits = panel.get_xlim(), panel.get_ylim()
    below, right = limits[1][0] + 0.5, limits[0][1] + 0.5
    wide = below * row.images.shape[2] / row.images.shape[1]
    step = (right - wide) / max(1, len(row.images) - 1)
    begin = row.worst * step
    panel.plot([begin, begin + wide], [1.04 * below] * 2, color=INK, linewidth=1.6, clip_on=False)
    panel.set(xlim=limits[0], ylim=limits[1])


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


def _folded(text: str) -> list[str]:
    """Break an id where it has room."""
    lines = [""]
    for letter in text:
        if text_width(lines[-1] + letter, _SIZE) > _LABEL - 0.12:
            lines.append("")
        lines[-1] += letter
    return lines
