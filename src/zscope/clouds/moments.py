"""Mean and covariance of codes, in double precision, without a double-precision copy of all of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 8192

_ENOUGH_PER_DIMENSION = 4
"""Codes per dimension from which a sample covariance is used as it is; α of Gaussian codes is then under a tenth."""


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


def shrunk(covariance: NDArray[np.float64], codes: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """Shrink a sample covariance where the codes are few: Σ* = (1 − α) Σ + α (tr Σ / d) I.

    α is that of Ledoit & Wolf 2004, "A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices": it needs
    no assumption of how codes are distributed. Axes that are constant stay so, and do not count in d.

    Parameters
    ----------
    covariance : ndarray of shape (d, d)
        Σ, of these codes.
    codes : ndarray of shape (N, d)
        Finite numbers of any real type.

    Returns
    -------
    covariance : ndarray of shape (d, d), float64
        Σ*; of 4 d codes or more Σ itself, where α would be too small to matter.
    shrinkage : float
        α, in 0 … 1.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    moving = np.flatnonzero(np.diag(covariance) > 0)
    if len(codes) >= _ENOUGH_PER_DIMENSION * covariance.shape[0] or len(moving) < 2:
        return covariance, 0.0
    table = codes[:, moving].astype(np.float64)
    # Scaled, since fourth powers of large codes overflow.
    table = (table - table.mean(axis=0)) / np.sqrt(np.diag(covariance)[moving].mean())
    alpha = float(ledoit_wolf_shrinkage(table, assume_centered=True))
    made = (1 - alpha) * covariance
    made[moving, moving] += alpha * np.diag(covariance)[moving].mean()
    return made, alpha


def whitener(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pseudo-inverse of a factor whose columns are orthogonal, as those of `gaussian_factor` are.

    Parameters
    ----------
    factor : ndarray of shape (d, r)
        F.

    Returns
    -------
    ndarray of shape (d, r)
        W with Wᵀ F = I, so that (x − μ) W has unit covariance where x has the covariance F Fᵀ.
    """
    return np.asarray(factor / np.square(factor).sum(axis=0))


def log_gaussian(codes: NDArray[Any], mean: NDArray[np.float64], factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-density of N(μ, F Fᵀ) at codes.

    Parameters
    ----------
    codes : ndarray of shape (n, d)
        Where.
    mean : ndarray of shape (d,)
        μ.
    factor : ndarray of shape (d, r)
        F with orthogonal columns.

    Returns
    -------
    ndarray of shape (n,), float64
        In nats; −∞ everywhere if r < d, since there is then no density.
    """
    d, r = factor.shape
    if r < d:
        return np.full(len(codes), -np.inf)
    inverse = whitener(factor)
    half_log_det = 0.5 * np.log(np.square(factor).sum(axis=0)).sum()
    squares = np.concatenate([np.square((codes[rows] - mean) @ inverse).sum(axis=1) for rows in row_chunks(len(codes))])
    return np.asarray(-0.5 * squares - half_log_det - 0.5 * d * np.log(2 * np.pi))
