"""The cloud of independent axes, each with its own empirical distribution."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.matching import axis_blocks
from zscope.clouds.quantiles import between
from zscope.typing import CodeArray


class AxesEmpiricalCloud(Cloud):
    """z_j = Q_j(u_j) with u uniform and independent: Q_j the interpolated quantiles of the codes along axis j.

    Keeps every axis's distribution. Breaks all dependence between axes. Unlike `permuted`, which takes the codes' own
    values, it draws new ones between them, and so is a sampler and no null.

    Attributes
    ----------
    sorted_ : ndarray of shape (d, N), float32
        The codes' values along every axis, in ascending order.
    """

    name: ClassVar[str] = "axes-empirical"
    keeps: ClassVar[str] = "distribution of every axis, with values between"
    learnt: ClassVar[Mapping[str, str]] = {"sorted_": "d N"}

    sorted_: CodeArray

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "each axis's own distribution"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.sorted_ = codes.T.astype(np.float32, order="C")
        self.sorted_.sort(axis=1)

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for axes in axis_blocks(self.dimension_):
            drawn[:, axes] = np.stack([between(values, rng.random(n)) for values in self.sorted_[axes]]).T
        return drawn
