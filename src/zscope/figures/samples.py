"""Originals, reconstructions and images decoded from every cloud, one run beside the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zscope.figures.base import Missing, held_out_images, run_titles
from zscope.figures.lettering import LINE, text_width, wrapped
from zscope.figures.style import INK, QUIET, WIDTH, styled
from zscope.figures.words import counted, listed
from zscope.study.payload import RunPayload
from zscope.typing import ImageArray

FIRST_CLOUDS = ("normal", "prior", "uniform:2", "axes", "covariance", "mixture:10", "mixture")
"""Clouds of the overview: what people draw from first, and what each further step of knowledge adds."""

MOST = 128
"""Images a cloud at most, unless said otherwise."""

PER_LINE = 16
"""Images a line: a cloud with more goes on in the next line, originals and reconstructions do not."""

ABREAST = 4
"""Runs beside each other: further ones go on below."""

ONE_GAUSSIAN = (
    "The mixture that chooses its number of Gaussians by held-out codes took one: more did not fit them better, or "
    "there were fewer than 10 codes for each."
)
"""Why a mixture is of one Gaussian, which looks like the row of the covariance."""

_LEAST_LABEL, _MOST_LABEL, _SIZE = 0.9, 1.9, 8.0
"""Room for the labels of rows, in inches, and the size of their letters, in points."""


@dataclass(frozen=True)
class SampleRow:
    """One row of images, for every run.

    Attributes
    ----------
    key : str
        ``originals``, ``reconstructions`` or the text of a cloud.
    label, keeps : str
        The row in words, and what of the data the cloud keeps.
    images : tuple of (ndarray of shape (n, H, W, C), uint8) or None
        One entry a run; None where a run was not sampled so.
    """

    key: str
    label: str
    keeps: str
    images: tuple[ImageArray | None, ...]


@dataclass(frozen=True)
class SamplesData:
    """Rows of images.

    Attributes
    ----------
    titles : tuple of str
        The runs.
    rows : tuple of SampleRow
        Originals, reconstructions, then clouds in the order in which they were drawn.
    n : int
        Images a row, at most.
    held_out : bool
        Whether the originals are images that the models were not trained on.
    cloud : str
        The cloud in words, where one was fitted to each value of a label: rows then name the value alone.
    among : str
        Of which runs these are a choice, in words; empty where all are shown.
    """

    titles: tuple[str, ...]
    rows: tuple[SampleRow, ...]
    n: int
    held_out: bool
    cloud: str = ""
    among: str = ""


def prepare(
    runs: Sequence[RunPayload],
    split: str = "train",
    *,
    clouds: Sequence[str] | None = None,
    most: int = MOST,
    among: str = "",
) -> SamplesData | Missing:
    """Bring the images of runs into common rows.

    Parameters
    ----------
    runs : sequence of RunPayload
        At least one.
    split : str
        Not looked at: samples belong to a run.
    clouds : sequence of str, optional
        Show these clouds only, as far as any run has them; by default all.
    most : int
        Images a cloud; of originals and reconstructions at most `PER_LINE`.
    among : str
        Of which runs these are a choice, in words.

    Returns
    -------
    SamplesData or Missing
        Missing where no run was sampled.
    """
    del split
    sampled = [run for run in runs if len(run.originals) or run.samples]
    if not sampled:
        return Missing("nothing was sampled" if len(runs) > 1 else "the run was not sampled")
    found: dict[str, tuple[str, str]] = {}
    for run in runs:
        for sample in run.samples:
            found.setdefault(sample.spec, (sample.label, sample.keeps))
    chosen = list(found) if clouds is None else [spec for spec in clouds if spec in found]
    few = min(most, PER_LINE)
    rows = [
        SampleRow("originals", "originals", "", tuple(_some(run.originals, few) for run in runs)),
        SampleRow("reconstructions", "reconstructions", "", tuple(_some(run.reconstructions, few) for run in runs)),
    ]
    rows = [row for row in rows if any(images is not None for images in row.images)]
    common, values = _one_cloud({spec: found[spec][0] for spec in chosen}) if len(runs) == 1 else ("", {})
    for spec in chosen:
        images = tuple(_some(_of_cloud(run, spec), most) for run in runs)
        rows.append(SampleRow(spec, values.get(spec, found[spec][0]), found[spec][1], images))
    largest = max((len(images) for row in rows for images in row.images if images is not None), default=0)
    held_out = all(held_out_images(run) for run in sampled)
    return SamplesData(run_titles(runs), tuple(rows), largest, held_out, common, among)


def _one_cloud(labels: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Tell whether all rows are of one cloud fitted to values of a label, and give it with the value of each row.

    A row's key is then ``CLOUD[COLUMN=VALUE]`` and its label ``cloud in words, COLUMN VALUE``.
    """
    clouds, values = set(), {}
    for spec, label in labels.items():
        _, bracket, inner = spec.partition("[")
        column, _, value = inner.removesuffix("]").partition("=")
        values[spec] = f"{column} {value}"
        if not bracket or not label.endswith(f", {values[spec]}"):
            return "", {}
        clouds.add(label.removesuffix(f", {values[spec]}"))
    return (clouds.pop(), values) if len(clouds) == 1 else ("", {})


def _of_cloud(run: RunPayload, spec: str) -> ImageArray | None:
    return next((sample.images for sample in run.samples if sample.spec == spec), None)


def _some(images: ImageArray | None, most: int) -> ImageArray | None:
    return images[:most] if images is not None and len(images) else None


