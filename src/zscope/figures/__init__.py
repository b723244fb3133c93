"""Figures: one file per figure, `prepare` (payload to data), `draw` (data to figure) and `caption` (data to words)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from zscope.errors import ParameterError
from zscope.figures import (
    axes,
    held_out,
    inertia,
    kl,
    ladder,
    lineup,
    losses,
    meaning,
    pca,
    planes,
    radius,
    radius_overlay,
    reconstructions,
    samples,
    tsne,
)
from zscope.figures.base import FigureKind, Missing
from zscope.figures.render import png_bytes, svg_text, write_whole
from zscope.study.payload import RunPayload

__all__ = ["FIGURES", "FigureKind", "Missing", "write_figure", "write_figures", "write_study_figures"]

FIGURES: dict[str, FigureKind] = {
    "samples": FigureKind(
        "Originals, reconstructions and samples", "study", samples.prepare, samples.draw, samples.caption
    ),
    "ladder": FigureKind("Which random codes decode well", "run", ladder.prepare, ladder.draw, ladder.caption),
    "meaning": FigureKind("Where codes are meaningful", "run", meaning.prepare, meaning.draw, meaning.caption),
    "losses": FigureKind("Losses", "study", losses.prepare, losses.draw, losses.caption),
    "radius_overlay": FigureKind(
        "Radius of all runs", "study", radius_overlay.prepare, radius_overlay.draw, radius_overlay.caption
    ),
    "kl": FigureKind("KL per axis", "study", kl.prepare, kl.draw, kl.caption),
    "pca": FigureKind("Principal components", "study", pca.prepare, pca.draw, pca.caption),
    "inertia": FigureKind("Inertia of k-means", "study", inertia.prepare, inertia.draw, inertia.caption),
    "reconstructions": FigureKind(
        "Originals and reconstructions", "study", reconstructions.prepare, reconstructions.draw, reconstructions.caption
    ),
    "radius": FigureKind("Radius of the codes", "run", radius.prepare, radius.draw, radius.caption),
    "axes": FigureKind("Density along the axes", "run", axes.prepare, axes.draw, axes.caption),
    "planes": FigureKind("Planes through the codes", "run", planes.prepare, planes.draw, planes.caption),
    "lineup": FigureKind("Lineup: codes among smooth clouds", "run", lineup.prepare, lineup.draw, lineup.caption),
    "tsne": FigureKind("t-SNE maps", "run", tsne.prepare, tsne.draw, tsne.caption),
    "held_out": FigureKind("Training and held-out codes", "run", held_out.prepare, held_out.draw, held_out.caption),
}
"""Every figure by name."""

SUFFIXES = (".svg", ".png")
"""What a figure is written as."""


def write_figures(run: RunPayload, folder: Path) -> dict[str, str]:
    """Write every figure of a run as PNG (150 dpi) and SVG, both with a transparent background.

    All figures are drawn before the first is written, and each file is renamed into place when it is whole. A figure
    that this run does not have any more is removed.

    Parameters
    ----------
    run : RunPayload
        The run.
    folder : Path
        Where to; made where it does not exist.

    Returns
    -------
    dict of str to str
        Figures that were left out, and why.
    """
    split = "train" if run.first is None else run.first.name
    prepared = {name: kind.prepare(run if kind.scope == "run" else [run], split) for name, kind in FIGURES.items()}
    return _write(prepared, folder)


def write_study_figures(runs: Sequence[RunPayload], folder: Path) -> dict[str, str]:
    """Write the figures that show all runs of a study together; otherwise as `write_figures`.

    Parameters
    ----------
    runs : sequence of RunPayload
        The runs, in the study's order.
    folder : Path
        Where to; made where it does not exist.

    Returns
    -------
    dict of str to str
        Figures that were left out, and why.
    """
    return _write({name: kind.prepare(runs) for name, kind in FIGURES.items() if kind.scope == "study"}, folder)


def write_figure(name: str, run: RunPayload, path: Path) -> None:
    """Write one figure of a run into a file; its suffix, ``.png`` or ``.svg``, decides how.

    Parameters
    ----------
    name : str
        A name in `FIGURES`.
    run : RunPayload
        The run.
    path : Path
        The file.

    Raises
    ------
    ParameterError
        The run lacks what the figure shows.
    """
    kind = FIGURES[name]
    data = kind.prepare(run if kind.scope == "run" else [run])
    if isinstance(data, Missing):
        raise ParameterError("figure", f"be one that {run.name} has ({data.reason})", name)
    content = _saved(name, kind.draw(data), path.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _saved(name: str, figure: Figure, suffix: str) -> bytes:
    return svg_text(figure, name).encode() if suffix == ".svg" else png_bytes(figure)


def _write(prepared: dict[str, Any], folder: Path) -> dict[str, str]:
    left_out = {name: data.reason for name, data in prepared.items() if isinstance(data, Missing)}
    files: dict[str, bytes] = {}
    for name, data in prepared.items():
        if name not in left_out:
            figure = FIGURES[name].draw(data)
            files |= {f"{name}{suffix}": _saved(name, figure, suffix) for suffix in SUFFIXES}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(folder / name, content)
    for name in left_out:
        for suffix in SUFFIXES:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    return left_out
