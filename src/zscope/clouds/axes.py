"""The cloud of independent axes: every axis its own Gaussian."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.moments import row_chunks
from zscope.typing import CodeArray


class AxesCloud(Cloud):
    """Every axis Gaussian with the mean and standard deviation that it has in the codes, independent of the others.

    Keeps those. Breaks the axes' shapes and all dependence between them.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
        Mean of every axis.
    sd_ : ndarray of shape (d,)
        Standard deviation of every axis (divisor N − 1); 0 for a constant axis.
    """

    name: ClassVar[str] = "axes"
    keeps: ClassVar[str] = "mean and standard deviation of every axis"
    least: ClassVar[int] = 2
    learnt: ClassVar[Mapping[str, str]] = {"mean_": "d", "sd_": "d"}

    mean_: NDArray[np.float64]
    sd_: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "each axis's own Gaussian"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.mean_ = codes.mean(axis=0, dtype=np.float64)
        self.sd_ = codes.std(axis=0, dtype=np.float64, ddof=1)

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for rows in row_chunks(n):
            drawn[rows] = self.mean_ + self.sd_ * rng.standard_normal((rows.stop - rows.start, self.dimension_))
        return drawn
