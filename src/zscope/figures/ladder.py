"""The ladder: a row of images from every sampler, and its scores beside it; the same scores as a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from zscope.figures.base import Missing
from zscope.figures.samples import strip
from zscope.figures.style import INK, QUIET, RULE, WIDTH, log_axis, run_colour, styled
from zscope.figures.words import number, percent
from zscope.study.payload import RunPayload
from zscope.typing import ImageArray

MOST = 10
"""Images a row."""

SCORES: tuple[tuple[str, str], ...] = (
    ("fd", "FD"),
    ("fd_reconstructions", "FD to reconstructions"),
    ("fd_random", "FD, random features"),
    ("density", "density"),
    ("coverage", "coverage"),
    ("two_sample", "two-sample"),
    ("meaningful", "meaningful"),
    ("meaningful_of_reconstructions", "as reconstructions"),
    ("memorised", "memorised"),
    ("copies", "copies"),
    ("cycle", "cycle"),
    ("nearest_code", "nearest code"),
)
"""Scores by their names in ``ladder.json``, and in words; a column is left out where no row has it."""

REFERENCES = (("held_out", "held-out images"), ("reconstructions", "reconstructions"), ("noise", "noise"))
"""What scores are read by: two ceilings and the floor."""

AUC_HEAD = ("AUC", "95 % interval", "what a smaller value of it says of a code")

_SHORT = ("density", "coverage", "two_sample", "memorised")
_WITH_INTERVAL = ("fd", "fd_reconstructions", "meaningful")
_PANELS = (("fd", "FD"), ("fd_reconstructions", "to reconstructions"), ("meaningful", "meaningful"))


@dataclass(frozen=True)
class LadderRow:
    """One row: a rung, or a reference.

    Attributes
    ----------
    label : str
        The sampler or the reference.
    reference : bool
        Whether it is one.
    recommended : bool
        Whether it is the recommended sampler.
    images : ndarray of shape (k, H, W, C), uint8
        Some of its images; empty where none are kept.
    fd, fd_reconstructions, meaningful : tuple of (float, float, float) or None
        Value and bounds; the share in 0 … 1.
    """

    label: str
    reference: bool
    recommended: bool
    images: ImageArray
    fd: tuple[float, float, float] | None
    fd_reconstructions: tuple[float, float, float] | None
    meaningful: tuple[float, float, float] | None


@dataclass(frozen=True)
class LadderData:
    """Rows from what knows nothing of the codes to what knows most, the references first, and what its steps bring."""

    title: str
    rows: tuple[LadderRow, ...]
    n: int
    n_references: int
    place: int
    says: str


def prepare(run: RunPayload, split: str = "train", *, place: int = 0) -> LadderData | Missing:
    """Take images and scores of a run's ladder.

    Parameters
    ----------
    run : RunPayload
        The run.
    split : str
        Not looked at: samplers are fitted to training codes, and judged by held-out images.
    place : int
        Place of the run among those shown, for its colour.

    Returns
    -------
    LadderData or Missing
        Missing where the run has no ladder.
    """
    del split
    if run.ladder is None:
        return Missing("the run's samplers were not scored (zscope sample RUN --ladder)")
    content, images = run.ladder.content, run.ladder.images
    rows = [
        _row(words, content["reference"][key], images[key], reference=True, recommended=False)
        for key, words in REFERENCES
    ]
    rows += [
        _row(
            entry["sampler"],
            entry,
            images[entry["sampler"]],
            reference=False,
            recommended=entry["sampler"] == content["recommended"],
        )
        for entry in content["rungs"]
    ]
    return LadderData(run.label, tuple(rows), content["n"], content["n_references"], place, content.get("more", ""))


def _row(label: str, scores: Mapping[str, Any], images: ImageArray, *, reference: bool, recommended: bool) -> LadderRow:
    return LadderRow(
        label,
        reference,
        recommended,
        images[:MOST],
        _bounds(scores.get("fd")),
        _bounds(scores.get("fd_reconstructions")),
        _bounds(scores.get("meaningful")),
    )


def _bounds(score: Mapping[str, float] | None) -> tuple[float, float, float] | None:
    return None if score is None else (score["value"], score["low"], score["high"])


def caption(data: LadderData) -> str:
    """Say what the rows are, and what matters."""
    chosen = next((row.label for row in data.rows if row.recommended), None)
    decoded = (
        " To reconstructions: the same distance to what the decoder makes of training images, where its blur does not "
        "count."
        if any(row.fd_reconstructions for row in data.rows)
        else ""
    )
    return (
        f"{data.title}. Above, what scores are read by: held-out images, their reconstructions and noise "
        f"({data.n_references:,} each). Below, images decoded from codes of every sampler ({data.n:,} each, "
        f"{MOST} shown), from what knows least of the codes to what knows most. FD: Fréchet distance to real images "
        "in features of a network trained on these images, on a logarithmic scale; the left line is that of "
        f"reconstructions.{decoded} Meaningful: share of images as near to a real one as 95 % of held-out ones are. "
        f"Bars are 95 % intervals.{'' if chosen is None else f' Recommended: {chosen}, in bold.'} {data.says}"
    )


def score_table(content: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Lay out the scores of a ladder.

    Parameters
    ----------
    content : mapping
        What ``ladder.json`` holds.

    Returns
    -------
    head : tuple of str
        Names of the columns; scores that no row has are left out.
    rows : list of tuple of str
        The references, then the rungs.
    """
    named = [(words, content["reference"][key]) for key, words in REFERENCES]
    named += [(entry["sampler"], entry) for entry in content["rungs"]]
    columns = [(key, words) for key, words in SCORES if any(scores.get(key) for _, scores in named)]
    rows = [(name, *(_cell(scores.get(key), key) for key, _ in columns)) for name, scores in named]
    return ("sampler", *(words for _, words in columns)), rows


