"""Two-dimensional t-SNE maps of codes, in the settings that people read clusters from."""

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError, ParameterError
from zscope.measures.base import LatentCodes, Measure, Measurement, chosen_rows, finite_or_none
from zscope.measures.pca import principal_axes
from zscope.typing import Json, Progress

LEAST_POINTS = 10
_LARGE_MAP = 1000


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
    """

    name: str
    exaggeration: float = 12.0
    perplexity: float = 30.0
    iterations: int = 1000
    components: int | None = None


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
        The KL divergence that t-SNE ends at, in nats.
    perplexity : float
        The one used: what was asked for, or (n − 1) / 3 where there are fewer points than that needs.
    engine : str
        ``scikit-learn-intelex`` or ``scikit-learn``.
    """

    coordinates: NDArray[np.float32]
    divergence: float
    perplexity: float
    engine: str


def tsne_engine(n: int) -> tuple[str, Any]:
    """Choose who computes a map: scikit-learn-intelex for large maps where it is installed, otherwise scikit-learn.

    The former is about ten times faster, but ends at a higher divergence, the more so the fewer points there are (2.0
    against 0.1 nats at 12 points, 3.35 against 3.29 at 2,000 in 64 dimensions).

    Parameters
    ----------
    n : int
        Points on the map; below 1,000 it is scikit-learn.

    Returns
    -------
    name : str
        Which one it is.
    estimator : type
        Its TSNE class; both take the same parameters.
    """
    if n >= _LARGE_MAP and importlib.util.find_spec("sklearnex") is not None:
        from sklearnex.manifold import TSNE

        return "scikit-learn-intelex", TSNE
    from sklearn.manifold import TSNE

    return "scikit-learn", TSNE


def tsne_map(codes: NDArray[Any], setting: MapSetting, seed: int) -> TsneMap:
    """Make one t-SNE map (van der Maaten & Hinton 2008; Barnes–Hut 2014), started from the first two components.

    Give a null cloud's codes with the same setting and seed to get a map made in the very same way.
    `setting.components` is not looked at here: the codes are taken as they are.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        At least 10 points in at least 2 dimensions, not all equal.
    setting : MapSetting
        How the map is made.
    seed : int
        0 … 2³² − 1.

    Returns
    -------
    TsneMap
        Coordinates and how well they fit.

    Raises
    ------
    CodesError
        If there are too few points or dimensions, or all codes are the same point.
    ParameterError
        If the setting is out of bounds.
    """
    reason = _reason(codes)
    if reason is not None:
        raise CodesError(f"no t-SNE map can be made: {reason}")
    if not setting.perplexity > 0:
        raise ParameterError("perplexity", "be above 0", setting.perplexity)
    if setting.iterations < 250:
        raise ParameterError("iterations", "be at least 250", setting.iterations)
    name, estimator = tsne_engine(len(codes))
    perplexity = min(setting.perplexity, (len(codes) - 1) / 3)
    model = estimator(
        n_components=2,
        early_exaggeration=setting.exaggeration,
        perplexity=perplexity,
        max_iter=setting.iterations,
        init="pca",
        learning_rate="auto",
        random_state=seed,
    )
    centred = codes - codes.mean(axis=0, dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coordinates = model.fit_transform(centred.astype(np.float32))
    return TsneMap(np.asarray(coordinates, dtype=np.float32), float(model.kl_divergence_), float(perplexity), name)


def _reason(codes: NDArray[Any]) -> str | None:
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

    Maps of components are left out where there are no more dimensions than components.

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
        return _reason(codes.mean)

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:
        rows = chosen_rows(codes.n, self.max_points, rng)
        seed = int(rng.integers(2**31))
        points = codes.mean[rows]
        axes = principal_axes(codes.mean)
        settings = [made for made in self.settings if made.components is None or made.components < codes.dimension]
        maps: list[Json] = []
        columns: dict[str, NDArray[np.float32]] = {}
        for done, setting in enumerate(settings, start=1):
            source = points if setting.components is None else axes.project(points, setting.components)
            made = tsne_map(source, setting, seed)
            for column, letter in enumerate("xy"):
                whole = np.full(codes.n, np.nan, dtype=np.float32)
                whole[rows] = made.coordinates[:, column]
                columns[f"tsne.{setting.name}.{letter}"] = whole
            maps.append(_as_json(setting, made, len(rows)))
            progress("t-SNE", done, len(settings), map=setting.name)
        return Measurement(self.name, {"maps": maps, "n": len(rows), "of": codes.n, "seed": seed}, columns)


def _as_json(setting: MapSetting, made: TsneMap, n: int) -> Json:
    return {
        "name": setting.name,
        "exaggeration": setting.exaggeration,
        "perplexity": made.perplexity,
        "perplexity_asked": setting.perplexity,
        "iterations": setting.iterations,
        "components": setting.components,
        "n": n,
        "divergence": finite_or_none(made.divergence),
        "engine": made.engine,
    }
