"""A Gaussian kernel around every code."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from zscope.clouds.base import DensityCloud
from zscope.clouds.moments import gaussian_factor, mean_and_covariance, row_chunks, shrunk, whitener
from zscope.typing import CodeArray

_PAIRS = 20_000_000
"""Pairs of codes whose distances are held at once, in float32."""

_MOST_QUERIES = 2000

_SMALLEST, _LARGEST, _GRID = 0.01, 2.0, 14
"""Bandwidths looked at, relative to the codes' own spread: a grid of equal ratios, then between its best neighbours."""


class KdeCloud(DensityCloud):
    """z = z_i + h F ε: a random code z_i, ε ~ N(0, I), F Fᵀ the codes' covariance (kernel H = h² Σ).

    Keeps every code's place, up to the width h of the kernel, and widens the whole cloud by (1 + h²). h has the highest
    likelihood of codes when each is left out of the sum over all others, (1 / (N − 1)) Σ_{j ≠ i} N(z_i; z_j, h² Σ), in
    0.01 … 2; of codes that occur several times it is the smallest.

    The likelihood is taken at up to 2,000 codes drawn at random (`queries_`, fewer where N is above 10,000), against
    all others. Of fewer than 4 d codes Σ is shrunk as in `covariance`.

    Parameters
    ----------
    seed : int
        Seed of the choice of these codes.

    Attributes
    ----------
    codes_ : ndarray of shape (N, d), float32
        The codes.
    factor_ : ndarray of shape (d, r)
        F, r the rank.
    bandwidth_ : float
        h, no unit.
    queries_ : int
        Codes at which the likelihood was taken.
    """

    name: ClassVar[str] = "kde"
    keeps: ClassVar[str] = "places of all codes, up to the width of a kernel"
    least: ClassVar[int] = 2
    learnt: ClassVar[Mapping[str, str]] = {"codes_": "N d", "factor_": "d r", "bandwidth_": "", "queries_": ""}

    codes_: CodeArray
    factor_: NDArray[np.float64]
    bandwidth_: float
    queries_: int

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "a small Gaussian around each code"

    def _fit(self, codes: NDArray[Any]) -> None:
        n = len(codes)
        mean, covariance = mean_and_covariance(codes)
        self.codes_ = np.array(codes, dtype=np.float32, order="C")
        self.factor_ = gaussian_factor(shrunk(covariance, codes)[0])
        self.queries_ = min(n, _MOST_QUERIES, max(_PAIRS // n, 1))
        rank = self.factor_.shape[1]
        if rank == 0:
            self.bandwidth_ = _SMALLEST
            return
        white = ((codes - mean) @ whitener(self.factor_)).astype(np.float32)
        queries = np.sort(np.random.default_rng(self.seed).permutation(n)[: self.queries_])
        squares = _squares(white[queries], white)
        squares[np.arange(self.queries_), queries] = np.inf
        nearest = squares.min(axis=1)
        squares -= nearest[:, None]

        def loss(log_h: float) -> float:
            """Negative mean log-likelihood of the queries, up to a constant."""
            weight = -0.5 * math.exp(-2 * log_h)
            sums = np.exp(np.float32(weight) * squares).sum(axis=1, dtype=np.float64)
            return float(rank * log_h - np.mean(np.log(sums) + weight * nearest))

        grid = np.linspace(math.log(_SMALLEST), math.log(_LARGEST), _GRID)
        losses = [loss(log_h) for log_h in grid]
        best = int(np.argmin(losses))
        bounds = (grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)])
        found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-2})
        self.bandwidth_ = math.exp(found.x if found.fun < losses[best] else grid[best])

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        drawn = self.codes_[rng.integers(0, len(self.codes_), n)]
        for rows in row_chunks(n):
            noise = rng.standard_normal((rows.stop - rows.start, self.factor_.shape[1]))
            drawn[rows] += (self.bandwidth_ * noise @ self.factor_.T).astype(np.float32)
        return drawn

    def _log_density(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        d, rank = self.factor_.shape
        if rank < d:
            return np.full(len(codes), -np.inf)
        inverse = whitener(self.factor_) / self.bandwidth_
        centre = self.codes_.mean(axis=0, dtype=np.float64)
        kernels = (self.codes_ - centre) @ inverse
        half_log_det = 0.5 * np.log(np.square(inverse).sum(axis=0)).sum()
        found = np.empty(len(codes))
        step = max(_PAIRS // (2 * len(kernels)), 1)
        for start in range(0, len(codes), step):
            squares = _squares((codes[start : start + step] - centre) @ inverse, kernels)
            nearest = squares.min(axis=1)
            sums = np.exp(-0.5 * (squares - nearest[:, None])).sum(axis=1)
            found[start : start + step] = np.log(sums / len(kernels)) - 0.5 * nearest
        return np.asarray(found + half_log_det - 0.5 * d * math.log(2 * math.pi))


def _squares(points: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Squared distances |x|² + |y|² − 2 xy of shape (n, m), not below 0, in the points' own type."""
    made = points @ others.T
    made *= -2
    made += np.square(points).sum(axis=1)[:, None]
    made += np.square(others).sum(axis=1)
    return np.maximum(made, 0, out=made)
