"""Fréchet distance between two sets of images, in features of our own: FD, never FID (those are Inception's)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.moments import mean_and_covariance
from zscope.errors import ParameterError
from zscope.judging.intervals import Score, jackknife_score
from zscope.typing import FloatArray


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of the features of n images.

    Attributes
    ----------
    n : int
        Number of images.
    mean : ndarray of shape (d,), float64
        μ.
    covariance : ndarray of shape (d, d), float64
        Σ, divisor n − 1.
    """

    n: int
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, features: FloatArray) -> Self:
        """Take the moments of features.

        Parameters
        ----------
        features : ndarray of shape (n, d)
            At least two images.

        Raises
        ------
        ParameterError
            There are fewer.
        """
        if features.ndim != 2 or len(features) < 2:
            raise ParameterError("features", "be of at least 2 images, shape (n, d)", features.shape)
        return cls(len(features), *mean_and_covariance(features))


def moments_distance(first: Moments, second: Moments) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½).

    The squared 2-Wasserstein distance of two Gaussians (Dowson & Landau 1982; Heusel et al. 2017, "GANs Trained by a
    Two Time-Scale Update Rule"). The root's trace is the sum of the roots of the eigenvalues of a symmetric matrix, so
    that no complex number occurs.

    Parameters
    ----------
    first, second : Moments
        Of features of the same d.

    Returns
    -------
    float
        In squared units of the features; 0 where the moments agree, up to rounding.
    """
    variances, directions = np.linalg.eigh(first.covariance)
    root = (directions * np.sqrt(np.maximum(variances, 0))) @ directions.T
    product = root @ second.covariance @ root
    common = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0)).sum()
    apart = first.mean - second.mean
    return max(float(apart @ apart + np.trace(first.covariance) + np.trace(second.covariance) - 2 * common), 0.0)


def frechet_distance(first: FloatArray, second: FloatArray) -> float:
    """Fréchet distance of the features of two sets of images, see `moments_distance`.

    It is biased upwards, by about a constant over the number of images: compare only distances at equal numbers.

    Parameters
    ----------
    first, second : ndarray of shape (n, d) and (m, d)
        At least two images each.

    Returns
    -------
    float
        In squared units of the features.

    Raises
    ------
    ParameterError
        There are fewer images.
    """
    return moments_distance(Moments.of(first), Moments.of(second))


def frechet_score(features: FloatArray, others: Moments, rng: np.random.Generator) -> Score:
    """Fréchet distance of images to others, whose moments are taken as they are, with a jackknife interval.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Of the images that are judged, at least 4.
    others : Moments
        Of real images, or of reconstructions.
    rng : numpy.random.Generator
        Deals the images out to the groups of the jackknife.

    Returns
    -------
    Score
        Of the distance that n such images have on the average, its upward bias for few images included.
    """
    whole = Moments.of(features)
    n = len(features)
    centred = features.astype(np.float64) - whole.mean
    scatter = whole.covariance * (n - 1)

    def without(rows: NDArray[np.int64]) -> float:
        left = n - len(rows)
        mean = -centred[rows].sum(axis=0) / left
        rest = scatter - centred[rows].T @ centred[rows] - left * np.outer(mean, mean)
        return moments_distance(Moments(left, whole.mean + mean, rest / (left - 1)), others)

    return jackknife_score(moments_distance(whole, others), without, n, rng)
