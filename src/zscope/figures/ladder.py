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
from zscope.figures.lettering import text_width
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

_NUMBER, _TICK = 7.0, 8.0
"""Sizes of the letters of values and of labels of an axis, in points."""

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
    name: str
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
    says = content.get("more", "")
    return LadderData(run.label, run.name, tuple(rows), content["n"], content["n_references"], place, says)


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
        "in features of a network trained on these images, on a logarithmic scale; the line is that of "
        f"reconstructions.{decoded} Meaningful: share of images as near to a real one as 95 % of held-out ones are. "
        f"Bars are 95 % intervals{_cut_words(data)}."
        f"{'' if chosen is None else f' Recommended: {chosen}, in bold.'} {data.says}"
    )


def _cut_words(data: LadderData) -> str:
    """Say what an arrow at a bar means, where there is one."""
    distances = [score for row in data.rows for score in (row.fd, row.fd_reconstructions) if score is not None]
    return "; an arrow at one: it reaches to 0" if any(low <= 0 for _, low, _ in distances) else ""


def _key(data: LadderData) -> str:
    """Give the marks of the figure in a line."""
    marks = ["dots and bars: values and 95 % intervals"]
    marks += ["arrow: down to 0"] if _cut_words(data) else []
    marks += ["line: FD of reconstructions"] if data.rows[1].fd is not None else []
    marks += ["bold: recommended"] if any(row.recommended for row in data.rows) else []
    return " · ".join(marks)


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
    top, bottom = 0.62, 0.62
    height = top + step * len(data.rows) + bottom
    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.0, 1 - 0.1 / height, f"{data.title} · {data.name}", va="top", weight="bold")
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
    figure.text(1 - right / WIDTH, 0.1 / height, _key(data), ha="right", color=QUIET, fontsize=7.5)
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
    references = sum(row.reference for row in data.rows)
    axes.set_ylim(len(data.rows) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axhline(references - 0.5, color=RULE, linewidth=0.8)
    if distance:
        log_axis(axes, "x")
    axes.set_xlim(limits)
    taken = {place: _score(axes, place, row, score, run_colour(data.place), key) for place, row, score in scores}
    if distance:
        _thin_ticks(axes)
        ceiling = data.rows[1].fd if key == "fd" else None
        if ceiling is not None:
            _line(axes, ceiling[0], taken, len(data.rows))
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        axes.set_xticks([0, 0.5, 1])


def _score(
    axes: Axes, place: int, row: LadderRow, score: tuple[float, float, float], colour: str, key: str
) -> tuple[float, float, float]:
    """Draw one value with its interval, and say where its number stands.

    Returns
    -------
    left, right, above : float
        In inches, from the left edge of the panel and from the middle of the row.
    """
    value, low, high = score
    colour = QUIET if row.reference else colour
    least = axes.get_xlim()[0]
    axes.plot((max(low, least), high), (place, place), color=colour, linewidth=1.2)
    if low < least:
        axes.plot(least, place, "<", color=colour, markersize=4, markeredgewidth=0, clip_on=False)
    axes.plot(value, place, "o", color=colour, markersize=5.5 if row.recommended else 3.5, markeredgewidth=0)
    text = percent(value) if key == "meaningful" else number(value)
    wide, size = text_width(text, _NUMBER), 5 / 72
    begin, end = _across(axes, max(low, least)), _across(axes, high)
    # Beside the bar, where there is room; else above it.
    if end + size + wide <= _width(axes):
        at, shift, side, left = high, (5, 0), "left", end + size
    elif begin - size - wide >= 0:
        at, shift, side, left = max(low, least), (-5, 0), "right", begin - size - wide
    else:
        at, shift, side, left = value, (0, 7), "center", _across(axes, value) - wide / 2
    axes.annotate(
        text, (at, place), shift, textcoords="offset points", ha=side, va="center", fontsize=_NUMBER, color=colour
    )
    return left, left + wide, shift[1] / 72


def _line(axes: Axes, value: float, taken: Mapping[int, tuple[float, float, float]], rows: int) -> None:
    """Draw a line down the rows, open where it would strike through a number; `taken` is where the numbers stand."""
    across = _across(axes, value)
    row = float(axes.bbox.height) / axes.figure.dpi / rows
    begin = -0.5
    for place, (left, right, above) in sorted(taken.items()):
        if left - 0.03 <= across <= right + 0.03:
            middle, half = place - above / row, _NUMBER / 72 / row
            axes.vlines(value, begin, max(begin, middle - half), color=RULE, linewidth=0.8, zorder=1)
            begin = middle + half
    axes.vlines(value, begin, rows - 0.5, color=RULE, linewidth=0.8, zorder=1)


def _width(axes: Axes) -> float:
    """Width of a panel in inches."""
    return float(axes.bbox.width) / axes.figure.dpi


def _across(axes: Axes, value: float) -> float:
    """Place of a value, in inches from the left edge of its panel."""
    low, high = axes.get_xlim()
    share = math.log(value / low) / math.log(high / low) if axes.get_xscale() == "log" else (value - low) / (high - low)
    return share * _width(axes)


def _thin_ticks(axes: Axes) -> None:
    """Keep as many labels of a logarithmic axis as stand apart, powers of ten first."""
    low, high = axes.get_xlim()
    ticks = [float(tick) for tick in axes.get_xticks() if low <= tick <= high]
    tens = [tick for tick in ticks if abs(math.log10(tick) - round(math.log10(tick))) < 1e-9]
    texts = {tick: axes.xaxis.get_major_formatter()(tick, None) for tick in ticks}
    sets = [ticks, *((tens if len(tens) > 1 else ticks)[::step] for step in range(1, len(ticks) + 1))]
    for kept in sets:
        halves = [text_width(texts[tick], _TICK) / 2 for tick in kept]
        places = [_across(axes, tick) for tick in kept]
        gaps = [places[after] - halves[after] - places[after - 1] - halves[after - 1] for after in range(1, len(kept))]
        if all(gap > 0.08 for gap in gaps):
            axes.set_xticks(kept)
            return


def _fd_limits(scores: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Give the ends of the logarithmic axis; a lower bound of 0 has no place on it, and an arrow stands for it."""
    least = min((low if low > 0 else value for value, low, _ in scores if value > 0), default=0.1)
    most = max((high for _, _, high in scores), default=1.0)
    return least / 1.3, max(most, 2 * least) * 1.3
