"""Clouds of points in a panel: what colours them, and how they are drawn so that dense and thin places both show."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from zscope.figures.style import CLASS_COLOURS, NULL, RUN_COLOURS
from zscope.figures.words import number

MOST_CLASSES = len(CLASS_COLOURS)
"""A label with more distinct values than this has no colour for each."""

SCALE = ListedColormap(colormaps["viridis"](np.linspace(0.22, 0.95, 192)), "zscope")
"""Colours of a label that is a number; its ends read on white and on black."""


@dataclass(frozen=True, eq=False)
class Colouring:
    """What colours the points of a run.

    Attributes
    ----------
    kind : {"none", "classes", "scale"}
        One colour for all; one a class; a continuous scale.
    column : str or None
        The label.
    classes : tuple of str
        Names of the classes in order.
    values : ndarray of shape (n,), float64
        Place of a point's class, or its number; NaN where it has no label. All zero for `kind` none.
    note : str
        The colours in words, for a caption.
    """

    kind: Literal["none", "classes", "scale"]
    column: str | None
    classes: tuple[str, ...]
    values: NDArray[np.float64]
    note: str


def colouring(points: dict[str, NDArray[Any]], n: int, column: str | None) -> Colouring:
    """Decide how a label colours points: up to 12 distinct values a colour each, more numbers a scale, else none.

    Parameters
    ----------
    points : dict of str to ndarray of shape (n,)
        Columns of the points.
    n : int
        Number of points.
    column : str or None
        The label.

    Returns
    -------
    Colouring
        Ready to draw.
    """
    plain = np.zeros(n)
    if column is None or column not in points:
        return Colouring("none", None, (), plain, "No label colours the points.")
    labels = points[column]
    keys = [_key(value) for value in labels.tolist()]
    distinct = {key for key in keys if key is not None}
    if not distinct:
        return Colouring("none", column, (), plain, f"The label {column} is empty, so that all points have one colour.")
    if len(distinct) <= MOST_CLASSES:
        order = sorted(distinct, key=lambda key: (isinstance(key, str), key))
        place = {key: index for index, key in enumerate(order)}
        values = np.array([math.nan if key is None else place[key] for key in keys])
        unlabelled = int(np.isnan(values).sum())
        note = f"Coloured by {column}" + (f"; {unlabelled:,} points without one are grey." if unlabelled else ".")
        return Colouring("classes", column, tuple(_class_name(key) for key in order), values, note)
    if all(not isinstance(key, str) for key in distinct):
        values = np.array([math.nan if key is None else float(key) for key in keys])
        low, high = number(float(np.nanmin(values))), number(float(np.nanmax(values)))
        return Colouring("scale", column, (), values, f"Coloured by {column}, from {low} (dark) to {high} (light).")
    note = (
        f"The label {column} has {len(distinct):,} classes, too many for a colour each, so that all points have one "
        "colour."
    )
    return Colouring("none", column, (), plain, note)


def _key(value: Any) -> float | str | None:
    """Give a label as something that can be sorted; None where there is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool | int | float):
        return None if math.isnan(value) else value
    return str(value)


def _class_name(key: float | str) -> str:
    if isinstance(key, bool):
        return "yes" if key else "no"
    if isinstance(key, str):
        return key if len(key) <= 24 else f"{key[:23]}…"
    return f"{key:g}"


def scatter(
    axes: Axes, x: NDArray[Any], y: NDArray[Any], colours: Colouring | None, rows: NDArray[np.int64], place: int = 0
) -> None:
    """Draw points as one raster, in an order that favours no class, fainter the more there are.

    Parameters
    ----------
    axes : Axes
        The panel; its limits are already set.
    x, y : ndarray of shape (n,)
        Coordinates of all points.
    colours : Colouring or None
        What colours them; None for a null cloud, which is grey.
    rows : ndarray of int64
        The points to draw.
    place : int
        Place of the run among the runs: its colour where there are no labels.
    """
    if len(rows) == 0:
        return
    order = np.random.default_rng(0).permutation(rows)
    size, alpha = mark(len(rows))
    axes.scatter(
        x[order], y[order], s=size, c=_colours(colours, order, place), alpha=alpha, linewidths=0, rasterized=True
    )


def mark(n: int) -> tuple[float, float]:
    """Area of a point in square points, and its opacity, by how many there are.

    Examples
    --------
    >>> mark(100), mark(100_000)
    ((7.0, 0.9), (0.7, 0.35))
    """
    crowded = float(np.clip((math.log10(max(n, 1)) - 2) / 3, 0, 1))
    return round(7.0 * 0.1**crowded, 3), round(0.9 - 0.55 * crowded, 3)


def _colours(colours: Colouring | None, rows: NDArray[np.int64], place: int) -> Any:
    if colours is None:
        return [NULL]
    if colours.kind == "none":
        return [RUN_COLOURS[place % len(RUN_COLOURS)]]
    values = colours.values[rows]
    absent = np.isnan(values)
    if colours.kind == "classes":
        table = to_rgba_array([*CLASS_COLOURS[: len(colours.classes)], NULL])
        return table[np.where(absent, len(colours.classes), values).astype(np.int64)]
    low, high = np.nanmin(colours.values), np.nanmax(colours.values)
    shades = np.asarray(SCALE((np.nan_to_num(values, nan=low) - low) / (high - low)))
    shades[absent] = to_rgba_array(NULL)[0]
    return shades


def class_legend(figure: Figure, colours: Colouring) -> None:
    """Put a legend of the classes, or a colour bar, above the panels; nothing where all points have one colour."""
    if colours.kind == "classes":
        marks = [
            Line2D([], [], linestyle="none", marker="o", markersize=5, markeredgewidth=0, color=colour)
            for colour, _ in zip(CLASS_COLOURS, colours.classes, strict=False)
        ]
        longest = max(len(name) for name in colours.classes)
        columns = max(1, min(len(marks), int(120 / (longest + 5))))
        figure.legend(
            marks, colours.classes, loc="outside upper left", ncols=columns, handletextpad=0.2, columnspacing=1.1,
            title=colours.column, alignment="left",
        )  # fmt: skip
    elif colours.kind == "scale":
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        shown = ScalarMappable(Normalize(np.nanmin(colours.values), np.nanmax(colours.values)), SCALE)
        bar = figure.colorbar(
            shown, ax=figure.axes, location="top", shrink=0.3, aspect=30, anchor=(0.0, 0.5), label=str(colours.column)
        )
        bar.outline.set_visible(False)
