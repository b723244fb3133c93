"""Density along the axes that stand out, over the ordinary ones', and where every axis has its centre and width."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, measured
from zscope.figures.style import BAND, CLASS_COLOURS, INK, NULL, light_grid, new_figure, styled
from zscope.figures.words import counted, listed, number
from zscope.study.payload import RunPayload


@dataclass(frozen=True, eq=False)
class AxisDensity:
    """Density along one axis.

    Attributes
    ----------
    axis : int
        Its number, from 0.
    edges : ndarray of shape (m + 1,)
        Intervals, in latent units.
    density : ndarray of shape (m,)
        Share of the codes per latent unit; its integral is 1.
    centre, width : float
        Middle and full width at half maximum.
    """

    axis: int
    edges: NDArray[np.float64]
    density: NDArray[np.float64]
    centre: float
    width: float


@dataclass(frozen=True, eq=False)
class AxesData:
    """Densities along axes.

    Attributes
    ----------
    split, n, d
        Which codes, how many, and their dimensions.
    interval : float
        Width of the intervals, in latent units.
    dominating : tuple of AxisDensity
        Those of which a histogram was kept, the one with most share in the mean square radius first.
    others : tuple of int
        Further dominating axes without histogram.
    ordinary : AxisDensity or None
        All other axes pooled; its number is −1.
    ordinary_count : int
        How many these are.
    centre, width : ndarray of shape (d,)
        Of every axis.
    """

    split: str
    n: int
    d: int
    interval: float
    dominating: tuple[AxisDensity, ...]
    others: tuple[int, ...]
    ordinary: AxisDensity | None
    ordinary_count: int
    centre: NDArray[np.float64]
    width: NDArray[np.float64]


def prepare(run: RunPayload, split: str = "train", *, place: int = 0) -> AxesData | Missing:
    """Take the densities along a run's axes.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        ``train`` or ``held-out``.
    place : int
        Not looked at: the axes have colours of their own.

    Returns
    -------
    AxesData or Missing
        Missing where the axes were not measured.
    """
    del place
    found = measured(run, split, "axes")
    if isinstance(found, Missing):
        return found
    part, values = found
    per_axis = values["per_axis"]
    centre = np.array(per_axis["centre"], dtype=np.float64)
    width = np.array(per_axis["fwhm"], dtype=np.float64)
    shown = tuple(
        AxisDensity(
            kept["axis"],
            *_density(kept["edges"], kept["counts"]),
            float(centre[kept["axis"]]),
            float(width[kept["axis"]]),
        )
        for kept in values["histograms"]["axes"]
    )
    with_histogram = {density.axis for density in shown}
    ordinary, about = values["histograms"]["ordinary"], values["ordinary"]
    return AxesData(
        split=split,
        n=part.n,
        d=part.d,
        interval=values["interval"],
        dominating=shown,
        others=tuple(row["axis"] for row in values["dominating"] if row["axis"] not in with_histogram),
        ordinary=AxisDensity(-1, *_density(ordinary["edges"], ordinary["counts"]), about["centre"], about["fwhm"])
        if about["count"]
        else None,
        ordinary_count=about["count"],
        centre=centre,
        width=width,
    )


def _density(edges: list[float], counts: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    borders, heights = np.array(edges, dtype=np.float64), np.array(counts, dtype=np.float64)
    return borders, heights / (heights.sum() * np.diff(borders))


def caption(data: AxesData) -> str:
    """Say which axes stand out and what the ordinary ones are like."""
    which = f"{counted(data.n, f'{SPLIT_WORDS[data.split]} code')}, intervals of {data.interval:g}"
    ordinary = ""
    if data.ordinary is not None:
        ordinary = (
            f"Grey: {counted(data.ordinary_count, 'ordinary axis', 'ordinary axes')} together; the median one is "
            f"{number(data.ordinary.width)} wide at half height and centred at {number(data.ordinary.centre, 2)}. "
        )
    collapsed = data.d - data.ordinary_count - len(data.dominating) - len(data.others)
    if collapsed:
        ordinary += f"{counted(collapsed, 'collapsed axis counts', 'collapsed axes count')} as neither. "
    if not data.dominating:
        return (
            f"Density along the axes ({which}). {ordinary}No axis stands out. "
            f"Right: centre and width of all {data.d} axes."
        )
    first = data.dominating[0]
    named = [str(density.axis) for density in data.dominating]
    which_axes = "axis" if len(named) == 1 else "axes"
    more = f" ({listed([str(axis) for axis in data.others])} stand out too, without a curve)" if data.others else ""
    return (
        f"Density along {which_axes} {listed(named)}{more} ({which}); axis {first.axis} is centred at "
        f"{number(first.centre, 2)} and {number(first.width)} wide at half height. {ordinary}"
        f"Right: centre and width of all {data.d} axes, those that stand out named."
    )


@styled
def draw(data: AxesData) -> Figure:
    """Draw the densities, and centre against width."""
    figure = new_figure(3.1)
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    if data.ordinary is not None:
        left.stairs(
            data.ordinary.density, data.ordinary.edges, color=BAND, fill=True, alpha=0.55, label="ordinary axes"
        )
    for place, density in enumerate(data.dominating):
        left.stairs(
            density.density,
            density.edges,
            color=CLASS_COLOURS[place % len(CLASS_COLOURS)],
            linewidth=1.4,
            label=f"axis {density.axis}",
        )
    if data.ordinary is not None or data.dominating:
        left.set_xlim(*_reach(data))
        left.legend(loc="upper right", ncols=2 if len(data.dominating) > 6 else 1)
    left.set_ylim(bottom=0)
    left.set_xlabel("place along the axis")
    left.set_ylabel("share of codes per unit")
    light_grid(left)
    _scatter(right, data)
    return figure


def _reach(data: AxesData) -> tuple[float, float]:
    """Where any curve is above a two-hundredth of its height: single far codes must not squeeze the picture."""
    curves = [*data.dominating, *([data.ordinary] if data.ordinary is not None else [])]
    ends = []
    for curve in curves:
        high = np.flatnonzero(curve.density > curve.density.max() / 200)
        ends += [curve.edges[high[0]], curve.edges[high[-1] + 1]]
    pad = 0.03 * (max(ends) - min(ends))
    return float(min(ends) - pad), float(max(ends) + pad)


def _scatter(axes: Axes, data: AxesData) -> None:
    axes.plot(data.centre, data.width, "o", markersize=3.2, markeredgewidth=0, color=NULL, alpha=0.75)
    for place, density in enumerate(data.dominating):
        colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
        axes.plot(density.centre, density.width, "o", markersize=5, markeredgewidth=0, color=colour)
        axes.annotate(
            str(density.axis),
            (density.centre, density.width),
            xytext=(5, 2),
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    axes.set_xlabel("centre")
    axes.set_ylabel("full width at half maximum")
    axes.set_ylim(0, float(data.width.max()) * 1.12 or 1.0)
    axes.margins(x=0.12)
    light_grid(axes, "both")
