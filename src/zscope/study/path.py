"""What ``zscope path`` does: paths between the codes of two images, decoded and measured."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from zscope.errors import CodesError, ParameterError
from zscope.generation.geodesic import geodesic, pictures_of
from zscope.generation.graph import decoded_distances, graph_path, neighbour_graph
from zscope.generation.neighbourhood import Neighbourhood
from zscope.generation.paths import (
    HOW,
    CodePath,
    image_length,
    latent_length,
    linear,
    picture_distance,
    resampled,
    spherical,
)
from zscope.measures.words import counted
from zscope.models.autoencoder import Autoencoder
from zscope.runs.latents import Latents
from zscope.runs.run import Run
from zscope.study.decoded import DecodedRun, named
from zscope.study.strips import Quality, Strip, Strips, judged_by, without_repeats
from zscope.typing import CodeArray, JsonDict, Progress, silent

WEIGHTS = ("latent", "image")
"""What a link of the neighbour graph may cost."""

NODES = 25
"""Nodes of a geodesic, where not more frames are asked for."""


def path_run(
    run: Run,
    latents: Latents,
    start: str,
    end: str,
    *,
    how: Sequence[str] = ("linear",),
    steps: int = 12,
    k: int = 10,
    weights: str = "latent",
    stay: float = 0.0,
    seed: int = 0,
    quality: Quality | None = None,
    device: str = "auto",
    progress: Progress = silent,
    log: Callable[[str], None] = print,
) -> Strips:
    """Draw paths between two images.

    Parameters
    ----------
    run : Run
        A finished run.
    latents : Latents
        Its codes.
    start, end : str
        Images, of any split: an id as in ``points.parquet``, or a row of the codes.
    how : sequence of str
        Names in `zscope.generation.paths.HOW`.
    steps : int
        Frames a path, at least 2.
    k : int
        Neighbours in the graph.
    weights : {"latent", "image"}
        What a link of the graph costs: its latent distance, or that of the decoded images (decodes all training codes).
    stay : float
        Weight by which a geodesic stays near codes; 0 is the decoder's own metric.
    seed : int
        Draws the codes whose nearest neighbours say what is typical.
    quality : callable, optional
        The judge's distance of each image from real ones.
    device : str
        Where to decode.
    progress, log
        Told of paths, and of lines for people.

    Returns
    -------
    Strips
        One a path, in the order of `how`.

    Raises
    ------
    ParameterError
        There is no such image or kind of path, both ends are one image, or a number is out of its bounds.
    """
    for name in how:
        if name not in HOW:
            raise ParameterError("--how", f"be one of {', '.join(HOW)}", name)
    if weights not in WEIGHTS:
        raise ParameterError("weights", f"be one of {', '.join(WEIGHTS)}", weights)
    if not 0 <= stay < math.inf:
        raise ParameterError("--stay", "be at least 0 and finite", stay)
    opened = DecodedRun.open(run, latents, device)
    rows = [opened.row(start, "--from"), opened.row(end, "--to")]
    if rows[0] == rows[1]:
        raise ParameterError("--to", "be another image than --from", end)
    ends = latents.mean(np.array(rows))
    neighbourhood = opened.neighbourhood(rows, seed)
    finder = PathFinder(
        opened.model, ends, neighbourhood, steps=steps, k=k, weights=weights, stay=stay, progress=progress
    )
    strips = []
    names = without_repeats(how)
    for place, name in enumerate(names):
        progress(f"path {name}", place, len(names))
        strips.append(_strip(opened, finder.find(name), rows, neighbourhood, quality, finder.details.get(name, {})))
        log(f"{name}: {'; '.join([_figures(strips[-1]), *strips[-1].notes])}")
    chord = picture_distance(opened.model.decode, ends[0], ends[1])
    abouts = [opened.about(row) for row in rows]
    about: JsonDict = {
        "from": abouts[0],
        "to": abouts[1],
        "steps": steps,
        "image_chord": chord,
        "typical_distance": neighbourhood.typical,
        "typical_of": neighbourhood.queries,
    }
    says = (f"From {named(abouts[0])} to {named(abouts[1])}.", *_findings(strips, chord))
    title = f"{abouts[0]['id']} ({abouts[0]['split']}) to {abouts[1]['id']} ({abouts[1]['split']})"
    return Strips("path", run.label, title, "share of the path", tuple(strips), says, about)


class PathFinder:
    """Finds paths between two codes; the graph is made once, for the graph's path and for geodesics.

    Parameters
    ----------
    model : Autoencoder or None
        Decodes; without one there are no geodesics, and no graph by images.
    ends : ndarray of shape (2, d), float32
        The two codes.
    neighbourhood : Neighbourhood
        The training codes without these two.
    steps, k, weights, stay, progress
        As `path_run` takes them.

    Attributes
    ----------
    details : dict of str to dict
        What JSON holds of the graph's path and of the geodesic, once they are found.
    """

    def __init__(
        self,
        model: Autoencoder | None,
        ends: CodeArray,
        neighbourhood: Neighbourhood,
        *,
        steps: int,
        k: int = 10,
        weights: str = "latent",
        stay: float = 0.0,
        progress: Progress = silent,
    ) -> None:
        self.model = model
        self.ends = ends
        self.neighbourhood = neighbourhood
        self.steps = steps
        self.k = k
        self.weights = weights
        self.stay = stay
        self.progress = progress
        self.details: dict[str, JsonDict] = {}
        self._along_graph: CodePath | None = None

    def find(self, how: str) -> CodePath:
        """Find one path, of a kind in `zscope.generation.paths.HOW`; `CodesError` where it needs a model."""
        if how == "linear":
            return linear(self.ends[0], self.ends[1], self.steps)
        if how == "spherical":
            centre = self.neighbourhood.codes.mean(axis=0, dtype=np.float64)
            return spherical(self.ends[0], self.ends[1], self.steps, centre)
        return self.along_graph() if how == "graph" else self.shortest()

    def along_graph(self) -> CodePath:
        """Shortest path along the training codes and the two ends."""
        if self._along_graph is None:
            codes = np.concatenate([self.ends, self.neighbourhood.codes])
            weigh = decoded_distances(self._decoder().decode_all, codes) if self.weights == "image" else None
            graph = neighbour_graph(codes, self.k, weigh)
            self._along_graph = graph_path(graph, 0, 1, self.steps)
            self.details["graph"] = {"k": self.k, "weights": self.weights, "bridges": len(graph.bridges)}
        return self._along_graph

    def shortest(self) -> CodePath:
        """Geodesic from the shorter of the straight line and the graph's path; its frames at equal image lengths."""
        model = self._decoder()
        decode = model.decode
        starts = [self.find("linear"), self.along_graph()]
        start = min(starts, key=lambda path: image_length(decode, path.curve).value)
        found = geodesic(
            pictures_of(model),
            start.curve,
            nodes=max(NODES, self.steps),
            stay=self.stay,
            neighbourhood=self.neighbourhood,
            device=model.device,
            progress=self.progress,
        )
        self.details["geodesic"] = {
            "started_from": start.how,
            "stay": self.stay,
            "energy_before": found.energy_before,
            "energy": found.energy,
            "chords_before": found.length_before,
            "chords": found.length,
            "iterations": found.iterations,
            "converged": found.converged,
        }
        notes = [
            f"It began as the {start.how} path; {counted(found.iterations, 'step')} of the minimiser lowered its "
            f"energy from {found.energy_before:,.4g} to {found.energy:,.4g}."
        ]
        if not found.converged:
            notes.append("The energy was still falling: the shortest path is shorter than this.")
        frames = resampled(found.curve, self.steps, np.array(image_length(decode, found.curve).along))
        return CodePath("geodesic", found.curve, frames, tuple(notes))

    def _decoder(self) -> Autoencoder:
        if self.model is None:
            raise CodesError("this path is found by decoding, and there is no model")
        return self.model


