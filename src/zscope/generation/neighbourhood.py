"""How far a place lies from the codes, in units of how far codes lie from each other."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from zscope.errors import CodesError
from zscope.measures.neighbours import nearest_distances, nearest_neighbours
from zscope.typing import CodeArray

MOST_QUERIES = 2000
"""Codes at most whose own nearest neighbour is looked for."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Codes, and the distance that is typical between neighbours among them.

    Attributes
    ----------
    codes : ndarray of shape (N, d), float32
        The codes.
    typical : float
        Median distance from a code to the nearest other one, in latent units.
    queries : int
        Codes that the median is taken over: all, or `MOST_QUERIES` drawn at random.
    """

    codes: CodeArray
    typical: float
    queries: int

    @classmethod
    def of(cls, codes: CodeArray, seed: int = 0) -> Self:
        """Measure what is typical.

        Parameters
        ----------
        codes : ndarray of shape (N, d), float32
            At least two, of which at least two are distinct.
        seed : int
            Draws the codes where there are more than `MOST_QUERIES`.

        Raises
        ------
        CodesError
            There are fewer than two, or most codes are equal to another one.
        """
        if len(codes) < 2:
            raise CodesError(f"a typical distance between codes needs at least 2 of them, got {len(codes)}")
        rows = np.sort(np.random.default_rng(seed).permutation(len(codes))[:MOST_QUERIES])
        typical = float(np.median(nearest_neighbours(codes, 1, queries=rows).distances))
        if not typical > 0:
            raise CodesError("more than half of the codes are equal to another one: there is no typical distance")
        return cls(codes, typical, len(rows))

    def ratio(self, probes: CodeArray) -> NDArray[np.float32]:
        """Distance from each probe (p, d) to the nearest code over the typical one, shape (p,)."""
        return nearest_distances(self.codes, np.ascontiguousarray(probes, dtype=np.float32)) / np.float32(self.typical)