def caption(data: SamplesData) -> str:
    """Say which row shows what."""
    origin = "held-out images" if data.held_out else "training images"
    keys = [row.key for row in data.rows]
    says = []
    if "originals" in keys:
        says.append(f"Top row: {min(data.n, PER_LINE)} {origin}")
        says[-1] += ", and below them what the model makes of them." if "reconstructions" in keys else "."
    clouds = [row.label for row in data.rows if row.key not in ("originals", "reconstructions")]
    lines = "a row each" if data.n <= PER_LINE else f"{data.n} each"
    if data.cloud:
        says.append(
            f"Then images decoded from codes drawn at random from one cloud ({data.cloud}), fitted to the codes of "
            f"each value of a label on its own, {lines}: {listed(clouds)}."
        )
    elif clouds:
        rows = counted(len(clouds), "cloud")
        says.append(f"Then images decoded from codes drawn at random from {rows}, {lines}: {listed(clouds)}.")
    if any(row.key == "mixture" and row.label.startswith("mixture of 1 Gaussian") for row in data.rows):
        says.append(ONE_GAUSSIAN)
    if len(data.titles) > 1 or data.among:
        says.append(f"Side by side: {listed(data.titles)}{f', {data.among}' if data.among else ''}.")
    return " ".join(says)


def strip(images: ImageArray, gap: int) -> ImageArray:
    """Lay images side by side.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C), uint8
        C is 1 or 3.
    gap : int
        Transparent pixels between two.

    Returns
    -------
    ndarray of shape (H, n W + (n − 1) gap, 4), uint8
        Red, green, blue and opacity.
    """
    n, height, width, channels = images.shape
    canvas = np.zeros((height, n * width + (n - 1) * gap, 4), np.uint8)
    for place, image in enumerate(images):
        left = place * (width + gap)
        canvas[:, left : left + width, :3] = image if channels == 3 else np.repeat(image, 3, axis=2)
        canvas[:, left : left + width, 3] = 255
    return canvas


def lay_images(figure: Figure, images: ImageArray, left: float, top: float, tile: float, gap: float = 0.06) -> Axes:
    """Lay images side by side on a figure, every pixel a square.

    Parameters
    ----------
    figure : Figure
        Of its final size.
    images : ndarray of shape (n, H, W, C), uint8
        C is 1 or 3.
    left, top : float
        Their upper left corner, in inches from that of the figure.
    tile : float
        Width of an image and the gap beside it, in inches.
    gap : float
        Share of the gap.

    Returns
    -------
    Axes
        Without a frame; its coordinates are the pixels of the `strip`, each pixel of an image magnified.
    """
    large = magnified(images, tile)
    between = max(1, round(large.shape[2] * gap / (1 - gap)))
    pixels = strip(large, between)
    inch = tile / (large.shape[2] + between)
    wide, high = figure.get_size_inches()
    width, height = inch * pixels.shape[1], inch * pixels.shape[0]
    panel = figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high))
    panel.imshow(pixels, interpolation="none", aspect="auto")
    panel.set_axis_off()
    return panel


def magnified(images: ImageArray, width: float) -> ImageArray:
    """Make each pixel of images (n, H, W, C) a square of pixels, as many as `width` in inches takes at 200 an inch."""
    scale = max(1, round(200 * width / images.shape[2]))
    return np.repeat(np.repeat(images, scale, axis=1), scale, axis=2)


def _lines(row: SampleRow) -> list[SampleRow]:
    """Cut a row into lines of at most `PER_LINE` images; only the first bears the label."""
    most = max((len(images) for images in row.images if images is not None), default=1)
    return [
        SampleRow(
            row.key,
            row.label if start == 0 else "",
            row.keeps,
            tuple(None if images is None else images[start : start + PER_LINE] for images in row.images),
        )
        for start in range(0, most, PER_LINE)
    ]


@styled
def draw(data: SamplesData) -> Figure:
    """Draw the rows, pixels as squares, beside labels broken where they have no room, of `ABREAST` runs at a time."""
    runs = len(data.titles)
    shape = next(images.shape for row in data.rows for images in row.images if images is not None)
    lines = [line for row in data.rows for line in _lines(row)]
    words = [wrapped(line.label, _MOST_LABEL, _SIZE) for line in lines]
    label = max(_LEAST_LABEL, *(text_width(part, _SIZE) for parts in words for part in parts)) + 0.12
    between, gap, columns = 0.18, 0.06, min(runs, ABREAST)
    block = (WIDTH - label - between * (columns - 1)) / columns
    tile = min(block / min(data.n, PER_LINE), 0.9)
    picture = tile * (1 - gap) * shape[1] / shape[2]
    text = [LINE * _SIZE / 72 * len(parts) for parts in words]
    steps = [max(picture + tile * gap, high) for high in text]
    band = 0.3 + sum(steps) + 0.22
    height = band * -(-runs // columns)
    figure = Figure(figsize=(WIDTH, height))
    for run, title in enumerate(data.titles):
        left, above = label + run % columns * (block + between), run // columns * band
        whole = f"{title} · {data.cloud}" if data.cloud else title
        figure.text(left / WIDTH, 1 - (above + 0.1) / height, whole, va="top", weight="bold")
        above += 0.3
        for line, parts, step in zip(lines, words, steps, strict=True):
            middle = 1 - (above + (picture if len(parts) == 1 else step) / 2) / height
            if run % columns == 0:
                figure.text(0.0, middle, "\n".join(parts), va="center", color=INK, fontsize=_SIZE)
            images = line.images[run]
            if images is None:
                figure.text(left / WIDTH, middle, "not drawn", va="center", color=QUIET, fontsize=_SIZE)
            elif len(images):
                lay_images(figure, images, left, above, tile, gap)
            above += step
    return figure
