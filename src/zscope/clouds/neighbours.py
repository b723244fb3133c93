"""The cloud of mixed neighbours: new codes between a code and those next to it."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.base import Cloud
from zscope.clouds.moments import row_chunks
from zscope.errors import ParameterError
from zscope.typing import CodeArray


class NeighboursCloud(Cloud):
    """z = Σ w_i z_i over a random code and its k nearest neighbours, weights w ~ Dirichlet(1, …, 1).

    Keeps, locally, everything: each draw is inside the simplex of k + 1 codes that lie next to each other (Euclidean,
    in latent units). It is between codes, and so a little nearer to the middle than they. Takes distances to all codes
    for every draw.

    Parameters
    ----------
    neighbours : int
        k, at least 1. Of fewer than k + 1 codes all others are the neighbours.

    Attributes
    ----------
    codes_ : ndarray of shape (N, d), float32
        The codes.
    """

    name: ClassVar[str] = "neighbours"
    keeps: ClassVar[str] = "places between codes that lie next to each other"
    learnt: ClassVar[Mapping[str, str]] = {"codes_": "N d"}

    codes_: CodeArray

    def __init__(self, neighbours: int = 5) -> None:
        self.neighbours = neighbours

    @property
    def label(self) -> str:
        """The cloud in words."""
        return f"codes mixed with their {self.neighbours} nearest"

    @property
    def spec(self) -> str:
        """The text that makes this cloud again."""
        return f"{self.name}:{self.neighbours}"

    @classmethod
    def from_figure(cls, figure: str) -> "NeighboursCloud":
        """Make the cloud from the number of its neighbours.

        Parameters
        ----------
        figure : str
            A whole number, at least 1.

        Returns
        -------
        NeighboursCloud
            Not yet fitted.

        Raises
        ------
        ParameterError
            If it is no whole number of at least 1.
        """
        try:
            neighbours = int(figure)
        except ValueError:
            raise ParameterError("number of neighbours", "be a whole number", figure) from None
        _check_neighbours(neighbours)
        return cls(neighbours)

    def _fit(self, codes: NDArray[Any]) -> None:
        _check_neighbours(self.neighbours)
        self.codes_ = np.array(codes, dtype=np.float32, order="C")

    def _draw(self, n: int, rng: np.random.Generator) -> CodeArray:
        chosen = rng.integers(0, len(self.codes_), n)
        group = min(self.neighbours, len(self.codes_) - 1) + 1
        weights = rng.dirichlet(np.ones(group), n).astype(np.float32)
        members = self._with_nearest(chosen, group)
        drawn = np.empty((n, self.dimension_), dtype=np.float32)
        for rows in row_chunks(n):
            drawn[rows] = np.einsum("ij,ijk->ik", weights[rows], self.codes_[members[rows]])
        return drawn

    def _with_nearest(self, chosen: NDArray[np.int64], group: int) -> NDArray[np.int64]:
        """Give rows of each chosen code and its nearest others, shape (n, group)."""
        from sklearn.neighbors import NearestNeighbors

        centred = self.codes_ - self.codes_.mean(axis=0)
        found = NearestNeighbors(n_neighbors=group, algorithm="brute").fit(centred)
        members: NDArray[np.int64] = found.kneighbors(centred[chosen], return_distance=False)
        # Among equal codes the search may leave out the chosen one itself: it then takes the place of the last.
        missing = ~(members == chosen[:, None]).any(axis=1)
        members[missing, -1] = chosen[missing]
        return members


def _check_neighbours(neighbours: int) -> None:
    if neighbours < 1:
        raise ParameterError("number of neighbours", "be at least 1", neighbours)
