"""Training against held-out codes of one run: radius, components and inertia in one row."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from zscope.figures import inertia, pca, radius_overlay
from zscope.figures.base import BOTH, SPLIT_WORDS, Missing
from zscope.figures.style import INK, light_grid, new_figure, run_colour, styled
from zscope.figures.words import counted, number, sizes_differ
from zscope.study.payload import RunPayload

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
_COMPONENT, _CENTRES = "component", "number of centres k"


@dataclass(frozen=True, eq=False)
class HeldOutData:
    """Curves of both splits of a run.

    Attributes
    ----------
    n, peak, mean : dict of str to number
        Codes, peak and mean of the radius by split.
    panels : tuple of (str, str, dict of str to Curve)
        Horizontal and vertical axis in words, and the curve of each split: edges and density of the radius, then
        places and values. Panels that only one split has are left out.
    place : int
        Place of the run among the runs.
    """

    n: dict[str, int]
    peak: dict[str, float]
    mean: dict[str, float]
    panels: tuple[tuple[str, str, dict[str, Curve]], ...]
    place: int = 0


def prepare(run: RunPayload, split: str = "train", *, place: int = 0) -> HeldOutData | Missing:
    """Take what both splits of a run have.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        Not looked at: both are shown.
    place : int
        Its place among the runs.

    Returns
    -------
    HeldOutData or Missing
        Missing where one of the splits was not measured.
    """
    del split
    radii: dict[str, radius_overlay.RadiusCurve] = {}
    for name in BOTH:
        curve = radius_overlay.curve_of(run, name, name, place)
        if isinstance(curve, Missing):
            return curve
        radii[name] = curve
    panels: list[tuple[str, str, dict[str, Curve]]] = [
        ("radius |z|", "share of codes per unit", {name: (curve.edges, curve.density) for name, curve in radii.items()})
    ]
    components = {name: pca.prepare([run], name) for name in BOTH}
    shares = {
        name: (np.arange(1.0, len(found.curves[0].cumulative) + 1), found.curves[0].cumulative)
        for name, found in components.items()
        if not isinstance(found, Missing)
    }
    curves = {name: inertia.prepare([run], name) for name in BOTH}
    inertias = {
        name: (found.curves[0].k.astype(np.float64), found.curves[0].share)
        for name, found in curves.items()
        if not isinstance(found, Missing)
    }
    for across, up, found_curves in (
        (_COMPONENT, "cumulative share of the variance", shares),
        (_CENTRES, "inertia / total variance", inertias),
    ):
        if len(found_curves) == len(BOTH):
            panels.append((across, up, found_curves))
    return HeldOutData(
        {name: curve.n for name, curve in radii.items()},
        {name: curve.peak for name, curve in radii.items()},
        {name: curve.mean for name, curve in radii.items()},
        tuple(panels),
        place,
    )


def caption(data: HeldOutData) -> str:
    """Say how the radii of both splits compare."""
    sizes = " and ".join(counted(data.n[name], f"{SPLIT_WORDS[name]} code") for name in BOTH)
    ends = "; ".join(
        f"{SPLIT_WORDS[name]} codes peak at radius {number(data.peak[name], 4)} "
        f"and lie at {number(data.mean[name], 4)} on average"
        for name in BOTH
    )
    drawn = {across for across, _, _ in data.panels}
    fewer = " and ".join(
        does for across, does in ((_COMPONENT, pca.FEWER), (_CENTRES, inertia.FEWER)) if across in drawn
    )
    warning = sizes_differ(list(data.n.values()), fewer) if fewer else ""
    return f"{sizes}, training solid, held-out dashed: {ends}.{warning}"


@styled
def draw(data: HeldOutData) -> Figure:
    """Draw the panels in a row."""
    figure = new_figure(2.6)
    panels = figure.subplots(1, 3, squeeze=False)[0]
    for axes in panels[len(data.panels) :]:
        axes.set_axis_off()
    for place, (axes, (across, up, curves)) in enumerate(zip(panels, data.panels, strict=False)):
        for name, curve in curves.items():
            _curve(axes, curve, name, data.place, steps=place == 0)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.set_ylim(bottom=0)
        if place:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}".replace("%", " %")))
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        light_grid(axes)
    marks = [
        Line2D([], [], color=run_colour(data.place)),
        Line2D([], [], color=INK, linestyle=(0, (4, 2)), linewidth=1.2),
    ]
    figure.legend(marks, [SPLIT_WORDS[name] for name in BOTH], loc="outside upper left", ncols=2)
    return figure


def _curve(axes: Axes, curve: Curve, split: str, place: int, *, steps: bool) -> None:
    held_out = split == "held-out"
    colour = INK if held_out else run_colour(place)
    line = (0, (4, 2)) if held_out else "-"
    width = 1.2 if held_out else 1.7
    if steps:
        axes.stairs(curve[1], curve[0], color=colour, linestyle=line, linewidth=width)
    else:
        axes.plot(*curve, color=colour, linestyle=line, linewidth=width)
