"""Codes in planes: pairs of components and of raw axes, ever smaller windows, and a window hidden among null ones."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from zscope.clouds import CovarianceCloud
from zscope.errors import CodesError, ParameterError
from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.measures.histogram import scaled_interval
from zscope.measures.pca import principal_axes
from zscope.measures.windows import LEAST_POINTS, window_tests
from zscope.typing import CodeArray, Json, JsonDict, Progress

_WANTED = ((1, 2), (1, 18), (8, 35))
_HALF_WIDTHS = (2.5, 1.0, 0.25)
_LINEUP_LEAST = 300


@dataclass(frozen=True, eq=False)
class Projection:
    """Directions onto which codes are projected, so that two clouds can be shown in the very same planes.

    Attributes
    ----------
    origin : ndarray of shape (m, ), float64
        Subtracted from each coordinate.
    directions : ndarray of shape (m, d), float64
        One a row.
    names : tuple of str
        The m columns: ``pc1`` … count components from 1, ``axis0`` … raw axes from 0.
    planes : tuple of (str, str)
        Pairs of names.
    """

    origin: NDArray[np.float64]
    directions: NDArray[np.float64]
    names: tuple[str, ...]
    planes: tuple[tuple[str, str], ...]


def plane_projection(codes: NDArray[Any]) -> Projection:
    """Find the planes of codes: components 1/2, 1/18 and 8/35, and the two raw axes of most variance.

    A component beyond d is replaced by the last one; a plane that would then repeat another or itself is left out.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        d at least 2.

    Returns
    -------
    Projection
        Taken from these codes; give it other codes as well to see both in the same planes.
    """
    axes = principal_axes(codes)
    d = codes.shape[1]
    pairs = list(dict.fromkeys((min(x, d), min(y, d)) for x, y in _WANTED if min(x, d) != min(y, d)))
    components = sorted({number for pair in pairs for number in pair})
    raw = [int(axis) for axis in np.argsort(-codes.var(axis=0, dtype=np.float64), kind="stable")[:2]]
    directions = np.concatenate([axes.components[[number - 1 for number in components]], np.eye(d)[raw]])
    origin = np.concatenate([directions[: len(components)] @ axes.centre, np.zeros(len(raw))])
    names = tuple(f"pc{number}" for number in components) + tuple(f"axis{axis}" for axis in raw)
    planes = (*((f"pc{x}", f"pc{y}") for x, y in pairs), (f"axis{raw[0]}", f"axis{raw[1]}"))
    return Projection(origin, directions, names, planes)


def project(codes: NDArray[Any], projection: Projection) -> dict[str, NDArray[np.float32]]:
    """Coordinates of codes in given planes.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        The codes that the projection was taken from, or a null cloud's.
    projection : Projection
        From `plane_projection`.

    Returns
    -------
    dict of str to ndarray of shape (N,), float32
        One column a name, in latent units.

    Raises
    ------
    CodesError
        If the codes have another number of dimensions than the projection.
    """
    if codes.shape[1] != projection.directions.shape[1]:
        raise CodesError(
            f"codes must have the {projection.directions.shape[1]} dimensions of the projection, got {codes.shape[1]}"
        )
    table = (codes @ projection.directions.T - projection.origin).astype(np.float32)
    return {name: np.ascontiguousarray(table[:, column]) for column, name in enumerate(projection.names)}


def densest_place(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Middle of the densest cell of a plane, on a smoothed grid of 64 × 64 cells over the central 98 % of both axes.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
        Coordinates.

    Returns
    -------
    tuple of float
        Its place; on a line or a point, in the median of the axis that does not move.
    """
    spans = [np.quantile(values.astype(np.float64), [0.01, 0.5, 0.99]) for values in (x, y)]
    bounds = [(low, high) if high > low else (middle - 0.5, middle + 0.5) for low, middle, high in spans]
    counts, across, up = np.histogram2d(x, y, bins=64, range=bounds)
    column, row = np.unravel_index(int(gaussian_filter(counts, 3.0).argmax()), counts.shape)
    return float(across[column] + across[column + 1]) / 2, float(up[row] + up[row + 1]) / 2


def count_window(
    x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]], centre: tuple[float, float], half_width: float
) -> int:
    """Count the points in a square window.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
        Coordinates.
    centre : tuple of float
        Middle of the window.
    half_width : float
        Half its side, in latent units; the border belongs to it.

    Returns
    -------
    int
        Number of points inside.
    """
    return int(np.count_nonzero((np.abs(x - centre[0]) <= half_width) & (np.abs(y - centre[1]) <= half_width)))


