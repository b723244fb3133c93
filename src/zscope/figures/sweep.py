"""The sweep of a KL weight: figures of all runs against it, with seed spread, and the transition; also as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from zscope.figures.base import SPLIT_WORDS, Missing
from zscope.figures.style import BAND, INK, QUIET, RULE, light_grid, log_axis, new_figure, run_colour, styled, thousands
from zscope.figures.words import counted, listed, number, percent, power_of_ten
from zscope.study.sweep import Sweep, SweepCurve
from zscope.study.transition import COLLAPSED, HALF, Crossing

_DECADES = 50.0
_COLUMNS = 3

SAMPLERS = ("normal", "fitted", "reconstructions")
_SAMPLER_WORDS = {"normal": "N(0, I)", "fitted": "fitted sampler", "reconstructions": "reconstructions"}
_STYLES: dict[str, Literal["-", "--", ":"]] = {"normal": "-", "fitted": "--", "reconstructions": ":"}

TABLE_TITLE = (
    "Medians over seeds: nats per image, radius in latent units, shares of images of N(0, I) and of the fitted sampler "
    "that are as near to training images as 95 % of reconstructions, and of reconstructions that are meaningful; "
    "* random codes decode from here on"
)

HEAD = ("seeds", "reconstruction", "KL", "radius", "active", "N(0, I)", "fitted", "reconstructions")
"""Columns of the table behind the weight."""

_SHARES = ("relative_normal", "relative_fitted", "meaningful_reconstructions")


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes
    ----------
    title, unit : str
        What it shows, and in what.
    keys : tuple of str
        Names of `zscope.study.sweep.QUANTITIES`, a line each.
    """

    title: str
    unit: str
    keys: tuple[str, ...]

    @property
    def share(self) -> bool:
        """Whether it shows shares, in percent."""
        return self.unit == "share of images"


PANELS = (
    Panel("reconstruction", "nats per image", ("reconstruction",)),
    Panel("KL", "nats per image", ("kl",)),
    Panel("mutual information", "nats", ("mutual_information",)),
    Panel("aggregate posterior to prior", "nats", ("marginal_kl",)),
    Panel("radius, peak", "latent units", ("radius",)),
    Panel("active units", "latent dimensions", ("active",)),
    Panel("as near as reconstructions", "share of images", ("relative_normal", "relative_fitted")),
    Panel("meaningful images", "share of images", tuple(f"meaningful_{key}" for key in SAMPLERS)),
    Panel("FD to real images", "feature units squared", tuple(f"fd_{key}" for key in SAMPLERS)),
)


@dataclass(frozen=True)
class SweepLine:
    """A figure of a curve against the weight.

    Attributes
    ----------
    weights : tuple of float
        Those at which it was measured.
    values : tuple of tuple of float
        One entry a seed, at each weight.
    """

    weights: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class SweepShown:
    """A curve: its lines by name, and where random codes start to decode and units collapse."""

    label: str
    dimensions: int
    seeds: int
    lines: dict[str, SweepLine]
    decodes: Crossing
    collapses: Crossing


@dataclass(frozen=True)
class SweepData:
    """Curves of a sweep, the name of the weight, the split that losses are of, and the samplers that were fitted."""

    name: str
    split: str
    curves: tuple[SweepShown, ...]
    weights: tuple[float, ...]
    samplers: tuple[str, ...]


def prepare(sweep: Sweep | None) -> SweepData | Missing:
    """Take the figures of a sweep.

    Parameters
    ----------
    sweep : Sweep or None
        What the payload holds.

    Returns
    -------
    SweepData or Missing
        Missing where no KL weight was swept.
    """
    if sweep is None or not sweep.curves:
        return Missing("no KL weight was swept: that takes three of them")
    weights = sorted({weight for curve in sweep.curves for weight in curve.weights})
    fitted = {row.fitted for curve in sweep.curves for row in curve.rows} - {None, "normal", "prior"}
    shown = tuple(_shown(curve) for curve in sweep.curves)
    return SweepData(sweep.name, sweep.split, shown, tuple(weights), tuple(sorted(map(str, fitted))))


def _shown(curve: SweepCurve) -> SweepShown:
    lines = {}
    for key in (key for panel in PANELS for key in panel.keys):
        found = {weight: tuple(values.values()) for weight, values in curve.by_seed(key).items() if values}
        lines[key] = SweepLine(tuple(sorted(found)), tuple(found[weight] for weight in sorted(found)))
    return SweepShown(curve.label, curve.dimensions, len(curve.seeds), lines, curve.decodes, curve.collapses)


