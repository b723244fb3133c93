"""t-SNE maps of codes, and the same map of a null cloud beside the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, measured, without_columns
from zscope.figures.points import Colouring, class_legend, colouring, scatter
from zscope.figures.style import INK, PAPER, QUIET, RULE, new_figure, styled
from zscope.figures.words import counted, number, percent
from zscope.measures.fragmentation import AMONG, NEAR
from zscope.study.payload import RunPayload

_COLUMNS = 3
_NULL = "covariance"
_LEAST_OF_CLASS = 5


@dataclass(frozen=True, eq=False)
class MapPanel:
    """One map.

    Attributes
    ----------
    title, about : str
        What it is made of, and how.
    x, y : ndarray of shape (n,)
        Coordinates; NaN where a point is not on the map.
    rows : ndarray of int64
        Points on the map.
    null : bool
        Whether it is the null cloud's.
    """

    title: str
    about: str
    x: NDArray[Any]
    y: NDArray[Any]
    rows: NDArray[np.int64]
    null: bool


@dataclass(frozen=True, eq=False)
class TsneData:
    """Maps of a run.

    Attributes
    ----------
    split, n
        Which codes, and how many there are.
    panels : tuple of MapPanel
        The standard one, the null's, then the others.
    divergences : tuple of (str, float or None)
        KL divergence that each map of codes ends at, in nats.
    pieces : str
        How far the first map falls into pieces and which neighbours it keeps, and how far maps of codes and null do
        that were tested, as far as it was found out.
    colours : Colouring
        What colours the codes.
    place : int
        Place of the run among the runs.
    """

    split: str
    n: int
    panels: tuple[MapPanel, ...]
    divergences: tuple[tuple[str, float | None], ...]
    pieces: str
    colours: Colouring
    place: int = 0


def prepare(run: RunPayload, split: str = "train", *, place: int = 0, most: int | None = None) -> TsneData | Missing:
    """Take the maps of a run.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        ``train`` or ``held-out``.
    place : int
        Its place among the runs.
    most : int, optional
        Show only so many of the maps; by default all.

    Returns
    -------
    TsneData or Missing
        Missing where no map was made.
    """
    found = measured(run, split, "tsne")
    if isinstance(found, Missing):
        return found
    part, values = found
    gone = without_columns(part, [f"tsne.{made['name']}.{way}" for made in values["maps"] for way in "xy"])
    if gone is not None:
        return gone
    panels: list[MapPanel] = []
    for made in values["maps"][:most]:
        column = f"tsne.{made['name']}"
        panels.append(_panel(part.points, column, made, null=False))
        if f"{column}.x" in part.null_points:
            panels.append(_panel(part.null_points, column, made, null=True))
    if not panels:
        return Missing("no map was made")
    divergences = tuple((map_title(made), made["divergence"]) for made in values["maps"][:most])
    colours = colouring(part.points, part.n, run.label_column)
    pieces = _pieces(values["maps"][:most], part.tests.get("tsne", []))
    return TsneData(split, part.n, tuple(panels), divergences, pieces, colours, place)


def map_title(made: dict[str, Any]) -> str:
    """Say what a map is made of."""
    if made["components"] is not None:
        return f"first {made['components']} components"
    return (
        "all dimensions" if made["name"] == "standard" else f"all dimensions, perplexity {number(made['perplexity'])}"
    )


def _pieces(maps: Sequence[dict[str, Any]], tests: Sequence[dict[str, Any]]) -> str:
    made = maps[0]
    seen = made.get("fragmentation")  # not in what earlier versions measured
    says = ""
    if seen is not None:
        says = (
            f" On the first map {percent(seen['outside'])} of the points lie outside the largest group, and "
            f"{percent(made['kept_neighbours'])} of the {NEAR} nearest codes are among the {AMONG} nearest on the map."
        )
    tested = {test["statistic"]: test for test in tests if test["null"] == _NULL}
    if "outside" in tested and "kept_neighbours" in tested:
        outside, kept = tested["outside"], tested["kept_neighbours"]
        says += (
            f" On the maps of {outside['n']:,} points that were tested it is {percent(outside['value'])} and "
            f"{percent(kept['value'])} for codes, {percent(outside['null_mean'])} and {percent(kept['null_mean'])} for "
            "Gaussian clouds."
        )
    if any(other["components"] is not None for other in maps):
        says += " Maps of few components fall into pieces in any case, and no null stands beside them."
    return says


def _panel(points: dict[str, NDArray[Any]], column: str, made: dict[str, Any], *, null: bool) -> MapPanel:
    x, y = points[f"{column}.x"], points[f"{column}.y"]
    rows = np.flatnonzero(np.isfinite(x))
    about = f"n {len(rows):,} · perplexity {number(made['perplexity'])} · exaggeration {number(made['exaggeration'])}"
    if null:
        return MapPanel("null: one Gaussian cloud", f"{about}", x, y, rows, True)
    return MapPanel(map_title(made), f"{about} · divergence {number(made['divergence'])}", x, y, rows, False)


def caption(data: TsneData) -> str:
    """Say what is on the maps."""
    first = data.panels[0]
    of = f" of {data.n:,}" if len(first.rows) < data.n else ""
    says = f"t-SNE maps of {len(first.rows):,}{of} {SPLIT_WORDS[data.split]} codes."
    ends = "; ".join(f"{title} {number(value)}" for title, value in data.divergences)
    nulls = [panel for panel in data.panels if panel.null]
    null = (
        f" Grey: the same map of {counted(len(nulls[0].rows), 'point')} of one Gaussian cloud with the codes' mean and "
        "covariance, which holds no groups."
        if nulls
        else " No null was drawn."
    )
    return (
        f"{says}{null} Divergence in nats: {ends}.{data.pieces} {data.colours.note} "
        "Distances between groups have no scale."
    )


@styled
def draw(data: TsneData) -> Figure:
    """Draw all maps."""
    columns = min(len(data.panels), _COLUMNS)
    lines = -(-len(data.panels) // columns)
    width = 3.3 * columns + 0.1
    figure = new_figure(3.45 * lines + (0.4 if data.colours.kind != "none" else 0), width)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, panel in zip(panels, data.panels, strict=False):
        _map(axes, panel, data)
    for axes in panels[len(data.panels) :]:
        axes.set_axis_off()
    _name_classes(panels[0], data)
    class_legend(figure, data.colours)
    return figure


def _map(axes: Axes, panel: MapPanel, data: TsneData) -> None:
    x, y = panel.x[panel.rows], panel.y[panel.rows]
    reach = max(float(np.ptp(x)), float(np.ptp(y)), 1e-9) * 0.53
    for middle, set_limits in (((x.min() + x.max()) / 2, axes.set_xlim), ((y.min() + y.max()) / 2, axes.set_ylim)):
        set_limits(float(middle) - reach, float(middle) + reach)
    axes.set_box_aspect(1)
    scatter(axes, panel.x, panel.y, None if panel.null else data.colours, panel.rows, data.place)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(True)
        side.set_color(RULE)
    axes.set_title(panel.title, color=QUIET if panel.null else INK)
    axes.set_xlabel(panel.about, fontsize=7, color=QUIET, loc="left")


def _name_classes(axes: Axes, data: TsneData) -> None:
    """Write each class at the median of its points on the first map, so that colour is not the only key."""
    if data.colours.kind != "classes":
        return
    panel = data.panels[0]
    for place, name in enumerate(data.colours.classes):
        own = panel.rows[data.colours.values[panel.rows] == place]
        if len(own) < _LEAST_OF_CLASS or len(name) > 12:
            continue
        axes.text(
            float(np.median(panel.x[own])),
            float(np.median(panel.y[own])),
            name,
            ha="center",
            va="center",
            fontsize=8,
            color=INK,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.8},
        )