def lineup_points(
    codes: NDArray[Any], projection: Projection, rng: np.random.Generator, *, panels: int = 20, most: int = 1000
) -> dict[str, NDArray[Any]] | None:
    """Hide the codes' densest window of the first plane among those of Gaussian clouds (Buja et al. 2009).

    All panels are made alike: a cloud of N points with the plane's mean and covariance, or the codes themselves; the
    square window around its own densest place that holds as many points as lie within a quarter of the unit around the
    codes' (300 at least); the same number of them, chosen at random; and the window scaled to [−1, 1]².

    Clouds are drawn in the plane: that is how a `covariance` draw in d dimensions is distributed there.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        The codes.
    projection : Projection
        From `plane_projection`; its first plane is taken.
    rng : numpy.random.Generator
        The only source of chance: it draws the clouds and chooses the panel of the codes.
    panels : int
        How many in all, at least 2.
    most : int
        Points in a panel, at most.

    Returns
    -------
    dict of str to ndarray, or None
        Columns with a row a point: ``panel`` (1 … panels, int8), ``x``, ``y`` (float32), and ``codes`` (bool), true in
        the one panel that is the codes'. None where there are fewer than 30 codes or all lie in one place.

    Raises
    ------
    ParameterError
        If there are fewer than 2 panels or more than 100, or `most` is below 1.
    """
    if not 2 <= panels <= 100:
        raise ParameterError("panels", "be 2 to 100", panels)
    if most < 1:
        raise ParameterError("most", "be at least 1", most)
    columns = project(codes, projection)
    points = np.stack([columns[name] for name in projection.planes[0]], axis=1)
    if len(points) < LEAST_POINTS or np.all(points == points[0]):
        return None
    place = densest_place(points[:, 0], points[:, 1])
    near = count_window(points[:, 0], points[:, 1], place, min(_HALF_WIDTHS) * _unit(columns))
    count = min(max(near, _LINEUP_LEAST), len(points))
    cloud = CovarianceCloud().fit(points)
    answer = int(rng.integers(panels))
    chosen = [
        _panel(points if panel == answer else cloud.draw_matched(len(points), child), count, most, child)
        for panel, child in enumerate(rng.spawn(panels))
    ]
    numbers = np.repeat(np.arange(1, panels + 1, dtype=np.int8), len(chosen[0]))
    together = np.concatenate(chosen)
    return {
        "panel": numbers,
        "x": np.ascontiguousarray(together[:, 0]),
        "y": np.ascontiguousarray(together[:, 1]),
        "codes": numbers == answer + 1,
    }


def _panel(points: CodeArray, count: int, most: int, rng: np.random.Generator) -> CodeArray:
    """At most so many of the `count` points that are nearest to the densest place, scaled to [−1, 1]²."""
    away = points - np.asarray(densest_place(points[:, 0], points[:, 1]))
    distance = np.abs(away).max(axis=1)
    rows = np.argpartition(distance, count - 1)[:count]
    half_width = float(distance[rows].max())
    chosen = rng.choice(rows, size=min(count, most), replace=False)
    return np.asarray(away[chosen] / (half_width or 1.0), dtype=np.float32)


@dataclass(frozen=True)
class PlanesMeasure(Measure):
    """Coordinates in planes, with windows that zoom into the densest place, and what their patterns show.

    The first window of a plane holds all points; the others have half width 2.5, 1 and 0.25, or these times a power of
    ten where the codes' scale asks for it (`values["unit"]`), and only those smaller than the first are kept.

    The smaller windows that hold at least 30 points get the figures of `zscope.measures.windows`: ``statistics`` by
    name with ``value``, ``null_mean``, ``null_sd`` and ``p``, taken of ``tested`` points, otherwise None. The first one
    gets none: the density of a whole cloud is no smooth patch. These figures have neither specificity nor power (with
    all codes on curves in 256 dimensions the windows are those of a smooth cloud), so that no claim rests on them.

    Attributes
    ----------
    draws : int
        Windows that are simulated for each.
    most : int
        With more points in a window, so many are tested, chosen at random.
    """

    name: ClassVar[str] = "planes"
    title: ClassVar[str] = "Planes through the codes"

    draws: int = 99
    most: int = 2000

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are planes.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return None if codes.dimension >= 2 else "a plane needs at least 2 dimensions, the codes have 1"

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:
        projection = plane_projection(codes.mean)
        columns = project(codes.mean, projection)
        unit = _unit(columns)
        planes: list[Json] = []
        for pair, child in zip(projection.planes, rng.spawn(len(projection.planes)), strict=True):
            planes.append(self._plane(columns, pair, unit, child))
            progress("planes", len(planes), len(projection.planes))
        return Measurement(self.name, {"unit": unit, "draws": self.draws, "planes": planes}, columns)

    def _plane(
        self, columns: dict[str, NDArray[np.float32]], pair: tuple[str, str], unit: float, rng: np.random.Generator
    ) -> JsonDict:
        x, y = columns[pair[0]], columns[pair[1]]
        centre = densest_place(x, y)
        # A whisker more than the furthest point, so that rounding does not put it outside.
        whole = float(max(np.abs(x - centre[0]).max(), np.abs(y - centre[1]).max())) * (1 + 1e-6)
        windows: list[Json] = [{**_counted(x, y, centre, whole), "tested": None, "statistics": None}]
        zooms = [width * unit for width in _HALF_WIDTHS if width * unit < whole]
        for half_width, child in zip(zooms, rng.spawn(len(zooms)), strict=True):
            made = window_tests(x, y, centre, half_width, child, draws=self.draws, most=self.most)
            windows.append(
                {
                    **_counted(x, y, centre, half_width),
                    "tested": None if made is None else made.n,
                    "statistics": None
                    if made is None
                    else {name: asdict(test) for name, test in made.statistics.items()},
                }
            )
        return {"x": pair[0], "y": pair[1], "centre": list(centre), "windows": windows}


def _unit(columns: dict[str, NDArray[np.float32]]) -> float:
    """1, or the power of ten that makes windows of half width 2.5 … 0.25 fit the widest column."""
    widest = max(float(column.std(dtype=np.float64)) for column in columns.values())
    return scaled_interval(1.0, widest, fewest=0.25, most=16)


def _counted(
    x: NDArray[np.float32], y: NDArray[np.float32], centre: tuple[float, float], half_width: float
) -> JsonDict:
    return {"half_width": half_width, "count": count_window(x, y, centre, half_width)}