def caption(data: SweepData) -> str:
    """Say what is shown, and where the marks stand."""
    seeds = max(curve.seeds for curve in data.curves)
    spread = "each point a seed, lines their median, bands their range" if seeds > 1 else "one seed"
    fitted = f" Fitted sampler: the recommended one ({listed(data.samplers)})." if data.samplers else ""
    return (
        f"{counted(len(data.weights), 'KL weight')} {data.name} on a logarithmic scale, {spread}; losses of "
        f"{SPLIT_WORDS[data.split]} images. {' '.join(_marks(data, curve) for curve in data.curves)}{fitted} "
        "As near as reconstructions: to a training image, by the judge's features, as 95 % of reconstructions of "
        "held-out images are; meaningful: as 95 % of held-out images are. FD: Fréchet distance to real images in "
        "features of the judge. Mutual information is at most the logarithm of the number of codes; what lies above "
        "that counts as distance of the aggregate posterior from the prior."
    )


def _marks(data: SweepData, curve: SweepShown) -> str:
    of = f"{curve.label}: " if curve.label else ""
    decodes, collapses = curve.decodes, curve.collapses
    words = {
        "not reached": f"random codes decode at no weight{f' that decides it ({decodes.why})' if decodes.why else ''}",
        "undecided": f"from which weight on random codes decode is undecided: {decodes.why}",
        "not measured": f"random codes are not asked for: {decodes.why}" if decodes.why else "samplers were not scored",
    }
    first = words.get(decodes.state, "")
    if decodes.known:
        beside = f"; {decodes.why}" if decodes.why else ""
        first = (
            f"vertical line: from {data.name} {number(decodes.weight)} on codes from N(0, I) decode (at least "
            f"{percent(HALF)} of their images are as near to training images as 95 % of reconstructions are{beside})"
        )
    second = ""
    if collapses.known:
        share = percent(COLLAPSED)
        second = f"; dotted vertical line: at {number(collapses.weight)} at most {share} of the units are active"
    return f"{of}{first}{second}." if of else f"{first[0].upper()}{first[1:]}{second}."


