"""Radii of several runs, or of several splits of one, in one panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, curves_of, measured
from zscope.figures.style import light_grid, log_axis, new_figure, run_colour, run_line, styled
from zscope.figures.words import counted, listed, number
from zscope.study.payload import RunPayload

_FAR_APART = 20.0


@dataclass(frozen=True, eq=False)
class RadiusCurve:
    """One curve.

    Attributes
    ----------
    title : str
        Whose codes.
    edges : ndarray of shape (m + 1,)
        Intervals, in latent units.
    density : ndarray of shape (m,)
        Share of the codes per latent unit; its integral is 1.
    peak, mean, sd : float
        Of the radius.
    n : int
        Codes.
    place : int
        Place of the run.
    dashed : bool
        Whether these are held-out codes.
    """

    title: str
    edges: NDArray[np.float64]
    density: NDArray[np.float64]
    peak: float
    mean: float
    sd: float
    n: int
    place: int
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class RadiusOverlayData:
    """Curves that share a panel.

    Attributes
    ----------
    curves : tuple of RadiusCurve
        At least one.
    left_out : tuple of (str, str)
        Runs that have none, and why.
    split : str
        Which codes; empty for both.
    """

    curves: tuple[RadiusCurve, ...]
    left_out: tuple[tuple[str, str], ...]
    split: str


def curve_of(run: RunPayload, split: str, title: str, place: int) -> RadiusCurve | Missing:
    """Take one curve: the histogram of the coarse interval as a density.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        ``train`` or ``held-out``.
    title : str
        How the curve is called.
    place : int
        Place of the run among the runs.

    Returns
    -------
    RadiusCurve or Missing
        Missing where the radius was not measured.
    """
    found = measured(run, split, "radius")
    if isinstance(found, Missing):
        return found
    part, values = found
    histogram = values["intervals"][f"{values['interval']:g}"]
    edges, counts = np.array(histogram["edges"]), np.array(histogram["counts"], dtype=np.float64)
    density = counts / (counts.sum() * np.diff(edges))
    return RadiusCurve(
        title, edges, density, values["peak"], values["mean"], values["sd"], part.n, place, split == "held-out"
    )


def prepare(runs: Sequence[RunPayload], split: str = "train") -> RadiusOverlayData | Missing:
    """Take the radii of all runs.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        ``train`` or ``held-out``.

    Returns
    -------
    RadiusOverlayData or Missing
        Missing where no run was measured.
    """
    curves, left_out = curves_of(runs, lambda run, title, place: curve_of(run, split, title, place))
    if not curves:
        return Missing("no run has been measured" if len(runs) > 1 else left_out[0][1])
    return RadiusOverlayData(curves, left_out, split)


def caption(data: RadiusOverlayData) -> str:
    """Say where the curves peak and how wide they are."""
    which = f"{SPLIT_WORDS[data.split]} codes" if data.split else "codes"
    ends = [f"{curve.title} peaks at {number(curve.peak)} (sd {number(curve.sd)})" for curve in data.curves]
    says = f"Share of the {which} per unit of radius: {listed(ends)}; {_sizes(data)}."
    return " ".join([says, *(f"{title} is left out: {reason}." for title, reason in data.left_out)])


def _sizes(data: RadiusOverlayData) -> str:
    sizes = sorted({curve.n for curve in data.curves})
    if len(sizes) == 1:
        return f"{counted(sizes[0], 'code')} each" if len(data.curves) > 1 else counted(sizes[0], "code")
    return f"{sizes[0]:,} to {sizes[-1]:,} codes"


@styled
def draw(data: RadiusOverlayData) -> Figure:
    """Draw all curves in one panel."""
    figure = new_figure(2.7)
    axes = figure.subplots()
    for curve in data.curves:
        axes.stairs(
            curve.density,
            curve.edges,
            color=run_colour(curve.place),
            linestyle=(0, (4, 2)) if curve.dashed else run_line(curve.place),
            linewidth=1.7,
            label=curve.title,
        )
    means = [curve.mean for curve in data.curves]
    if min(means) > 0 and max(means) / min(means) > _FAR_APART:
        lowest = min(float(curve.edges[1]) for curve in data.curves)
        axes.set_xlim(left=lowest / 2)
        log_axis(axes, "x")
    axes.set_xlabel("radius |z|")
    axes.set_ylabel("share of codes per unit")
    axes.set_ylim(bottom=0)
    light_grid(axes)
    figure.legend(loc="outside upper left", ncols=min(len(data.curves), 4))
    return figure
