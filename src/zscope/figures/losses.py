"""Losses against the epoch, a column a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zscope.figures.base import BOTH, SPLIT_WORDS, Missing, run_titles
from zscope.figures.style import INK, QUIET, light_grid, log_axis, new_figure, run_colour, styled, thousands
from zscope.figures.words import counted, number
from zscope.study.payload import RunPayload

QUANTITIES = ("total", "reconstruction", "kl")
_WORDS = {"total": "total", "reconstruction": "reconstruction", "kl": "KL"}
_DECADES = 50.0
_COLUMNS = 4


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One split of one run.

    Attributes
    ----------
    epoch : ndarray of shape (m,)
        Where the values were logged; parts of an epoch are possible.
    values : dict of str to ndarray of shape (m,)
        ``total``, ``reconstruction`` and ``kl`` in nats per image.
    """

    epoch: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class LossesData:
    """Curves of runs.

    Attributes
    ----------
    titles : tuple of str
        The runs.
    curves : tuple of dict of str to LossCurve
        By split, one entry a run.
    with_kl : tuple of bool
        Whether a run has a KL.
    """

    titles: tuple[str, ...]
    curves: tuple[dict[str, LossCurve], ...]
    with_kl: tuple[bool, ...]


def prepare(runs: Sequence[RunPayload], split: str = "train") -> LossesData | Missing:
    """Take the logged losses of runs.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        Not looked at: both are shown.

    Returns
    -------
    LossesData or Missing
        Missing where no run has logged anything.
    """
    del split
    curves = tuple(_curves(run.history) for run in runs)
    if not any(curves):
        return Missing("no losses were logged")
    with_kl = tuple(any(np.nanmax(curve.values["kl"], initial=0.0) > 0 for curve in found.values()) for found in curves)
    return LossesData(run_titles(runs), curves, with_kl)


def _curves(history: list[dict[str, Any]]) -> dict[str, LossCurve]:
    last_step = max((record["step"] for record in history), default=0)
    last_epoch = max((record["epoch"] for record in history), default=0)
    curves: dict[str, LossCurve] = {}
    for split in BOTH:
        records = sorted((record for record in history if record["split"] == split), key=lambda record: record["step"])
        if records:
            epochs = np.array([record["step"] * last_epoch / max(last_step, 1) for record in records])
            values = {name: np.array([record[name] for record in records], dtype=np.float64) for name in QUANTITIES}
            curves[split] = LossCurve(epochs, values)
    return curves


def caption(data: LossesData) -> str:
    """Say where the curves end."""
    ends = []
    for title, curves, with_kl in zip(data.titles, data.curves, data.with_kl, strict=True):
        if not curves:
            ends.append(f"{title}: nothing was logged.")
            continue
        epochs = max(float(curve.epoch[-1]) for curve in curves.values())
        parts = [
            f"{number(float(curve.values['total'][-1]), 4)} on {SPLIT_WORDS[name]} images"
            for name, curve in curves.items()
        ]
        kl = ""
        if with_kl:
            shown = " and ".join(number(float(curve.values["kl"][-1]), 3) for curve in curves.values())
            kl = f"; the KL, before it is weighted, {shown}"
        whole = counted(int(epochs), "epoch") if epochs == int(epochs) else f"{epochs:.2f} epochs"
        ends.append(f"{title}: after {whole} the total is {' and '.join(parts)}{kl}.")
    return f"Losses in nats per image, training (solid) and held-out (dashed). {' '.join(ends)}"


@styled
def draw(data: LossesData) -> Figure:
    """Draw a column a run, at most four beside each other, and a row a quantity."""
    columns = min(len(data.titles), _COLUMNS)
    blocks = -(-len(data.titles) // columns)
    names = QUANTITIES if any(data.with_kl) else ("reconstruction",)
    figure = new_figure(0.35 + 1.45 * len(names) * blocks)
    panels = figure.subplots(len(names) * blocks, columns, squeeze=False, sharey="none")
    for place in range(blocks * columns):
        block, column = divmod(place, columns)
        for row, name in enumerate(names):
            axes = panels[block * len(names) + row, column]
            if place >= len(data.titles):
                axes.set_axis_off()
                continue
            _panel(axes, data, place, name)
            if row == 0:
                axes.set_title(data.titles[place], weight="bold")
            if column == 0:
                axes.set_ylabel(_WORDS[name])
            if row == len(names) - 1 and (name != "kl" or data.with_kl[place]):
                axes.set_xlabel("epoch")
    for row, name in enumerate(names):
        _share(
            data,
            name,
            [panels[block * len(names) + row, column] for block in range(blocks) for column in range(columns)],
        )
    return figure


def _panel(axes: Axes, data: LossesData, place: int, name: str) -> None:
    curves = data.curves[place]
    if name == "kl" and not data.with_kl[place]:
        axes.text(0.5, 0.5, "no KL", transform=axes.transAxes, ha="center", va="center", color=QUIET)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
        return
    for split, curve in curves.items():
        held_out = split == "held-out"
        axes.plot(
            curve.epoch,
            curve.values[name],
            color=INK if held_out else run_colour(place),
            linestyle=(0, (4, 2)) if held_out else "-",
            linewidth=1.2 if held_out else 1.7,
            marker="o" if len(curve.epoch) < 3 else None,
            markersize=3,
        )
    light_grid(axes)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if place == 0 and name == "reconstruction" and len(curves) == 2:
        shown = [
            Line2D([], [], color=run_colour(place)),
            Line2D([], [], color=INK, linestyle=(0, (4, 2)), linewidth=1.2),
        ]
        axes.legend(shown, ["training", "held-out"], loc="upper right")


def _share(data: LossesData, name: str, panels: list[Axes]) -> None:
    """Give all panels of a quantity one scale; logarithmic where the values span two powers of ten."""
    found = [
        curve.values[name]
        for curves, with_kl in zip(data.curves, data.with_kl, strict=True)
        if name != "kl" or with_kl
        for curve in curves.values()
    ]
    values = np.concatenate(found) if found else np.empty(0)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return
    low, high = float(values.min()), float(values.max())
    pad = 0.06 * (high - low) or 0.5
    for place, axes in enumerate(panels[: len(data.titles)]):
        if name == "kl" and not data.with_kl[place]:
            continue
        if low > 0 and high / low > _DECADES:
            axes.set_ylim(low / 1.5, high * 1.5)
            log_axis(axes, "y")
        else:
            axes.set_ylim(low - pad, high + pad)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            thousands(axes, "y")
