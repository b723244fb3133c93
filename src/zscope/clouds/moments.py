"""Mean and covariance of codes, in double precision, without a double-precision copy of all of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 8192


def row_chunks(n: int) -> Iterator[slice]:
    """Cut `n` rows into slices small enough to be held in double precision.

    Parameters
    ----------
    n : int
        Number of rows.

    Yields
    ------
    slice
        Rows, in order; together all of them.
    """
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))


def mean_and_covariance(codes: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sample mean μ = Σ x / N and covariance Σ (x − μ)(x − μ)ᵀ / (N − 1).

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Finite numbers of any real type.

    Returns
    -------
    mean : ndarray of shape (d,), float64
        In latent units.
    covariance : ndarray of shape (d, d), float64
        In squared latent units; zero for a single point.
    """
    n, d = codes.shape
    mean = codes.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((d, d))
    for rows in row_chunks(n):
        # Centring before the product keeps the digits that a mean far from the origin would swallow.
        centred = codes[rows].astype(np.float64) - mean
        covariance += centred.T @ centred
    return mean, covariance / max(n - 1, 1)


def gaussian_factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix F with F Fᵀ = Σ, by eigenvectors, so that Σ may be singular.

    Parameters
    ----------
    covariance : ndarray of shape (d, d)
        Symmetric, positive semi-definite up to rounding.

    Returns
    -------
    ndarray of shape (d, r)
        One column per direction with variance, r ≤ d the numerical rank; directions below it are rounding and left out.
    """
    variances, directions = np.linalg.eigh(covariance)
    floor = max(float(variances[-1]), 0.0) * len(variances) * np.finfo(np.float64).eps
    kept = variances > floor
    return np.asarray(directions[:, kept] * np.sqrt(variances[kept]))
