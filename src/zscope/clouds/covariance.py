"""The Gaussian cloud with the mean and the full covariance of the codes."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from zscope.clouds.base import Cloud
from zscope.clouds.moments import gaussian_factor, mean_and_covariance
from zscope.errors import CodesError
from zscope.typing import CodeArray


class CovarianceCloud(Cloud):
    """z ~ N(μ, Σ) with the codes' sample mean μ and sample covariance Σ.

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

    def _draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return self.mean_ + rng.standard_normal((n, self.factor_.shape[1])) @ self.factor_.T

    def draw_matched(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Draw codes whose own sample mean and covariance are exactly the fitted ones.

        A Gaussian draw is whitened by its own sample moments and coloured with the data's. A plain draw from an
        estimated Σ would spread the spectrum a second time (by about d/n) and differ from the data for that alone.

        Parameters
        ----------
        n : int
            How many, more than d.
        rng : numpy.random.Generator
            The only source of chance.

        Returns
        -------
        ndarray of shape (n, d), float32
            New codes; their moments are the fitted ones up to the rounding of float32.

        Raises
        ------
        CodesError
            If the cloud has not been fitted, or `n` is not above d: fewer points cannot carry the covariance.
        """
        self._check_draw(n)
        if n <= self.dimension_:
            raise CodesError(
                f"a null draw with matched covariance needs more points than the {self.dimension_} dimensions, got {n}"
            )
        noise = rng.standard_normal((n, self.factor_.shape[1]))
        noise -= noise.mean(axis=0)
        triangle = np.linalg.cholesky(noise.T @ noise / (n - 1))
        colour = solve_triangular(triangle, self.factor_.T, lower=True, trans="T")
        return (self.mean_ + noise @ colour).astype(np.float32)