def _strip(
    opened: DecodedRun,
    path: CodePath,
    rows: list[int],
    neighbourhood: Neighbourhood,
    quality: Quality | None,
    details: JsonDict,
) -> Strip:
    images = opened.model.decode_all(path.frames)
    length = image_length(opened.model.decode, path.curve)
    notes = path.notes
    if not length.converged:
        notes = (*notes, f"The length of the images still grows at {length.pieces} pieces a segment.")
    return Strip(
        path.how,
        path.how,
        (opened.original(rows[0]), opened.original(rows[1])),
        tuple(np.linspace(0, 1, len(path.frames)).tolist()),
        path.frames,
        images,
        neighbourhood.ratio(path.frames).astype(np.float64),
        judged_by(quality, images),
        latent_length(path.curve),
        length.value,
        length.converged,
        notes,
        details,
    )


def _figures(strip: Strip) -> str:
    by = "times the typical distance from the nearest code" if strip.quality is None else "by the judge"
    return (
        f"image length {strip.image_length:.4g}, latent length {strip.latent_length:.4g}, worst frame "
        f"{strip.worst + 1} of {len(strip.at)} ({strip.judged[strip.worst]:.3g} {by})"
    )


def _findings(strips: list[Strip], chord: float) -> tuple[str, ...]:
    says = [f"No path can be shorter than {chord:.4g}, the distance between the two decoded images."]
    if len(strips) > 1:
        judged = strips[0].quality is not None
        short, shortest = _least(strips, [f"{strip.image_length:.4g}" for strip in strips])
        safe, safest = _least(strips, [f"{strip.judged[strip.worst]:.3g}" for strip in strips])
        by = "best by the judge" if judged else "nearest to the codes"
        says.append(f"Shortest in images: {short} ({shortest}). Worst frame {by}: {safe} ({safest}).")
    return (*says, *meaningless(strips))


def _least(strips: list[Strip], texts: list[str]) -> tuple[str, str]:
    """Names of the paths whose figure is the least as it is printed: those that print alike are a tie."""
    least = min(texts, key=float)
    names = [strip.name for strip, text in zip(strips, texts, strict=True) if text == least]
    return (names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} alike"), least


def meaningless(strips: Sequence[Strip]) -> tuple[str, ...]:
    """Say where the judge finds no frame between the ends meaningful, or not even the reconstructions at the ends.

    Parameters
    ----------
    strips : sequence of Strip
        Paths between the same two codes, at least one.

    Returns
    -------
    tuple of str
        One sentence, or none: without a judge, and where a frame between meaningful ends is meaningful.
    """
    if any(strip.quality is None for strip in strips):
        return ()
    first, last = (float(strips[0].judged[place]) for place in (0, -1))
    between = np.concatenate([strip.judged[1:-1] for strip in strips])
    none = bool(len(between)) and bool((between > 1).all())
    if first > 1 and last > 1:
        lead = "No frame is meaningful, not even" if none else "Not meaningful are"
        return (
            f"{lead} the reconstructions at the ends ({first:.3g} and {last:.3g}, above 1): the worst frame says "
            "little of a path.",
        )
    if first > 1 or last > 1:
        which, value = ("first", first) if first > 1 else ("last", last)
        also = ", nor is any frame between the ends" if none else ""
        return (f"The reconstruction at the {which} end is not meaningful ({value:.3g}, above 1){also}.",)
    return ("No frame between the ends is meaningful: all are above 1.",) if none else ()
