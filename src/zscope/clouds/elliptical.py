"""The elliptical cloud: the ellipsoid of the codes with their own radii, in random directions."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.matching import check_points_for_moments, even_ranks, inverse_root, noise, placed, products
from zscope.clouds.moments import gaussian_factor, mean_and_covariance, row_chunks

_LAST_STEP, _LEFT = 0.01, 5e-4
"""A step leaves 2 / (k + 2) of what is uneven. The last may move variances by this share, and leave that one."""

_MOST_STRETCHED = 1e4
"""Where Tyler's shape is further from the covariance's along some direction, it was made by rounding in float32."""

_STEPS_OF_A_FIT, _STEPS_OF_A_DRAW = 100, 20
"""At most so many; a draw needs more than ten only where a few codes are far outside."""


class EllipticalCloud(Cloud):
    """z = μ + r F u with the codes' mean μ, a factor F of their ellipsoid's shape, their own radii r, u on the sphere.

    Keeps mean, shape of the ellipsoid, and how far out in it codes lie: light or heavy tails. Breaks in which direction
    they lie. The covariance is that of the codes up to chance if they are elliptical, and only similar if not.

    The shape V = F Fᵀ is Tyler's (1987, "A Distribution-Free M-Estimator of Multivariate Scatter"): the one as seen
    from which the codes' directions are spread evenly, Σ u uᵀ = (N / k) I. It ignores the radii. The
    covariance does not: its longest axes point at the most distant codes, which new directions undo. Draws that had
    exactly the covariance and the radii in it would differ from codes with Student t tails in 64 dimensions at sight.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        μ.
    factor_ : ndarray of shape (d, k)
        F, k the rank of the covariance; scaled so that radii have mean square k (N − 1) / N, as with the covariance.
    radii_ : ndarray of shape (N,)
        Length of the codes as seen from F, sorted; no unit.
    converged_ : bool
        Whether Tyler's shape was found. It does not exist where more than a share j / k of the codes lie in j
        dimensions around the mean; the covariance is then the shape.
    """

    name: ClassVar[str] = "elliptical"
    keeps: ClassVar[str] = "mean, shape of the ellipsoid, radii in it"
    least: ClassVar[int] = 2
    learnt: ClassVar[Mapping[str, str]] = {"mean_": "d", "factor_": "d k", "radii_": "N", "converged_": ""}

    mean_: NDArray[np.float64]
    factor_: NDArray[np.float64]
    radii_: NDArray[np.float64]
    converged_: bool

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "ellipsoid with the codes' own radii"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.mean_, covariance = mean_and_covariance(codes)
        factor = gaussian_factor(covariance)
        rank = factor.shape[1]
        # The columns of F are orthogonal, so that F divided by their squared lengths is its pseudo-inverse.
        inverse = factor / np.square(factor).sum(axis=0)
        seen = np.empty((len(codes), rank), dtype=np.float32)
        for rows in row_chunks(len(codes)):
            seen[rows] = (codes[rows] - self.mean_) @ inverse
        _, tyler, found = spread_evenly(seen.copy(), _STEPS_OF_A_FIT)
        self.converged_ = found and (rank < 2 or float(np.linalg.cond(tyler)) < _MOST_STRETCHED)
        if not self.converged_:
            tyler = np.eye(rank)
        radii = np.concatenate([_lengths(seen[rows] @ tyler.astype(np.float32)) for rows in row_chunks(len(codes))])
        mean_square = float(np.mean(np.square(radii)))
        scale = np.sqrt(rank * (1 - 1 / len(codes)) / mean_square) if mean_square > 0 else 1.0
        self.radii_ = np.sort(scale * radii)
        self.factor_ = np.linalg.solve(scale * tyler, factor.T).T

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.floating[Any]]:
        directions = rng.standard_normal((n, self.factor_.shape[1]), dtype=np.float32)
        points = moved_to(rng.choice(self.radii_, n), directions)
        return placed(points, np.zeros(points.shape[1]), self.factor_.T, self.mean_)

    def _draw_matched(self, n: int, rng: np.random.Generator) -> NDArray[np.floating[Any]]:
        """Draw random directions that are as even as the codes' own, at their radii.

        The mean of the draw is exactly that of the codes. Radii and shape, as seen from the draw's own mean, are theirs
        to about a thousandth; with as many points as codes each radius occurs once, with any other number evenly spaced
        quantiles do. In one dimension only signs are free, and radii move by about 1 / sqrt(n) to put the mean right.
        """
        check_points_for_moments(n, self.dimension_)
        radii = rng.permutation(self.radii_[even_ranks(n, len(self.radii_))])
        points = spread_evenly(noise(n, self.factor_.shape[1], rng), _STEPS_OF_A_DRAW, radii)[0]
        points = moved_to(radii, points)
        return placed(points, points.mean(axis=0, dtype=np.float64), self.factor_.T, self.mean_)


def spread_evenly(
    points: NDArray[np.floating[Any]], steps: int, radii: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.floating[Any]], NDArray[np.float64], bool]:
    """Find the map T that spreads the directions of points evenly: Σ u uᵀ = (n / k) I with u = x T / |x T|.

    Tyler's (1987) fixed point: every point is moved to the same radius, all are whitened, and again. T Tᵀ is the
    inverse of his shape.

    Parameters
    ----------
    points : ndarray of shape (n, k)
        Seen from their centre; overwritten.
    steps : int
        At most so many, at least 1.
    radii : ndarray of shape (n,), optional
        If given, points may also be shifted, so that the mean is 0 where each is at its radius.

    Returns
    -------
    moved : ndarray of shape (n, k)
        x T, each up to a factor of its own.
    matrix : ndarray of shape (k, k), float64
        T, up to a factor.
    converged : bool
        Whether it was found; the directions are then even to about a thousandth.
    """
    n, k = points.shape
    allowed = min(_LAST_STEP, _LEFT * (k + 2) / 2)
    same = np.full(n, np.sqrt(k))
    matrix = np.eye(k)
    if k < 2:
        return points, matrix, True
    for _ in range(steps):
        if radii is not None:
            # Moving the points back to their radii leaves 1 / k of the mean that is taken away here.
            points = moved_to(radii, points)
            points -= points.mean(axis=0)
        points = moved_to(same, points)
        directed = int(np.count_nonzero(points.any(axis=1)))
        step, variances = inverse_root(products(points) / max(directed, 1))
        points = points @ step.astype(points.dtype)
        matrix = matrix @ step
        if np.abs(variances - 1).max() <= allowed:
            return points, matrix, True
    return points, matrix, False


def moved_to(radii: NDArray[np.float64], points: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Move every point, in place, along its own direction to a radius; one at the origin has none and stays."""
    lengths = _lengths(points)
    factors = np.divide(radii, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    points *= factors[:, None].astype(points.dtype)
    return points


def _lengths(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", points, points), dtype=np.float64))
