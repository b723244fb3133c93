"""What lies around a code: quality and change of its image against the size of a perturbation, and the images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zscope.figures.lettering import shortened
from zscope.figures.path import write_picture
from zscope.figures.samples import lay_images
from zscope.figures.style import INK, QUIET, RULE, WIDTH, light_grid, log_axis, run_colour, styled
from zscope.figures.words import counted, number
from zscope.study.around import KIND_WORDS, NEIGHBOURS, Around, Noise
from zscope.typing import ImageArray

_LABEL = 1.4
_SHOWN = 2
"""Directions of each kind whose images are shown."""
_GAP = 0.05
"""Share of a tile that is left free beside an image."""
_CURVES = 2.3
_TOP = 0.72
_HEAD = 0.34
"""Of the picture of draws, whose title stands alone."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve with its band.

    Attributes
    ----------
    label : str
        The kind of directions.
    middle, low, high : ndarray of shape (s,), float64
        Median over the directions, and the range of the middle 80 % of them.
    """

    label: str
    middle: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AroundData:
    """Curves and rows of images.

    Attributes
    ----------
    title : str
        The model and the image.
    sizes : ndarray of shape (s,), float64
        |δ| over the typical distance between neighbours.
    typical : float
        That distance, in latent units.
    quality, change : tuple of Curve
        Against size: the judge's distance (or that to the nearest code), and the change of the image over what lies
        between the image and those of the nearest codes.
    judged : bool
        Whether there was a judge.
    origin : ndarray of shape (2, H, W, C), uint8
        Original and reconstruction.
    rows : tuple of (str, str, ndarray of shape (s, H, W, C))
        A direction a row: its kind, which one it is, and its images.
    directions : int
        Directions behind each curve, at most.
    says : tuple of str
        Findings in sentences.
    """

    title: str
    sizes: NDArray[np.float64]
    typical: float
    quality: tuple[Curve, ...]
    change: tuple[Curve, ...]
    judged: bool
    origin: ImageArray
    rows: tuple[tuple[str, str, ImageArray], ...]
    directions: int
    says: tuple[str, ...]


def prepare(found: Around) -> AroundData:
    """Take medians and bands over directions, and the images of the first directions of each kind.

    Parameters
    ----------
    found : Around
        What `zscope.study.around.around_run` gave.

    Returns
    -------
    AroundData
        What is drawn.
    """
    quality, change, rows = [], [], []
    for kind in found.kinds:
        label = KIND_WORDS[kind.kind]
        quality.append(_curve(label, kind.code_distance if kind.quality is None else kind.quality))
        change.append(_curve(label, kind.change / found.neighbour_change))
        shown = range(min(_SHOWN, kind.images.shape[1]))
        rows += [(label, _direction(kind.kind, place, found.towards), kind.images[:, place]) for place in shown]
    return AroundData(
        f"{found.run} · around {found.image['id']} ({found.image['split']})",
        found.kinds[0].sizes,
        found.typical,
        tuple(quality),
        tuple(change),
        found.quality is not None,
        np.stack([found.original, found.reconstruction]),
        tuple(rows),
        max(kind.images.shape[1] for kind in found.kinds),
        found.says,
    )


def _direction(kind: str, place: int, towards: tuple[str, ...]) -> str:
    """Name one direction of a kind, of those that `zscope.generation.perturbation.directions` gives, by its place."""
    if kind == "principal":
        return f"axis {place // 2 + 1} {'−' if place % 2 else '+'}"
    if kind == "neighbour" and place < len(towards):
        return f"towards {towards[place]}"
    return f"{kind} {place + 1}"


def caption(data: AroundData) -> str:
    """Say what the curves and the rows are."""
    by_judge = "the judge's distance from real images (up to 1 meaningful)"
    ranked = by_judge if data.judged else "distance to the nearest code over the typical one"
    return " ".join(
        [
            f"{data.title}: the code moved by |δ|, in units of {number(data.typical)}, the typical distance between "
            f"neighbouring codes, in {counted(data.directions, 'direction')} of each kind at most. Left: {ranked}. "
            f"Right: change of the image over the median distance to those of the {NEIGHBOURS} nearest codes. Lines: "
            "medians over directions; bands: the middle 80 % of them. Below: original and reconstruction, then "
            f"images in {_SHOWN} directions of each kind, |δ| growing to the right: at random, both ways along a "
            "principal axis, or towards the code of a neighbour, named by its id.",
            *data.says,
        ]
    )


@styled
def draw(data: AroundData) -> Figure:
    """Draw two panels of curves over rows of images."""
    n = len(data.sizes)
    shape = data.origin.shape
    tile = min((WIDTH - _LABEL - 0.2) / (n + 2), 0.95)
    step = tile * shape[1] / shape[2] * 1.06
    height = _TOP + _CURVES + 0.75 + step * len(data.rows) + 0.05
    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.0, 1 - 0.1 / height, data.title, va="top", weight="bold")
    base = 1 - (_TOP + _CURVES) / height
    panels = [figure.add_axes((left / WIDTH, base, 4.0 / WIDTH, (_CURVES - 0.1) / height)) for left in (0.75, 5.75)]
    height_words = (
        "distance to real images\n(judge; up to 1 meaningful)"
        if data.judged
        else "distance to nearest code\n(1: typical)"
    )
    _panel(panels[0], data.sizes, data.quality, height_words)
    _panel(panels[1], data.sizes, data.change, "change of the image\n(1: as neighbours differ)")
    handles, words = panels[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="upper left", bbox_to_anchor=(0.75 / WIDTH, 1 - 0.38 / height), ncols=len(words))
    top = _TOP + _CURVES + 0.75
    lay_images(figure, data.origin, 0.05, top, tile, _GAP)
    for place, word in enumerate(("original", "reconstruction")):
        figure.text((0.05 + place * tile) / WIDTH, 1 - (top - 0.06) / height, word, color=QUIET, fontsize=7.5)
    begin = _LABEL + 2 * tile
    figure.text((begin - 0.08) / WIDTH, 1 - (top - 0.06) / height, "|δ|", ha="right", color=QUIET, fontsize=7.5)
    for place, size in enumerate(data.sizes):
        middle = (begin + (place + 0.5) * tile) / WIDTH
        figure.text(middle, 1 - (top - 0.06) / height, f"{size:g}", ha="center", color=QUIET, fontsize=7.5)
    for place, (kind, label, images) in enumerate(data.rows):
        above = top + place * step
        colour = run_colour([curve.label for curve in data.quality].index(kind))
        middle = 1 - (above + step / 2) / height
        label = shortened(label, _LABEL - 0.16, 8)
        figure.text((begin - 0.08) / WIDTH, middle, label, ha="right", va="center", color=colour, fontsize=8)
        lay_images(figure, images, begin, above, tile, _GAP)
    return figure


@styled
def draw_noise(found: Noise, most: int = 24) -> Figure:
    """Draw original, reconstruction, standard deviation of each pixel, and the first draws, pixels as squares."""
    shown = found.drawn.images[:most]
    across = 12
    tile = (WIDTH - 0.1) / across
    step = tile * shown.shape[1] / shown.shape[2] * 1.06
    rows = -(-len(shown) // across)
    height = _HEAD + 0.2 + step * (rows + 1) + 0.25
    figure = Figure(figsize=(WIDTH, height))
    title = f"{found.run} · {found.image['id']} sampled {len(found.drawn.images)} times, eps_factor"
    figure.text(0.0, 1 - 0.1 / height, f"{title} {found.drawn.eps_factor:g}", va="top", weight="bold")
    sd = np.sqrt(np.square(found.drawn.sd).mean(axis=2, keepdims=True))
    scaled = np.rint(255 * sd / max(float(sd.max()), np.finfo(float).tiny)).astype(np.uint8)
    scaled = np.repeat(scaled, found.original.shape[2], axis=2)
    top = _HEAD + 0.2
    words = ("original", "reconstruction", f"sd, white: {number(255 * float(sd.max()))} of 255")
    for place, (word, image) in enumerate(
        zip(words, (found.original, found.drawn.reconstruction, scaled), strict=True)
    ):
        left = 0.05 + place * tile * 1.25
        figure.text(left / WIDTH, 1 - (top - 0.05) / height, word, color=QUIET, fontsize=7)
        lay_images(figure, image[None], left, top, tile, _GAP)
    for place in range(rows):
        part = shown[place * across : (place + 1) * across]
        lay_images(figure, part, 0.05, top + 0.2 + (place + 1) * step, tile, _GAP)
    return figure


def caption_noise(found: Noise) -> str:
    """Say what the images are."""
    return (
        f"{found.run}: {found.image['id']}, its reconstruction, the standard deviation of each pixel over the draws, "
        f"and draws: images decoded from mean + eps_factor · sd · noise of its posterior. {' '.join(found.says)}"
    )


def write_around_picture(found: Around | Noise, path: Path) -> None:
    """Draw what lies around a code, or draws of its posterior, into a ``.png`` or ``.svg`` file."""
    figure = draw(prepare(found)) if isinstance(found, Around) else draw_noise(found)
    write_picture(figure, path, "around" if isinstance(found, Around) else "noise")


def _curve(label: str, values: NDArray[np.float64]) -> Curve:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=1)
    return Curve(label, middle, low, high)


def _panel(axes: Axes, sizes: NDArray[np.float64], curves: tuple[Curve, ...], words: str) -> None:
    for place, curve in enumerate(curves):
        axes.fill_between(sizes, curve.low, curve.high, color=run_colour(place), alpha=0.18, linewidth=0)
        axes.plot(sizes, curve.middle, color=run_colour(place), marker="o", markersize=3, label=curve.label)
    axes.axhline(1.0, color=RULE, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.set_ylim(bottom=0)
    if len(sizes) > 1:
        log_axis(axes, "x")
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.set_xlabel("|δ| / typical distance between neighbours")
    axes.set_ylabel(words, color=INK, fontsize=8)
    light_grid(axes)
