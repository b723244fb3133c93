"""The permuted cloud: every axis of the codes shuffled on its own."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.matching import axis_blocks, even_ranks
from zscope.typing import CodeArray


class PermutedCloud(Cloud):
    """Every component one of the codes' own values along that axis, independent of the other axes.

    Keeps every axis's distribution. Breaks all dependence between axes, linear or not.

    Attributes
    ----------
    sorted_ : ndarray of shape (d, N), float32
        The codes' values along every axis, in ascending order.
    """

    name: ClassVar[str] = "permuted"
    keeps: ClassVar[str] = "distribution of every axis"
    learnt: ClassVar[Mapping[str, str]] = {"sorted_": "d N"}

    sorted_: CodeArray

    @property
    def label(self) -> str:
        """The cloud in words."""
        return "each axis's own values, shuffled"

    def _fit(self, codes: NDArray[Any]) -> None:
        self.sorted_ = codes.T.astype(np.float32, order="C")
        self.sorted_.sort(axis=1)

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        of = self.sorted_.shape[1]
        return self._by_axis(n, lambda values: values[rng.integers(0, of, n)])

    def _draw_matched(self, n: int, rng: np.random.Generator) -> CodeArray:
        """Shuffle every axis: with as many points as codes each value occurs exactly as often as in the codes.

        Any other number of points takes evenly spaced quantiles of every axis.
        """
        ranks = even_ranks(n, self.sorted_.shape[1])
        return self._by_axis(n, lambda values: rng.permutation(values[ranks]))

    def _by_axis(self, n: int, chosen: Callable[[CodeArray], CodeArray]) -> CodeArray:
        made = np.empty((n, self.dimension_), dtype=np.float32)
        for axes in axis_blocks(self.dimension_):
            made[:, axes] = np.stack([chosen(values) for values in self.sorted_[axes]]).T
        return made
