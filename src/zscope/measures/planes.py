"""Codes in planes: pairs of principal components and of raw axes, and how many lie in ever smaller windows."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from zscope.errors import CodesError
from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.measures.histogram import scaled_interval
from zscope.measures.pca import principal_axes
from zscope.typing import Json, JsonDict, Progress

_WANTED = ((1, 2), (1, 18), (8, 35))
_HALF_WIDTHS = (2.5, 1.0, 0.25)


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


@dataclass(frozen=True)
class PlanesMeasure(Measure):
    """Coordinates in planes, with windows that zoom into the densest place.

    The first window of a plane holds all points; the others have half width 2.5, 1 and 0.25, or these times a power of
    ten where the codes' scale asks for it (`values["unit"]`), and only those smaller than the first are kept.
    """

    name: ClassVar[str] = "planes"
    title: ClassVar[str] = "Planes through the codes"

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

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        projection = plane_projection(codes.mean)
        columns = project(codes.mean, projection)
        widest = max(float(column.std(dtype=np.float64)) for column in columns.values())
        unit = scaled_interval(1.0, widest, fewest=0.25, most=16)
        planes: list[Json] = [_plane(columns, pair, unit) for pair in projection.planes]
        return Measurement(self.name, {"unit": unit, "planes": planes}, columns)


def _plane(columns: dict[str, NDArray[np.float32]], pair: tuple[str, str], unit: float) -> JsonDict:
    x, y = columns[pair[0]], columns[pair[1]]
    centre = densest_place(x, y)
    # A whisker more than the furthest point, so that rounding does not put it outside.
    whole = float(max(np.abs(x - centre[0]).max(), np.abs(y - centre[1]).max())) * (1 + 1e-6)
    half_widths = [whole, *(width * unit for width in _HALF_WIDTHS if width * unit < whole)]
    windows: list[Json] = [
        {"half_width": half_width, "count": count_window(x, y, centre, half_width)} for half_width in half_widths
    ]
    return {"x": pair[0], "y": pair[1], "centre": list(centre), "windows": windows}
