"""The Gaussian cloud with the mean and the full covariance of the codes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import DensityCloud
from zscope.clouds.matching import check_points_for_moments, noise, with_moments
from zscope.clouds.moments import gaussian_factor, log_gaussian, mean_and_covariance, row_chunks, shrunk
from zscope.typing import CodeArray


class CovarianceCloud(DensityCloud):
    """z ~ N(μ, Σ) with the codes' sample mean μ and sample covariance Σ.

    Keeps the ellipsoid in which the codes lie. Breaks all else: the axes' shapes, tails, groups, curves, holes.

    Σ is taken apart by eigenvectors, so constant axes and fewer points than dimensions are allowed. Of fewer than 4 d
    codes Σ is too long along its longest axes and too short along its shortest; a plain draw and the density then use
    Σ* = (1 − α) Σ + α (tr Σ / d) I, α by Ledoit & Wolf 2004, "A Well-Conditioned Estimator for Large-Dimensional
    Covariance Matrices" (over axes that are not constant). A draw as a null never does: it has Σ exactly.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        μ.
    covariance_ : ndarray of shape (d, d)
        Σ (divisor N − 1).
    factor_ : ndarray of shape (d, r)
        F with F Fᵀ = Σ, r the rank.
    shrinkage_ : float
        α, in 0 … 1; 0 of 4 d codes or more.
    drawn_factor_ : ndarray of shape (d, s)
        F with F Fᵀ = Σ*.
    """

    name: ClassVar[str] = "covariance"
    keeps: ClassVar[str] = "mean and covariance"
    least: ClassVar[int] = 2
    learnt: ClassVar[Mapping[str, str]] = {
        "mean_": "d",
        "covariance_": "d d",
        "factor_": "d r",
        "shrinkage_": "",
        "drawn_factor_": "d s",
    }

    mean_: NDArray[np.float64]
    covariance_: NDArray[np.float64]
    factor_: NDArray[np.float64]
    shrinkage_: float
    drawn_factor_: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "mean and covariance"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.mean_, self.covariance_ = mean_and_covariance(codes)
        self.factor_ = gaussian_factor(self.covariance_)
        widened, self.shrinkage_ = shrunk(self.covariance_, codes)
        self.drawn_factor_ = gaussian_factor(widened) if self.shrinkage_ > 0 else self.factor_

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for rows in row_chunks(n):
            independent = rng.standard_normal((rows.stop - rows.start, self.drawn_factor_.shape[1]))
            drawn[rows] = self.mean_ + independent @ self.drawn_factor_.T
        return drawn

    def _draw_matched(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Draw codes whose own sample mean and covariance are exactly the fitted ones.

        A Gaussian draw is whitened by its own sample moments and coloured with the data's. A plain draw from an
        estimated Σ would spread the spectrum a second time (by about d/n) and differ from the data for that alone.
        """
        check_points_for_moments(n, self.dimension_)
        return with_moments(noise(n, self.factor_.shape[1], rng), self.mean_, self.factor_)

    def _log_density(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        return log_gaussian(codes, self.mean_, self.drawn_factor_)
