"""How far the codes lie from the origin, with the null behind."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing, measured
from zscope.figures.style import BAND, INK, QUIET, light_grid, new_figure, run_colour, styled, thousands
from zscope.figures.words import counted, number
from zscope.study.payload import RunPayload


@dataclass(frozen=True, eq=False)
class RadiusBand:
    """Histograms of null clouds.

    Attributes
    ----------
    edges : ndarray of shape (m + 1,)
        Intervals, in latent units.
    low, high : ndarray of shape (m,)
        1 % and 99 % of the draws, in each interval for itself.
    draws, n : int
        Null clouds, and points in each; the counts are scaled to all codes.
    inside : int or None
        Intervals of the codes' histogram whose count lies within; None where the draws have fewer points than there are
        codes, and scatter more for that.
    of : int
        Intervals that were looked at: all where the codes or the band are not zero.
    """

    edges: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    draws: int
    n: int
    inside: int | None
    of: int


@dataclass(frozen=True, eq=False)
class RadiusData:
    """Histograms of the radius on two intervals.

    Attributes
    ----------
    split, n, d
        Which codes, how many, and their dimensions.
    interval, interval_fine : float
        Widths of the intervals, in latent units.
    edges, counts, fine_edges, fine_counts : ndarray
        The histograms, as measured.
    peak, predicted : float
        Measured peak, and the one that mean and covariance put it at.
    mean, sd : float
        Of the radius.
    means : bool
        Whether the codes are means of posteriors, whose radius is not that of draws.
    band : RadiusBand or None
        The null, where it was drawn.
    place : int
        Place of the run among the runs, for its colour.
    """

    split: str
    n: int
    d: int
    interval: float
    interval_fine: float
    edges: NDArray[np.float64]
    counts: NDArray[np.float64]
    fine_edges: NDArray[np.float64]
    fine_counts: NDArray[np.float64]
    peak: float
    predicted: float
    mean: float
    sd: float
    means: bool
    band: RadiusBand | None
    place: int = 0


def prepare(run: RunPayload, split: str = "train", *, place: int = 0) -> RadiusData | Missing:
    """Take the histograms of a run's radii and the band of its null.

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
    RadiusData or Missing
        Missing where the radius was not measured.
    """
    found = measured(run, split, "radius")
    if isinstance(found, Missing):
        return found
    part, values = found
    coarse, fine = (values["intervals"][f"{values[key]:g}"] for key in ("interval", "interval_fine"))
    edges, counts = np.array(coarse["edges"]), np.array(coarse["counts"], dtype=np.float64)
    test = next((test for test in part.tests.get("radius", []) if test.get("band")), None)
    return RadiusData(
        split=split,
        n=part.n,
        d=part.d,
        interval=values["interval"],
        interval_fine=values["interval_fine"],
        edges=edges,
        counts=counts,
        fine_edges=np.array(fine["edges"]),
        fine_counts=np.array(fine["counts"], dtype=np.float64),
        peak=values["peak"],
        predicted=values["moments"]["peak"],
        mean=values["mean"],
        sd=values["sd"],
        means="logvar" in part.values,
        band=None if test is None else _band(test, edges, counts),
        place=place,
    )


def _band(test: dict[str, Any], edges: NDArray[np.float64], counts: NDArray[np.float64]) -> RadiusBand:
    band = test["band"]
    own, low, high = np.array(band["edges"]), np.array(band["low"]), np.array(band["high"])
    interval = own[1] - own[0]
    slots = np.round((edges[:-1] - own[0]) / interval).astype(np.int64)
    first, last = min(int(slots[0]), 0), max(int(slots[-1]) + 1, len(low))
    codes, lowest, highest = (np.zeros(last - first) for _ in range(3))
    codes[slots - first] = counts
    lowest[-first : len(low) - first], highest[-first : len(high) - first] = low, high
    looked = (codes > 0) | (highest > 0)
    inside = looked & (codes >= lowest) & (codes <= highest)
    comparable = int(inside.sum()) if test["n"] == test["of"] else None
    return RadiusBand(own, low, high, test["draws"], test["n"], comparable, int(looked.sum()))


def caption(data: RadiusData) -> str:
    """Say where the histogram is highest, and what the band is."""
    top = int(data.counts.argmax())
    of = " (means of the posteriors)" if data.means else ""
    says = (
        f"Distance of {counted(data.n, f'{SPLIT_WORDS[data.split]} code')}{of} from the origin. Left: in intervals of "
        f"{data.interval:g}, the fullest of which, from {number(float(data.edges[top]))} to "
        f"{number(float(data.edges[top + 1]))}, holds {number(int(data.counts[top]))}; right: around the peak in "
        f"intervals of {data.interval_fine:g}. The peak lies at {number(data.peak, 4)} (solid line), mean and "
        f"covariance alone put it at {number(data.predicted, 4)} (dashed)."
    )
    if data.band is None:
        return f"{says} No null was drawn."
    grey = "Grey: in each interval for itself, where 98 % of Gaussian clouds with the same mean and covariance lie"
    if data.band.inside is None:
        return f"{says} {grey}; these have {data.band.n:,} points, scaled to {data.n:,}."
    return f"{says} {grey}; {data.band.inside} of {counted(data.band.of, 'interval')} are inside."


@styled
def draw(data: RadiusData) -> Figure:
    """Draw both histograms."""
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    colour = run_colour(data.place)
    if data.band is not None:
        left.fill_between(
            data.band.edges,
            _stepped(data.band.low),
            _stepped(data.band.high),
            step="post",
            color=BAND,
            alpha=0.55,
            linewidth=0,
            label="null, 1 … 99 %",
        )
    left.stairs(data.counts, data.edges, color=colour, linewidth=1.7, label="codes")
    left.set_ylabel(f"codes in an interval of {data.interval:g}")
    near = (data.fine_edges[1:] > data.peak - 1.5 * data.sd) & (data.fine_edges[:-1] < data.peak + 1.5 * data.sd)
    shown = np.flatnonzero(near) if near.any() else np.arange(len(data.fine_counts))
    right.stairs(
        data.fine_counts[shown[0] : shown[-1] + 1],
        data.fine_edges[shown[0] : shown[-1] + 2],
        color=colour,
        fill=True,
        alpha=0.5,
    )
    right.set_ylabel(f"codes in an interval of {data.interval_fine:g}")
    for axes in (left, right):
        _lines(axes, data)
        axes.set_xlabel("radius |z|")
        axes.set_ylim(bottom=0)
        light_grid(axes)
        thousands(axes, "y")
    left.legend(loc="upper right" if data.peak < (data.edges[0] + data.edges[-1]) / 2 else "upper left")
    return figure


def _stepped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.append(values, values[-1])


def _lines(axes: Axes, data: RadiusData) -> None:
    low = "left" if data.predicted > data.peak else "right"
    for place, text, dashed in ((data.peak, "peak", False), (data.predicted, "from moments", True)):
        axes.axvline(place, color=INK, linewidth=0.9, linestyle=(0, (4, 2)) if dashed else "-")
        side = low if dashed else ("right" if low == "left" else "left")
        axes.annotate(
            f"{text} {number(place, 4)}",
            (place, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(4 if side == "left" else -4, 3),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=8,
            color=QUIET if dashed else INK,
            annotation_clip=False,
        )
