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
from zscope.measures.windows import LEAST_POINTS
from zscope.study.payload import RunPayload

NO_POWER = (
    "Narrow windows show chains and gaps in a smooth cloud too, and can look the same even if all codes lie on curves: "
    "they decide nothing about filaments or voids."
)
"""What must stand beside zooms: they have neither specificity nor power."""


STATISTIC_WORDS = {
    "empty": "empty cells",
    "variance_ratio": "clumping",
    "clark_evans": "spacing",
    "two_neighbours": "in chains",
}
"""What the figures of a window are called below it."""

_SHARES = ("empty", "two_neighbours")
_TABLE = 0.85


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
    statistics : tuple of (str, str, str, str)
        What the figure is called, the codes' own, that of a smooth density, and p; empty where there are none.
    """

    half_width: float
    count: int
    rows: NDArray[np.int64]
    null_rows: NDArray[np.int64]
    statistics: tuple[tuple[str, str, str, str], ...] = ()


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
    draws : int
        Smooth windows that each window was held against; 0 where they were not.
    """

    split: str
    n: int
    planes: tuple[Plane, ...]
    colours: Colouring
    place: int = 0
    draws: int = 0


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
    return PlanesData(
        split, part.n, planes, colouring(part.points, part.n, run.label_column), place, values.get("draws", 0)
    )


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
            _statistics(window.get("statistics")),
        )
        for window in plane["windows"]
    )
    return Plane(direction(x), direction(y), centre, codes, null, windows)


def _statistics(tests: dict[str, dict[str, float]] | None) -> tuple[tuple[str, str, str, str], ...]:
    """Put the figures of a window into words; those measured by an older version have none."""
    return tuple(
        (
            words,
            _figure(name, tests[name]["value"]),
            _figure(name, tests[name]["null_mean"]),
            f"{tests[name]['p']:.2f}",
        )
        for name, words in STATISTIC_WORDS.items()
        if tests is not None
    )


def _figure(name: str, value: float) -> str:
    return f"{100 * value:.0f} %" if name in _SHARES else f"{value:.2f}"


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
    return (
        f"{says}{listed(ends)}.{below}{zooms} Each window: half width · points in it.{_legend(data)} "
        f"{data.colours.note}"
    )


def _legend(data: PlanesData) -> str:
    """Say what the figures below the windows are."""
    if not any(window.statistics for plane in data.planes for window in plane.windows):
        return ""
    return (
        " Below a window: empty cells of a grid with 1 to 2 points a cell; clumping, the variance of a cell's points "
        "over their mean; spacing, the mean distance to the nearest point over that of points scattered at random; in "
        "chains, the points with two neighbours in the minimal spanning tree. Beside them the mean of "
        f"{counted(data.draws, 'window')} with as many points of a smooth density (its logarithm is quadratic), and "
        "the two-sided p."
    )


@styled
def draw(data: PlanesData) -> Figure:
    """Draw a row of windows of codes, and one of the null below it, for every plane."""
    columns = max(len(plane.windows) for plane in data.planes)
    side = 2.42 if columns > 3 else 2.9
    rows = [row for plane in data.planes for row in _rows(plane)]
    heights = [_TABLE if row == "figures" else side for _, row in rows]
    figure = new_figure(0.25 + sum(heights) + (0.4 if data.colours.kind != "none" else 0))
    panels = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for (plane, row), line in zip(rows, panels, strict=True):
        if row == "figures":
            _figures(line, plane)
            continue
        for place, axes in enumerate(line):
            if place >= len(plane.windows):
                axes.set_axis_off()
                continue
            _window(axes, data, plane, place, row == "null")
        line[0].set_ylabel(f"{row} · {plane.y}")
        if row == "null" or plane.null is None:
            for axes in line[: len(plane.windows)]:
                axes.set_xlabel(plane.x)
    class_legend(figure, data.colours)
    return figure


def _rows(plane: Plane) -> list[tuple[Plane, str]]:
    """Tell what stands below each other: the codes, the figures of their windows, the null."""
    figures = [(plane, "figures")] if any(window.statistics for window in plane.windows) else []
    return [(plane, "codes"), *figures, *([(plane, "null")] if plane.null is not None else [])]


def _figures(line: NDArray[Any], plane: Plane) -> None:
    """Write the figures of each window below it; what they are called stands below the first, which has none."""
    heights = np.linspace(0.9, 0.06, len(STATISTIC_WORDS) + 1)
    for axes in line:
        axes.set_axis_off()
    for words, height in zip(("", *STATISTIC_WORDS.values()), heights, strict=True):
        line[0].text(1.0, height, words, ha="right", va="center", color=INK, fontsize=8)
    for axes, window in zip(line[1:], plane.windows[1:], strict=False):
        if not window.statistics:
            reason = "too few points" if window.count < LEAST_POINTS else "not spread out"
            axes.text(0.5, heights[1], reason, ha="center", va="center", color=QUIET, fontsize=8)
            continue
        table = [("codes", "smooth", "p"), *(row[1:] for row in window.statistics)]
        for cells, height in zip(table, heights, strict=True):
            for cell, edge in zip(cells, (0.3, 0.62, 0.9), strict=True):
                own = edge == 0.3 and cells != table[0]
                axes.text(edge, height, cell, ha="right", va="center", color=INK if own else QUIET, fontsize=8)


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