def short_table(content: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Lay out the scores that fit on a terminal's line, the recommended sampler marked by a star; as `score_table`."""
    rows = []
    named = [(words, content["reference"][key]) for key, words in REFERENCES]
    for name, scores in [*named, *((entry["sampler"], entry) for entry in content["rungs"])]:
        low, high = (number(float(scores["fd"][bound]), 3) for bound in ("low", "high"))
        plain = (number(float(scores[key]["value"]), 2) if scores.get(key) else "–" for key in _SHORT)
        decoded, share = scores.get("fd_reconstructions"), scores.get("meaningful")
        rows.append(
            (
                f"{name} *" if name == content["recommended"] else name,
                number(float(scores["fd"]["value"]), 3),
                f"{low} to {high}",
                "–" if decoded is None else number(float(decoded["value"]), 3),
                "–" if share is None else percent(share["value"]),
                *plain,
            )
        )
    words = dict(SCORES)
    return (
        "sampler",
        "FD",
        "95 % interval",
        words["fd_reconstructions"],
        "meaningful",
        *(words[key] for key in _SHORT),
    ), rows


def _cell(score: Mapping[str, float] | None, key: str) -> str:
    if score is None:
        return "–"
    value = number(float(score["value"]), 3)
    if key not in _WITH_INTERVAL:
        return value
    return f"{value} ({number(float(score['low']), 3)} to {number(float(score['high']), 3)})"


def auc_rows(content: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Lay out what predicts a meaningful image, the best first."""
    return [
        (
            f"{entry['auc']['value']:.3f}",
            f"{entry['auc']['low']:.3f} to {entry['auc']['high']:.3f}",
            f"{entry['says']}: {direction_words(entry['auc'])}",
        )
        for entry in content["where"]
    ]


def direction_words(auc: Mapping[str, float]) -> str:
    """Say which way a predictor works.

    Examples
    --------
    >>> direction_words({"value": 0.8, "low": 0.7, "high": 0.9})
    'smaller is more often meaningful'
    >>> direction_words({"value": 0.52, "low": 0.45, "high": 0.59})
    'no difference seen'
    """
    if auc["low"] > 0.5:
        return "smaller is more often meaningful"
    return "larger is more often meaningful" if auc["high"] < 0.5 else "no difference seen"


@styled
def draw(data: LadderData) -> Figure:
    """Draw the rows, and panels of scores whose heights are those of the rows."""
    shape = next((row.images.shape for row in data.rows if len(row.images)), (1, 1, 1, 1))
    panels = [(key, title) for key, title in _PANELS if any(getattr(row, key) for row in data.rows)]
    label, between, right = 1.25, 0.22, 0.2
    panel = 1.75 if len(panels) < len(_PANELS) else 1.3
    tile = min((WIDTH - label - len(panels) * (between + panel) - right) / MOST, 0.46)
    step = max(tile * shape[1] / shape[2] * 1.06, 0.26)
    top, bottom = 0.34, 0.42
    height = top + step * len(data.rows) + bottom
    figure = Figure(figsize=(WIDTH, height))
    for place, row in enumerate(data.rows):
        middle = 1 - (top + (place + 0.5) * step) / height
        weight = "bold" if row.recommended else "normal"
        colour = QUIET if row.reference else INK
        figure.text(0.0, middle, row.label, va="center", color=colour, fontsize=8, weight=weight)
        if len(row.images):
            _images(figure, row.images, label / WIDTH, middle, tile, step / height, shape)
    left = label + MOST * tile + between
    box = (bottom / height, step * len(data.rows) / height)
    for index, (key, title) in enumerate(panels):
        at = (left + index * (panel + between)) / WIDTH
        axes = figure.add_axes((at, box[0], panel / WIDTH, box[1]))
        _scores(axes, data, key)
        axes.set_title(title)
    return figure


def _images(
    figure: Figure,
    images: ImageArray,
    left: float,
    middle: float,
    tile: float,
    step: float,
    shape: tuple[int, ...],
) -> None:
    panel = figure.add_axes((left, middle - 0.48 * step, tile * len(images) / WIDTH, 0.96 * step))
    scale = max(1, round(200 * tile / shape[2]))
    pixels = strip(images, max(1, shape[2] // 16))
    panel.imshow(
        np.repeat(np.repeat(pixels, scale, 0), scale, 1), interpolation="none", aspect="equal", rasterized=True
    )
    panel.set_anchor("W")
    panel.set_axis_off()


def _scores(axes: Axes, data: LadderData, key: str) -> None:
    """Draw values with their intervals, one a row."""
    found = [(place, row, getattr(row, key)) for place, row in enumerate(data.rows)]
    scores = [(place, row, score) for place, row, score in found if score is not None]
    distance = key != "meaningful"
    limits = _fd_limits([score for *_, score in scores]) if distance else (-0.03, 1.03)
    for place, row, (value, low, high) in scores:
        colour = QUIET if row.reference else run_colour(data.place)
        axes.plot((low, high), (place, place), color=colour, linewidth=1.2)
        axes.plot(value, place, "o", color=colour, markersize=5.5 if row.recommended else 3.5, markeredgewidth=0)
        text = number(value) if distance else percent(value)
        across = math.log(max(value, limits[0]) / limits[0]) / math.log(limits[1] / limits[0]) if distance else value
        # Beside the bar, on the side where there is room.
        at, shift, side = (high, 5, "left") if across < 0.66 else (low, -5, "right")
        axes.annotate(
            text, (at, place), (shift, 0), textcoords="offset points", ha=side, va="center", fontsize=7, color=colour
        )
    references = sum(row.reference for row in data.rows)
    axes.set_ylim(len(data.rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axhline(references - 0.5, color=RULE, linewidth=0.8)
    axes.set_xlim(limits)
    if distance:
        log_axis(axes, "x")
        ceiling = data.rows[1].fd if key == "fd" else None
        if ceiling is not None:
            axes.axvline(ceiling[0], color=RULE, linewidth=0.8)
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        axes.set_xticks([0, 0.5, 1])


def _fd_limits(scores: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Give the ends of the logarithmic axis; a lower bound of 0 has no place on it and is cut off."""
    least = min((low if low > 0 else value for value, low, _ in scores if value > 0), default=0.1)
    most = max((high for _, _, high in scores), default=1.0)
    return least / 1.3, max(most, 2 * least) * 1.3
