"""Originals, reconstructions and images decoded from every cloud, one run beside the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from zscope.figures.base import Missing, held_out_images, run_titles
from zscope.figures.style import INK, QUIET, WIDTH, styled
from zscope.figures.words import counted, listed
from zscope.study.payload import RunPayload
from zscope.typing import ImageArray

FIRST_CLOUDS = ("normal", "uniform:2", "axes", "covariance", "mixture:10", "mixture")
"""Clouds of the overview: what people draw from first, and what each further step of knowledge adds."""

MOST = 128
"""Images a cloud at most, unless said otherwise."""

PER_LINE = 16
"""Images a line: a cloud with more goes on in the next line, originals and reconstructions do not."""


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
    """

    titles: tuple[str, ...]
    rows: tuple[SampleRow, ...]
    n: int
    held_out: bool


def prepare(
    runs: Sequence[RunPayload], split: str = "train", *, clouds: Sequence[str] | None = None, most: int = MOST
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
    for spec in chosen:
        images = tuple(_some(_of_cloud(run, spec), most) for run in runs)
        rows.append(SampleRow(spec, *found[spec], images))
    largest = max((len(images) for row in rows for images in row.images if images is not None), default=0)
    return SamplesData(run_titles(runs), tuple(rows), largest, all(held_out_images(run) for run in sampled))


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
    if clouds:
        rows = counted(len(clouds), "cloud")
        lines = "a row each" if data.n <= PER_LINE else f"{data.n} each"
        says.append(f"Then images decoded from codes drawn at random from {rows}, {lines}: {listed(clouds)}.")
    if len(data.titles) > 1:
        says.append(f"Side by side: {listed(data.titles)}.")
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
    """Draw the rows, pixels as squares."""
    runs = len(data.titles)
    shape = next(images.shape for row in data.rows for images in row.images if images is not None)
    label, between = 1.55, 0.18
    block = (WIDTH - label - between * (runs - 1)) / runs
    tile = min(block / min(data.n, PER_LINE), 0.9)
    step = tile * shape[1] / shape[2] * 1.05
    top = 0.3
    lines = [line for row in data.rows for line in _lines(row)]
    height = top + step * len(lines) + 0.22
    figure = Figure(figsize=(WIDTH, height))
    for place, title in enumerate(data.titles):
        left = label + place * (block + between)
        figure.text(left / WIDTH, 1 - 0.1 / height, title, va="top", weight="bold")
    below = top
    for line in lines:
        middle = 1 - (below + step / 2) / height
        figure.text(0.0, middle, line.label, va="center", color=INK, fontsize=8)
        for place, images in enumerate(line.images):
            left = label + place * (block + between)
            if images is None:
                figure.text(left / WIDTH, middle, "not drawn", va="center", color=QUIET, fontsize=8)
                continue
            if not len(images):
                continue
            width = tile * len(images)
            panel = figure.add_axes(
                (left / WIDTH, 1 - (below + step * 0.96) / height, width / WIDTH, step * 0.93 / height)
            )
            scale = max(1, round(200 * tile / shape[2]))
            pixels = strip(images, max(1, shape[2] // 16))
            panel.imshow(np.repeat(np.repeat(pixels, scale, 0), scale, 1), interpolation="none", aspect="auto")
            panel.set_axis_off()
        below += step
    return figure
