"""What lets a null draw share exactly what its cloud keeps: sample moments by an affine map, sample values by rank."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import CodesError
from zscope.typing import CodeArray

_AXES = 64
"""Axes that are taken together where a table has to be read by columns: their copy stays small and in the cache."""

_SINGLE_PRECISION_FROM = 4
"""Points per dimension from which noise is well enough conditioned to be whitened in single precision."""


def axis_blocks(d: int) -> Iterator[slice]:
    """Cut `d` axes into slices whose columns are copied together.

    Parameters
    ----------
    d : int
        Number of axes.

    Yields
    ------
    slice
        Axes, in order; together all of them.
    """
    for start in range(0, d, _AXES):
        yield slice(start, min(start + _AXES, d))


def even_ranks(n: int, of: int) -> NDArray[np.int64]:
    """Ranks of `n` evenly spaced quantiles of `of` sorted values: all of them, once each, where the numbers are equal.

    Parameters
    ----------
    n : int
        Quantiles wanted, at least 1.
    of : int
        Sorted values there are, at least 1.

    Returns
    -------
    ndarray of shape (n,), int64
        floor((i + ½) · of / n), in 0 … of − 1, never falling.
    """
    return (2 * np.arange(n, dtype=np.int64) + 1) * of // (2 * n)


def check_points_for_moments(n: int, d: int) -> None:
    """Refuse a draw of too few points to have given moments.

    Parameters
    ----------
    n : int
        Points to draw.
    d : int
        Latent dimensions.

    Raises
    ------
    CodesError
        If `n` is not above `d`.
    """
    if n <= d:
        raise CodesError(f"a null draw with matched moments needs more points than the {d} dimensions, got {n}")


def noise(n: int, r: int, rng: np.random.Generator) -> NDArray[np.floating[Any]]:
    """Draw independent standard normal points that are to be whitened.

    Parameters
    ----------
    n : int
        Points, more than `r`.
    r : int
        Dimensions.
    rng : numpy.random.Generator
        The only source of chance.

    Returns
    -------
    ndarray of shape (n, r)
        float32, or float64 where n is so near r that the points are nearly singular.
    """
    return rng.standard_normal((n, r), dtype=np.float32 if n >= _SINGLE_PRECISION_FROM * r else np.float64)


def products(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Sum Σ x xᵀ over points.

    Parameters
    ----------
    points : ndarray of shape (n, r)
        Near the origin; products are taken in their own type, and summed in double precision.

    Returns
    -------
    ndarray of shape (r, r), float64
        The sum.
    """
    total = np.zeros((points.shape[1], points.shape[1]))
    for rows in row_chunks(len(points)):
        total += points[rows].T @ points[rows]
    return total


def inverse_root(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take S^(−1/2), the symmetric one.

    Of all maps that whiten points with covariance S it moves them least and prefers no direction (Kessy, Lewin &
    Strimmer 2018, "Optimal Whitening and Decorrelation").

    Parameters
    ----------
    matrix : ndarray of shape (r, r)
        S, symmetric and positive definite.

    Returns
    -------
    root : ndarray of shape (r, r)
        S^(−1/2).
    variances : ndarray of shape (r,)
        Eigenvalues of S, in ascending order.
    """
    variances, directions = np.linalg.eigh(matrix)
    return (directions / np.sqrt(variances)) @ directions.T, variances


def placed(
    points: NDArray[np.floating[Any]],
    centre: NDArray[np.float64],
    matrix: NDArray[np.float64],
    mean: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.floating[Any]]:
    """Map every point x to μ + (x − m) A.

    Parameters
    ----------
    points : ndarray of shape (n, r)
        x.
    centre : ndarray of shape (r,)
        m.
    matrix : ndarray of shape (r, d)
        A.
    mean : ndarray of shape (d,) or float
        μ.

    Returns
    -------
    ndarray of shape (n, d)
        In the points' own type.
    """
    made = points @ matrix.astype(points.dtype)
    made += (mean - centre @ matrix).astype(points.dtype)
    return made


def with_moments(
    points: NDArray[np.floating[Any]], mean: NDArray[np.float64], factor: NDArray[np.float64]
) -> CodeArray:
    """Map points so that their own sample mean is μ and their own sample covariance F Fᵀ.

    Parameters
    ----------
    points : ndarray of shape (n, r)
        More than r points, near the origin.
    mean : ndarray of shape (d,)
        μ.
    factor : ndarray of shape (d, r)
        F.

    Returns
    -------
    ndarray of shape (n, d), float32
        Exact up to the rounding of float32.
    """
    n = len(points)
    centre = points.mean(axis=0, dtype=np.float64)
    # Centring after the product loses no digits where points lie near the origin.
    white, _ = inverse_root((products(points) - n * np.outer(centre, centre)) / (n - 1))
    return placed(points, centre, white @ factor.T, mean).astype(np.float32, copy=False)
