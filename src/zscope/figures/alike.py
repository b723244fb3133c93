"""How alike the spaces of several runs are: every two of them, in three panels."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zscope.figures.base import SPLIT_WORDS, Missing
from zscope.figures.style import INK, RULE, new_figure, styled
from zscope.figures.words import counted, listed, number
from zscope.study.alike import NotCompared, RunsAlike

MOST_NAMED = 12
"""With more runs the models are named, and not every run."""

MOST_NUMBERED = 8
"""With more runs the cells are too small for numbers."""

_COLOURS = LinearSegmentedColormap.from_list("alike", ["#f4ecd8", "#8fb8a8", "#2f7f93", "#173f5f"])
_LEAST_RANGE = 0.02


@dataclass(frozen=True, eq=False)
class AlikePanel:
    """One figure of every two runs.

    Attributes
    ----------
    title : str
        What it is.
    values : ndarray of shape (R, R)
        Runs in the order of the models; NaN on the diagonal.
    low, high : float
        Ends of the colours.
    """

    title: str
    values: NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class AlikeData:
    """Three panels over the same runs.

    Attributes
    ----------
    panels : tuple of AlikePanel
        R², common neighbours, CKA.
    names : tuple of str
        The runs, model by model.
    models : tuple of (str, int)
        Each model's name, and how many of the runs in a row are its own.
    means : tuple of (str, float, float or None)
        Every two models, and within each that has several runs: mean R² and mean share of common neighbours.
    n, k : int
        Images, and neighbours of each.
    by_chance : float
        Share of neighbours that unrelated spaces have in common.
    split : str
        Which codes.
    """

    panels: tuple[AlikePanel, ...]
    names: tuple[str, ...]
    models: tuple[tuple[str, int], ...]
    means: tuple[tuple[str, float | None, float | None], ...]
    n: int
    k: int
    by_chance: float
    split: str


def prepare(alike: RunsAlike | NotCompared | None) -> AlikeData | Missing:
    """Take the figures of every two runs, model by model.

    Parameters
    ----------
    alike : RunsAlike, NotCompared or None
        Of a study.

    Returns
    -------
    AlikeData or Missing
        Missing where the runs were not held against each other.
    """
    if alike is None:
        return Missing("the runs have not been held against each other (zscope compare RUN RUN)")
    if isinstance(alike, NotCompared):
        return Missing(alike.reason)
    order = [row for model in alike.models for row in model.rows]
    square = np.ix_(order, order)
    values = (
        ("R² from row to column", alike.directed()),
        ("common neighbours", alike.table(lambda pair: pair.overlap)),
        ("CKA", alike.table(lambda pair: pair.cka)),
    )
    return AlikeData(
        panels=tuple(_panel(title, table[square]) for title, table in values),
        names=tuple(alike.names[row] for row in order),
        models=tuple((model.name, len(model.rows)) for model in alike.models),
        means=tuple((row.title, _both(row.values[0], row.values[1]), row.values[3]) for row in alike.rows()),
        n=alike.n,
        k=alike.k,
        by_chance=alike.by_chance,
        split=alike.split,
    )


def _panel(title: str, values: NDArray[np.float64]) -> AlikePanel:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    missing = max(_LEAST_RANGE - (high - low), 0.0) / 2
    return AlikePanel(title, values, low - missing, high + missing)


def _both(forth: float | None, back: float | None) -> float | None:
    return None if forth is None or back is None else (forth + back) / 2


def caption(data: AlikeData) -> str:
    """Say how alike models are, and seeds of one."""
    ends = [
        f"{title} {number(r2)} and {number(None if shared is None else 100 * shared)} %"
        for title, r2, shared in data.means
    ]
    images = counted(data.n, f"{SPLIT_WORDS[data.split]} image")
    return (
        f"How alike the codes of the same {images} are. R²: share of the variance of the column's codes that a linear "
        "map from the row's gives, on images it was not fitted to. Common neighbours: mean share of an image's "
        f"{data.k} nearest neighbours that are so in both spaces ({number(100 * data.by_chance, 2)} % in unrelated "
        "ones). CKA: linear centred kernel alignment. Each panel has colours of its own. Mean R² and share of common "
        f"neighbours: {listed(ends)}."
    )


@styled
def draw(data: AlikeData) -> Figure:
    """Draw the three panels side by side."""
    figure = new_figure(3.5)
    panels = figure.subplots(1, len(data.panels))
    for place, (axes, panel) in enumerate(zip(panels, data.panels, strict=True)):
        _draw_panel(figure, axes, panel, data, first=place == 0)
    return figure


def _draw_panel(figure: Figure, axes: Axes, panel: AlikePanel, data: AlikeData, *, first: bool) -> None:
    count = len(data.names)
    norm = Normalize(panel.low, panel.high)
    edges = np.arange(count + 1) - 0.5
    shown = np.ma.masked_invalid(panel.values)
    mesh = axes.pcolormesh(edges, edges, shown, cmap=_COLOURS, norm=norm, rasterized=count > MOST_NAMED)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.set_title(panel.title)
    axes.spines[:].set_visible(False)
    if count <= MOST_NUMBERED:
        for (row, column), value in np.ndenumerate(panel.values):
            if np.isfinite(value):
                colour = "#fdfdfc" if norm(value) > 0.5 else "#1c2227"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    ends = np.cumsum([size for _, size in data.models])
    if count > len(data.models) > 1:
        for end in ends[:-1]:
            axes.axhline(end - 0.5, color=INK, linewidth=0.9)
            axes.axvline(end - 0.5, color=INK, linewidth=0.9)
    if count <= MOST_NAMED:
        places, names = list(range(count)), list(data.names)
    else:
        sizes = np.array([size for _, size in data.models])
        places, names = list(ends - sizes / 2 - 0.5), [name for name, _ in data.models]
    turned = 0 if max(len(name) for name in names) * len(names) <= 24 else 40
    axes.set_xticks(places, names, rotation=turned, ha="right" if turned else "center", rotation_mode="anchor")
    axes.set_yticks(places, names if first else [""] * len(names))
    axes.tick_params(length=0)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.05, pad=0.03)
    bar.outline.set_edgecolor(RULE)
    bar.ax.tick_params(length=2, labelsize=7.5)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5))
