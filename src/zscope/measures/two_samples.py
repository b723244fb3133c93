"""Telling two clouds apart: accuracy of classifiers that are nothing but chance where the clouds are alike."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.spatial import cKDTree

from zscope.clouds.moments import mean_and_covariance
from zscope.typing import CodeArray

_PROBES_AT_ONCE = 256
_TREE_DIMENSION = 5


def neighbour_accuracy(
    first: tuple[CodeArray, NDArray[np.int64], NDArray[np.floating[Any]]],
    second: tuple[CodeArray, NDArray[np.int64], NDArray[np.floating[Any]]],
    k: int,
) -> float:
    """Accuracy of guessing by its neighbours which of two clouds a point is of (Schilling 1986; Henze 1988).

    The 2 k − 1 nearest points of both clouds, the point itself left out, vote: it is taken for one of the cloud whose
    k-th nearest point is nearer.

    Parameters
    ----------
    first, second : tuple of ndarrays (n, d), (m,) and (m,)
        A cloud, the rows that are guessed, and the distance of each of these to its k-th nearest other point of its own
        cloud. Both clouds have as many points.
    k : int
        At least 1.

    Returns
    -------
    float
        Mean over the two clouds; about 1/2 where they are alike.
    """
    (points, rows, radii), (others, other_rows, other_radii) = first, second
    right = np.mean(counts_within(others, points[rows], radii) < k)
    return float(right + np.mean(counts_within(points, others[other_rows], other_radii) < k)) / 2


def counts_within(points: CodeArray, probes: CodeArray, radii: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Count the points nearer to each probe than a distance of its own.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Codes.
    probes : ndarray of shape (p, d)
        Places that are no points of this cloud.
    radii : ndarray of shape (p,)
        Distances, in latent units.

    Returns
    -------
    ndarray of shape (p,), int64
        0 … n, up to the rounding of float32 in squared distances of the size of the cloud.
    """
    if points.shape[1] <= _TREE_DIMENSION:
        return np.asarray(cKDTree(points).query_ball_point(probes, radii, return_length=True), dtype=np.int64)
    centre = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    cloud, places = points - centre, probes - centre
    norms = np.einsum("ij,ij->i", cloud, cloud)
    bounds = np.square(radii, dtype=np.float32) - np.einsum("ij,ij->i", places, places)
    found = np.empty(len(probes), np.int64)
    for start in range(0, len(probes), _PROBES_AT_ONCE):
        part = slice(start, start + _PROBES_AT_ONCE)
        products = (-2 * places[part]) @ cloud.T
        products += norms
        found[part] = np.count_nonzero(products < bounds[part, None], axis=1)
    return found


def gaussian_accuracy(points: CodeArray, reference: CodeArray) -> float:
    """Accuracy, on points held out, of telling a cloud from N(0, I) by a Gaussian fitted to half of it.

    The score is ln N(z; μ, Σ) − ln N(z; 0, I) with mean and covariance of the first half, Σ shrunk towards I as if d of
    the points were the prior's, so that fewer points than dimensions will do. Of the held-out halves of both clouds
    together, the half with the larger scores is taken for points: no threshold is fitted.

    Parameters
    ----------
    points, reference : ndarray of shape (n, d)
        A cloud in random order, at least 4 points, and as many draws of N(0, I).

    Returns
    -------
    float
        1/2 where the cloud is N(0, I).
    """
    n, d = points.shape
    half = n // 2
    mean, covariance = mean_and_covariance(points[:half])
    covariance = (half * covariance + d * np.eye(d)) / (half + d)
    whitening = solve_triangular(np.linalg.cholesky(covariance), np.eye(d), lower=True).T.astype(np.float32)

    def score(part: CodeArray) -> NDArray[np.float32]:
        fitted = (part - mean.astype(np.float32)) @ whitening
        return np.asarray(np.einsum("ij,ij->i", part, part) - np.einsum("ij,ij->i", fitted, fitted))

    own, other = score(points[half:]), score(reference[half:])
    middle = np.median(np.concatenate([own, other]))
    right = np.mean(own > middle) + np.mean(own == middle) / 2
    return float(right + np.mean(other < middle) + np.mean(other == middle) / 2) / 2
