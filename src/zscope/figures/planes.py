"""Codes in planes, zoomed step by step into the densest place, with a null cloud in the very same windows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, measured, without_columns
from zscope.figures.points import Colouring, class_legend, colouring, scatter
from zscope.figures.style import INK, QUIET, RULE, new_figure, styled
from zscope.figures.words import counted, listed, number
from zscope.study.payload import RunPayload

NO_POWER = (
    "Narrow windows show chains and gaps in a smooth cloud too, and can look the same even if all codes lie on curves: "
    "they decide nothing about filaments or voids."
)
"""What must stand beside zooms: they have neither specificity nor power."""


@dataclass(frozen=True, eq=False)
class Window:
    """A square part of a plane.

    Attributes
    ----------
    half_width : float
        Half its side, in latent units.
    count : int
        Codes inside, as measured.
    rows, null_rows : ndarray of int64
        Which codes and which null points lie inside; the latter is empty where there is no null.
    """

    half_width: float
    count: int
    rows: NDArray[np.int64]
    null_rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Plane:
    """One plane and its windows.

    Attributes
    ----------
    x, y : str
        What it is spanned by, in words.
    centre : (float, float)
        Middle of every window.
    codes, null : tuple of ndarray of shape (n,), or None
        Coordinates; None where no null was drawn.
    windows : tuple of Window
        The first holds all codes.
    """

    x: str
    y: str
    centre: tuple[float, float]
    codes: tuple[NDArray[Any], NDArray[Any]]
    null: tuple[NDArray[Any], NDArray[Any]] | None
    windows: tuple[Window, ...]


@dataclass(frozen=True, eq=False)
class PlanesData:
    """The planes of a run; any part of them can be drawn.

    Attributes
    ----------
    split, n
        Which codes, and how many.
    planes : tuple of Plane
        In the order of the measure.
    colours : Colouring
        What colours the codes.
    place : int
        Place of the run among the runs.
    """

    split: str
    n: int
    planes: tuple[Plane, ...]
    colours: Colouring
    place: int = 0


def prepare(run: RunPayload, split: str = "train", *, place: int = 0) -> PlanesData | Missing:
    """Take the planes of a run and sort codes and null points into their windows.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        ``train`` or ``held-out``.
    place : int
        Its place among the runs.

    Returns
    -------
    PlanesData or Missing
        Missing where there are no planes.
    """
    found = measured(run, split, "planes")
    if isinstance(found, Missing):
        return found
    part, values = found
    gone = without_columns(part, [plane[way] for plane in values["planes"] for way in "xy"])
    if gone is not None:
        return gone
    planes = tuple(_plane(plane, part.points, part.null_points) for plane in values["planes"])
    if not planes:
        return Missing("there is no plane to show")
    return PlanesData(split, part.n, planes, colouring(part.points, part.n, run.label_column), place)


def _plane(plane: dict[str, Any], points: dict[str, NDArray[Any]], null_points: dict[str, NDArray[Any]]) -> Plane:
    x, y = plane["x"], plane["y"]
    centre = (float(plane["centre"][0]), float(plane["centre"][1]))
    codes = points[x], points[y]
    null = (null_points[x], null_points[y]) if x in null_points and y in null_points else None
    windows = tuple(
        Window(
            window["half_width"],
            window["count"],
            _inside(codes, centre, window["half_width"]),
            np.empty(0, np.int64) if null is None else _inside(null, centre, window["half_width"]),
        )
        for window in plane["windows"]
    )
    return Plane(direction(x), direction(y), centre, codes, null, windows)


def direction(column: str) -> str:
    """Name a column of points in words.

    Examples
    --------
    >>> direction("pc18"), direction("axis52")
    ('component 18', 'axis 52')
    """
    for prefix, word in (("pc", "component"), ("axis", "axis")):
        if column.startswith(prefix) and column[len(prefix) :].isdigit():
            return f"{word} {column[len(prefix) :]}"
    return column


def _inside(
    points: tuple[NDArray[Any], NDArray[Any]], centre: tuple[float, float], half_width: float
) -> NDArray[np.int64]:
    x, y = points
    return np.flatnonzero((np.abs(x - centre[0]) <= half_width) & (np.abs(y - centre[1]) <= half_width))


def caption(data: PlanesData) -> str:
    """Say how many codes and null points the smallest windows hold."""
    ends = []
    for plane in data.planes:
        last = plane.windows[-1]
        which = "smallest" if len(plane.windows) > 1 else "only"
        against = "" if plane.null is None else f" and {counted(len(last.null_rows), 'null point')}"
        ends.append(
            f"{plane.x} and {plane.y}: the {which} window (±{number(last.half_width)}) holds "
            f"{counted(last.count, 'code')}{against}"
        )
    nulls = [plane.null is not None for plane in data.planes]
    says = (
        f"{counted(data.n, f'{SPLIT_WORDS[data.split]} code')} in the plane of "
        if len(data.planes) == 1
        else (f"{counted(data.n, f'{SPLIT_WORDS[data.split]} code')} in {len(data.planes)} planes. ")
    )
    below = (
        " Below, in grey, one Gaussian cloud with the same mean and covariance in the same windows."
        if all(nulls)
        else " No null was drawn."
    )
    zoomed = any(len(plane.windows) > 1 for plane in data.planes)
    zooms = f" The frame in a window is the next one. {NO_POWER}" if zoomed else ""
    return f"{says}{listed(ends)}.{below}{zooms} Each window: half width · points in it. {data.colours.note}"


@styled
def draw(data: PlanesData) -> Figure:
    """Draw a row of windows of codes, and one of the null below it, for every plane."""
    columns = max(len(plane.windows) for plane in data.planes)
    rows: list[tuple[Plane, bool]] = []
    for plane in data.planes:
        rows += [(plane, False)] + ([(plane, True)] if plane.null is not None else [])
    figure = new_figure(0.25 + (2.42 if columns > 3 else 2.9) * len(rows) + (0.4 if data.colours.kind != "none" else 0))
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for (plane, is_null), line in zip(rows, panels, strict=True):
        for place, axes in enumerate(line):
            if place >= len(plane.windows):
                axes.set_axis_off()
                continue
            _window(axes, data, plane, place, is_null)
        line[0].set_ylabel(f"{'null' if is_null else 'codes'} · {plane.y}")
        if is_null or plane.null is None:
            for axes in line[: len(plane.windows)]:
                axes.set_xlabel(plane.x)
    class_legend(figure, data.colours)
    return figure


def _window(axes: Axes, data: PlanesData, plane: Plane, place: int, is_null: bool) -> None:
    window = plane.windows[place]
    x, y = plane.centre
    half = window.half_width
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y - half, y + half)
    axes.set_box_aspect(1)
    shown = plane.null if is_null and plane.null is not None else plane.codes
    rows = window.null_rows if is_null else window.rows
    scatter(axes, *shown, None if is_null else data.colours, rows, data.place)
    axes.set_title(f"±{number(half)} · {number(len(rows))}", color=QUIET if is_null else INK, fontsize=8.5)
    for side in axes.spines.values():
        side.set_visible(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=7.5)
    if place + 1 < len(plane.windows):
        inner = plane.windows[place + 1].half_width
        axes.add_patch(
            Rectangle((x - inner, y - inner), 2 * inner, 2 * inner, fill=False, edgecolor=INK, linewidth=0.8)
        )
    axes.grid(color=RULE, linewidth=0.4, alpha=0.35)
