"""The Gaussian cloud with the mean and the full covariance of the codes."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.matching import check_points_for_moments, noise, with_moments
from zscope.clouds.moments import gaussian_factor, mean_and_covariance, row_chunks
from zscope.typing import CodeArray


class CovarianceCloud(Cloud):
    """z ~ N(μ, Σ) with the codes' sample mean μ and sample covariance Σ.

    Keeps the ellipsoid in which the codes lie. Breaks all else: the axes' shapes, tails, groups, curves, holes.

    Σ is taken apart by eigenvectors, so constant axes and fewer points than dimensions are allowed.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        μ.
    covariance_ : ndarray of shape (d, d)
        Σ (divisor N − 1).
    factor_ : ndarray of shape (d, r)
        F with F Fᵀ = Σ, r the rank.
    """

    name: ClassVar[str] = "covariance"
    keeps: ClassVar[str] = "mean and covariance"
    least: ClassVar[int] = 2

    mean_: NDArray[np.float64]
    covariance_: NDArray[np.float64]
    factor_: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "mean and covariance"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.mean_, self.covariance_ = mean_and_covariance(codes)
        self.factor_ = gaussian_factor(self.covariance_)

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for rows in row_chunks(n):
            independent = rng.standard_normal((rows.stop - rows.start, self.factor_.shape[1]))
            drawn[rows] = self.mean_ + independent @ self.factor_.T
        return drawn

    def _draw_matched(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Draw codes whose own sample mean and covariance are exactly the fitted ones.

        A Gaussian draw is whitened by its own sample moments and coloured with the data's. A plain draw from an
        estimated Σ would spread the spectrum a second time (by about d/n) and differ from the data for that alone.
        """
        check_points_for_moments(n, self.dimension_)
        return with_moments(noise(n, self.factor_.shape[1], rng), self.mean_, self.factor_)
