"""Paths between two codes, decoded."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError, ParameterError
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.paths import HOW, image_length, latent_length
from zscope.study.explore.answer import Answer, Plane, within
from zscope.study.explore.columns import coordinates_of_any
from zscope.study.explore.opened import Opened
from zscope.study.explore.points import sentence
from zscope.study.path import PathFinder
from zscope.typing import CodeArray, JsonDict

MOST_STEPS: Final = 48
MOST_NODES: Final = 20_000
"""Training codes in the neighbour graph: with all pairs of more it would take minutes."""


def path(
    opened: Opened, start: int, end: int, how: str = "linear", steps: int = 12, plane: Plane | None = None
) -> Answer:
    """Find a path between the codes of two rows, as ``zscope path`` does, and decode it.

    Parameters
    ----------
    opened : Opened
        The codes.
    start, end : int
        Rows.
    how : str
        One of `zscope.generation.paths.HOW`.
    steps : int
        Frames, 2 to 48.
    plane : Plane, optional
        Where to place the frames.

    Returns
    -------
    Answer
        ``latent_length``; ``image_length`` in pixel units (None without a model); ``worst``, the frame between the ends
        that is worst by the judge, or without one furthest from a training code (None where there is none between);
        ``says``. ``codes`` (steps, d), ``images`` (steps, H, W, C) with a model, and ``x``, ``y`` (steps,) where the
        plane has coordinates for any code.

    Raises
    ------
    ParameterError
        There is no such row or kind of path, or both rows are one.
    CodesError
        A geodesic without a model.
    """
    rows = [opened.row(start, "start"), opened.row(end, "end")]
    if rows[0] == rows[1]:
        raise ParameterError("end", "be another row than start", end)
    if how not in HOW:
        raise ParameterError("how", f"be one of {', '.join(HOW)}", how)
    within("steps", steps, 2, MOST_STEPS)
    near, says = _without(opened, rows, by_graph=how in ("graph", "geodesic"))
    found = PathFinder(opened.model, opened.codes[rows], near, steps=steps).find(how)
    says += found.notes
    buffers: dict[str, NDArray[Any]] = {"codes": found.frames, **places_of(opened, plane, found.frames)}
    length, judged = None, None
    if opened.model is None:
        says.append(sentence(opened.why_no_model))
    else:
        buffers["images"] = opened.decode(found.frames)
        judged = opened.judged(buffers["images"])
        measured = image_length(opened.model.decode, found.curve)
        length = measured.value
        if not measured.converged:
            says.append(f"The length of the images still grows at {measured.pieces} pieces a segment.")
    worst, word = _worst(found.frames, near, judged)
    data: JsonDict = {
        "latent_length": latent_length(found.curve),
        "image_length": length,
        "worst": worst,
        "says": [*says, *word],
    }
    return Answer(data, buffers)


def _worst(frames: CodeArray, near: Neighbourhood, judged: NDArray[np.float64] | None) -> tuple[int | None, list[str]]:
    """Find the worst frame between the ends, and say so; there is none between two frames."""
    if len(frames) < 3:
        return None, []
    ranked = near.ratio(frames) if judged is None else judged
    worst = 1 + int(ranked[1:-1].argmax())
    by = "times the typical distance from the nearest training code" if judged is None else "by the judge"
    return worst, [f"The worst frame between the ends is {worst + 1} of {len(frames)} ({ranked[worst]:.3g} {by})."]


def _without(opened: Opened, rows: list[int], *, by_graph: bool) -> tuple[Neighbourhood, list[str]]:
    """Training codes without the two ends, which are not their own neighbours; for a graph at most so many."""
    train = opened.train[~np.isin(opened.train, rows)]
    says: list[str] = []
    if not len(train):
        raise CodesError("a path is held against other training codes, and there are none")
    if by_graph and len(train) > MOST_NODES:
        says.append(f"The neighbour graph has {MOST_NODES:,} of {len(train):,} training codes, chosen at random.")
        train = np.sort(np.random.default_rng(0).permutation(train)[:MOST_NODES])
    return replace(opened.neighbourhood, codes=opened.codes[train]), says


def places_of(opened: Opened, plane: Plane | None, codes: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Give ``x`` and ``y`` (n,) of codes in a plane; empty where the plane has coordinates only for stored codes."""
    if plane is None:
        return {}
    found = {key: coordinates_of_any(opened, name, codes) for key, name in (("x", plane.x), ("y", plane.y))}
    known = {key: values for key, values in found.items() if values is not None}
    return known if len(known) == len(found) else {}