def sweep_table(sweep: Sweep) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Lay out the medians over seeds by weight.

    Parameters
    ----------
    sweep : Sweep
        What the payload holds.

    Returns
    -------
    head : tuple of str
        Names of the columns.
    rows : list of tuple of str
        One a weight of every curve.
    """
    several = len(sweep.curves) > 1
    rows = []
    for curve in sweep.curves:
        for weight in curve.weights:
            seeds = sum(row.weight == weight for row in curve.rows)
            numbers = [number(curve.middle(name, weight), 4) for name in ("reconstruction", "kl", "radius", "active")]
            shares = [percent(curve.middle(name, weight)) for name in _SHARES]
            mark = " *" if curve.decodes.known and curve.decodes.weight == weight else ""
            cells = (f"{number(weight)}{mark}", str(seeds), *numbers, *shares)
            rows.append((curve.label, *cells) if several else cells)
    return (*(("runs",) if several else ()), sweep.name, *HEAD), rows


@styled
def draw(data: SweepData) -> Figure:
    """Draw a panel a quantity, three beside each other, over one logarithmic axis of weights."""
    blocks = -(-len(PANELS) // _COLUMNS)
    figure = new_figure(0.75 + 2.0 * blocks)
    panels = figure.subplots(blocks, _COLUMNS, squeeze=False, sharex=True)
    places = _places(data.weights)
    for panel, axes in zip(PANELS, panels.flat, strict=True):
        _panel(axes, data, panel, places)
    for axes in panels[-1]:
        axes.set_xlabel(f"KL weight {data.name}")
    _weights_axis(panels[0, 0], places)
    figure.legend(handles=_legend(data), loc="outside upper right", ncols=6)
    return figure


def _places(weights: Sequence[float]) -> dict[float, float]:
    """Give weights their places on a logarithmic axis; 0 stands a power of ten before the smallest other one."""
    positive = [weight for weight in weights if weight > 0]
    zero = min(positive) / 10 if positive else 1.0
    return {weight: weight or zero for weight in weights}


def _panel(axes: Axes, data: SweepData, panel: Panel, places: dict[float, float]) -> None:
    axes.set_title(panel.title)
    axes.set_ylabel(panel.unit)
    shown: list[float] = []
    for place, curve in enumerate(data.curves):
        _transitions(axes, curve, panel, places, _colour(data, place, ""))
        for key in panel.keys:
            line, style = curve.lines[key], _STYLES.get(key.partition("_")[2], "-")
            _line(axes, line, places, _colour(data, place, key), style)
            shown += [value for values in line.values for value in values]
    if not shown:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color=QUIET)
        axes.set_yticks([])
    else:
        _values_axis(axes, panel, shown)
    if "relative_normal" in panel.keys:
        axes.axhline(HALF, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
    light_grid(axes)


def _transitions(axes: Axes, curve: SweepShown, panel: Panel, places: dict[float, float], colour: str) -> None:
    """Mark where random codes start to decode, with the interval over seeds, and where units collapse among these."""
    found = curve.decodes
    if found.known and found.weight is not None:
        axes.axvline(places[found.weight], color=colour, linewidth=1)
        if found.low is not None and found.high is not None and found.low < found.high:
            axes.axvspan(places[found.low], places[found.high], color=BAND, alpha=0.25, linewidth=0)
    if panel.keys == ("active",) and curve.collapses.known and curve.collapses.weight is not None:
        axes.axvline(places[curve.collapses.weight], color=colour, linewidth=1, linestyle=":")


def _line(axes: Axes, line: SweepLine, places: dict[float, float], colour: str, style: str) -> None:
    if not line.weights:
        return
    at = [places[weight] for weight in line.weights]
    lows, highs = [min(values) for values in line.values], [max(values) for values in line.values]
    axes.fill_between(at, lows, highs, color=colour, alpha=0.16, linewidth=0)
    axes.plot(at, [median(values) for values in line.values], color=colour, linestyle=style, linewidth=1.5)
    points = np.array([(x, value) for x, values in zip(at, line.values, strict=True) for value in values])
    axes.scatter(points[:, 0], points[:, 1], s=9, color=colour, linewidths=0, alpha=0.8, zorder=3)


def _colour(data: SweepData, place: int, key: str) -> str:
    """Give every curve a colour; of a single one, every sampler."""
    sampler = key.partition("_")[2]
    if sampler == "reconstructions":
        return INK if len(data.curves) == 1 else run_colour(place)
    return run_colour(1) if len(data.curves) == 1 and sampler == "fitted" else run_colour(place)


def _values_axis(axes: Axes, panel: Panel, values: Sequence[float]) -> None:
    low, high = min(values), max(values)
    if panel.share:
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    elif low > 0 and high / low > _DECADES:
        axes.set_ylim(low / 1.5, high * 1.5)
        log_axis(axes, "y")
    else:
        pad = 0.06 * (high - low) or 1.0
        axes.set_ylim(low - pad, high + pad)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=panel.keys == ("active",)))
        thousands(axes, "y")


def _weights_axis(axes: Axes, places: dict[float, float]) -> None:
    """Make the axis of weights logarithmic, with a tick at 0 where that is one of them."""
    low, high = min(places.values()), max(places.values())
    axes.set_xlim(low / 1.6, high * 1.6)
    log_axis(axes, "x")
    decades = [10.0**power for power in range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)]
    steps = -(-len(decades) // 5)
    if 0.0 in places:
        ticks = [places[0.0], *(tick for tick in decades[::-1][::steps] if tick > 2 * places[0.0])]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda at, _: "0" if np.isclose(at, places[0.0]) else power_of_ten(round(np.log10(at))))
        )
    elif len(decades) > 1:
        axes.xaxis.set_major_locator(FixedLocator(decades[::-1][::steps]))


def _legend(data: SweepData) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = []
    if len(data.curves) > 1:
        named = enumerate(data.curves)
        handles += [Line2D([], [], color=run_colour(place), label=curve.label) for place, curve in named]
    scored = [key for key in SAMPLERS if any(curve.lines[f"meaningful_{key}"].weights for curve in data.curves)]
    for key in scored:
        colour = _colour(data, 0, f"meaningful_{key}") if len(data.curves) == 1 else INK
        handles.append(Line2D([], [], color=colour, linestyle=_STYLES[key], label=_SAMPLER_WORDS[key]))
    if any(curve.seeds > 1 for curve in data.curves):
        handles.append(Patch(color=RULE, alpha=0.6, linewidth=0, label="range over seeds"))
    if any(curve.decodes.known for curve in data.curves):
        colour = run_colour(0) if len(data.curves) == 1 else INK
        handles.append(Line2D([], [], color=colour, linewidth=1, marker="|", linestyle="", label="N(0, I) decodes"))
    return handles
