"""Two-dimensional t-SNE maps of codes, in the settings that people read clusters from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError, ParameterError
from zscope.measures.base import LatentCodes, Measure, Measurement, chosen_rows, finite_or_none
from zscope.measures.fragmentation import LOOKED_AT, NEAR, Fragmentation, fragmentation, kept_neighbours
from zscope.measures.map_engine import LARGE_MAP, Gradient, Teller, graph_of, map_divergence, start_of
from zscope.measures.neighbours import Neighbours, nearest_neighbours
from zscope.measures.pca import principal_axes
from zscope.measures.threads import product_threads
from zscope.typing import CodeArray, Json, Progress, silent

LEAST_POINTS = 10

_NEIGHBOURS_PER_PERPLEXITY = 3
_ROUNDING = 1e-9
_MOMENTUM = 0.8
_TOLD_EVERY = 50


@dataclass(frozen=True)
class MapSetting:
    """How one map is made.

    Attributes
    ----------
    name : str
        Part of the names of its columns.
    exaggeration, perplexity : float
        Early exaggeration, and the effective number of neighbours.
    iterations : int
        Steps of the optimiser, early exaggeration included.
    components : int or None
        Made of so many leading principal components; None: of all dimensions.
    early : int
        Steps with exaggeration.
    """

    name: str
    exaggeration: float = 12.0
    perplexity: float = 30.0
    iterations: int = 1000
    components: int | None = None
    early: int = 250

    def neighbours(self, n: int) -> int:
        """Count the neighbours of each of n points that the map is made from: three times the perplexity.

        Parameters
        ----------
        n : int
            Points on the map.

        Returns
        -------
        int
            At most n − 1.
        """
        return min(n - 1, max(1, int(_NEIGHBOURS_PER_PERPLEXITY * self.used_perplexity(n) + _ROUNDING)))

    def used_perplexity(self, n: int) -> float:
        """Give the perplexity that a map of n points has.

        Parameters
        ----------
        n : int
            Points on the map.

        Returns
        -------
        float
            What was asked for, or (n − 1) / 3 where there are fewer points than that needs.
        """
        return min(self.perplexity, (n - 1) / _NEIGHBOURS_PER_PERPLEXITY)


SETTINGS: tuple[MapSetting, ...] = (
    MapSetting("standard"),
    MapSetting("seeds", exaggeration=16.0, perplexity=10.0),
    MapSetting("pc2", components=2),
    MapSetting("pc4", components=4),
    MapSetting("pc10", components=10),
)
"""The maps of `TsneMeasure`, in order."""


@dataclass(frozen=True, eq=False)
class TsneMap:
    """A finished map.

    Attributes
    ----------
    coordinates : ndarray of shape (n, 2), float32
        Places on the map; the unit has no meaning.
    divergence : float
        The KL divergence that t-SNE ends at, in nats, computed the same way for every map: see
        `zscope.measures.map_engine.map_divergence`.
    perplexity : float
        The one used: what was asked for, or (n − 1) / 3 where there are fewer points than that needs.
    engine : str
        ``openTSNE, grid`` or ``openTSNE, tree``: how the repulsion was computed.
    """

    coordinates: NDArray[np.float32]
    divergence: float
    perplexity: float
    engine: str


def tsne_map(
    codes: NDArray[Any],
    setting: MapSetting,
    seed: int,
    *,
    neighbours: Neighbours | None = None,
    progress: Progress = silent,
) -> TsneMap:
    """Make one t-SNE map (van der Maaten & Hinton 2008) on exact neighbours, started from the first two components.

    openTSNE (Poličar, Stražar & Zupan 2024) does it, with its learning rates (n over the exaggeration; Belkina et al.
    2019) and its affinities. From 1,000 points on, the repulsion is computed on a grid, see
    `zscope.measures.repulsion`; below that by openTSNE's tree (Barnes–Hut; van der Maaten 2014).

    Give a null cloud's codes with the same setting and seed to get a map made in the very same way.
    `setting.components` is not looked at here: the codes are taken as they are.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        At least 10 points in at least 2 dimensions, not all equal.
    setting : MapSetting
        How the map is made.
    seed : int
        0 … 2³² − 1: of the jitter at the start, 1 % of its spread.
    neighbours : Neighbours, optional
        Of all n points, at least `setting.neighbours(n)` of them: those that several maps of the same codes share. By
        default they are looked for.
    progress : Progress
        Told every 50 steps.

    Returns
    -------
    TsneMap
        Coordinates and how well they fit; the same for any number of threads.

    Raises
    ------
    CodesError
        If there are too few points or dimensions, or all codes are the same point.
    ParameterError
        If the setting is out of bounds, or the neighbours are too few.
    """
    from openTSNE import TSNEEmbedding, affinity

    n = len(codes)
    _check(codes, setting)
    graph = graph_of(codes, setting.neighbours(n), neighbours)
    large, perplexity = n >= LARGE_MAP, setting.used_perplexity(n)
    threads = product_threads() if large else 1  # steps of small maps are too short to be shared
    affinities = affinity.PerplexityBasedNN(perplexity=perplexity, knn_index=graph, n_jobs=threads)
    engine, gradient = ("openTSNE, grid", Gradient(threads)) if large else ("openTSNE, tree", "bh")
    places = TSNEEmbedding(start_of(codes, seed), affinities, negative_gradient_method=gradient, n_jobs=threads)
    done = 0
    for steps, exaggeration in ((setting.early, setting.exaggeration), (setting.iterations - setting.early, 1.0)):
        places.optimize(
            steps,
            exaggeration=exaggeration,
            momentum=_MOMENTUM,
            inplace=True,
            callbacks=Teller(progress, done, setting.iterations),
            callbacks_every_iters=_TOLD_EVERY,
        )
        done += steps
    coordinates = np.asarray(places, dtype=np.float32)
    return TsneMap(coordinates, map_divergence(affinities.P, coordinates, seed), perplexity, engine)


def _check(codes: NDArray[Any], setting: MapSetting) -> None:
    reason = unmappable(codes)
    if reason is not None:
        raise CodesError(f"no t-SNE map can be made: {reason}")
    if not setting.perplexity > 0:
        raise ParameterError("perplexity", "be above 0", setting.perplexity)
    if setting.early < 0:
        raise ParameterError("early", "be at least 0", setting.early)
    if setting.iterations < setting.early:
        raise ParameterError("iterations", f"be at least {setting.early}", setting.iterations)


def unmappable(codes: NDArray[Any]) -> str | None:
    """Say why no map can be made of codes.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        The codes in question.

    Returns
    -------
    str or None
        The reason in words.
    """
    n, d = codes.shape
    if n < LEAST_POINTS:
        return f"it needs at least {LEAST_POINTS} points, got {n}"
    if d < 2:
        return "it needs at least 2 dimensions, the codes have 1"
    if np.all(codes == codes[0]):
        return "all codes are the same point"
    return None


@dataclass(frozen=True)
class TsneMeasure(Measure):
    """t-SNE maps of all dimensions, and of the first 2, 4 and 10 principal components.

    Maps of components are left out where there are no more dimensions than components. Each map comes with its
    fragmentation, seen by 2,000 of its points, and the share of neighbours that it keeps; the column
    ``neighbour_distance`` is the distance to the 10th nearest of the mapped codes, in latent units.

    Attributes
    ----------
    max_points : int
        With more codes than this, so many are chosen at random, the same for all maps; `values["n"]` says how many.
    settings : tuple of MapSetting
        The maps.
    """

    name: ClassVar[str] = "tsne"
    title: ClassVar[str] = "t-SNE maps"

    max_points: int = 20_000
    settings: tuple[MapSetting, ...] = SETTINGS

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether a map can be made.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return unmappable(codes.mean)

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:
        rows = chosen_rows(codes.n, self.max_points, rng)
        seed = int(rng.integers(2**31))
        looked_at = chosen_rows(len(rows), LOOKED_AT, rng)
        points = codes.mean[rows]
        axes = principal_axes(codes.mean)
        settings = [made for made in self.settings if made.components is None or made.components < codes.dimension]
        whole = _neighbours(points, [made for made in settings if made.components is None])
        maps: list[Json] = []
        columns = {"neighbour_distance": _column(codes.n, rows, whole.distances[:, :NEAR][:, -1])}
        for done, setting in enumerate(settings, start=1):
            source, near = points, whole
            if setting.components is not None:
                source = axes.project(points, setting.components)
                near = _neighbours(source, [setting])
            made = tsne_map(source, setting, seed, neighbours=near)
            for letter, places in zip("xy", made.coordinates.T, strict=True):
                columns[f"tsne.{setting.name}.{letter}"] = _column(codes.n, rows, places)
            seen = fragmentation(made.coordinates[looked_at])
            kept = kept_neighbours(made.coordinates, near.indices, looked_at)
            maps.append(_as_json(setting, made, seen, kept, len(looked_at)))
            progress("t-SNE", done, len(settings), map=setting.name)
        return Measurement(self.name, {"maps": maps, "n": len(rows), "of": codes.n, "seed": seed}, columns)


def _neighbours(points: CodeArray, settings: Sequence[MapSetting]) -> Neighbours:
    """Find as many neighbours as the widest of several maps of the same points asks for, and ten in any case."""
    n = len(points)
    return nearest_neighbours(points, max([min(NEAR, n - 1), *(setting.neighbours(n) for setting in settings)]))


def _column(n: int, rows: NDArray[np.int64], values: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    column = np.full(n, np.nan, dtype=np.float32)
    column[rows] = values
    return column


def _as_json(setting: MapSetting, made: TsneMap, seen: Fragmentation, kept: float, looked_at: int) -> Json:
    return {
        "name": setting.name,
        "exaggeration": setting.exaggeration,
        "perplexity": made.perplexity,
        "perplexity_asked": setting.perplexity,
        "iterations": setting.iterations,
        "components": setting.components,
        "n": len(made.coordinates),
        "divergence": finite_or_none(made.divergence),
        "engine": made.engine,
        "fragmentation": {**seen.as_json(), "n": looked_at},
        "kept_neighbours": kept,
    }
