"""A cloud as it is tested: its points, which of them are queries, and what is computed from them once for all."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zscope.measures.neighbours import Neighbours, nearest_distances, nearest_neighbours
from zscope.typing import CodeArray

MOST_NEIGHBOURS = 200
"""Neighbours of each query that are kept: the widest scale of any measure."""


class Sample:
    """Points of one cloud, the codes' own or a null draw's, with the neighbours that all measures share.

    Codes and null draws are sampled alike: the same number of points, the same number of queries. Where a point occurs
    more than once it is kept once, since no null draw repeats a point.

    Attributes
    ----------
    points : ndarray of shape (n, d), float32
        Distinct points.
    queries : ndarray of shape (m,), int64
        Rows whose neighbours are looked for, among all n points.
    of : int
        How many codes there were before sampling.
    duplicates : int
        How many of those chosen were repetitions and left out.
    groups : ndarray of shape (n,), int64, or None
        Group of each point, such as the person on a photograph.
    """

    def __init__(
        self,
        points: CodeArray,
        queries: NDArray[np.int64],
        *,
        of: int | None = None,
        duplicates: int = 0,
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        self.points = points
        self.queries = queries
        self.of = len(points) if of is None else of
        self.duplicates = duplicates
        self.groups = groups

    @classmethod
    def of_codes(
        cls,
        codes: CodeArray,
        rng: np.random.Generator,
        *,
        max_points: int,
        max_queries: int,
        groups: NDArray[Any] | None = None,
    ) -> "Sample":
        """Choose points and queries at random.

        Parameters
        ----------
        codes : ndarray of shape (N, d)
            All codes.
        rng : numpy.random.Generator
            The choice.
        max_points, max_queries : int
            At most so many of either, at least 1.
        groups : ndarray of shape (N,), optional
            Any values; equal ones are one group.

        Returns
        -------
        Sample
            Points in random order, so that the first so many of them are a random choice too.
        """
        rows = rng.permutation(len(codes))[:max_points]
        chosen = codes[rows]
        _, first = np.unique(chosen, axis=0, return_index=True)
        first.sort()
        kept = rows[first]
        own = None if groups is None else np.unique(groups[kept], return_inverse=True)[1].astype(np.int64)
        return cls(
            np.ascontiguousarray(codes[kept]),
            np.arange(min(max_queries, len(kept))),
            of=len(codes),
            duplicates=len(rows) - len(kept),
            groups=own,
        )

    def like(self, points: CodeArray) -> "Sample":
        """Take another cloud of as many points with as many queries, such as a null draw.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            In random order.

        Returns
        -------
        Sample
            With groups of the same sizes. Its points are in random order, so that these are groups that do not depend
            on place: as many neighbours are left out of a draw as of the codes.
        """
        return Sample(points, self.queries, of=self.of, groups=self.groups)

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.points)

    @property
    def dimension(self) -> int:
        """Number of latent dimensions d."""
        return int(self.points.shape[1])

    @cached_property
    def neighbours(self) -> Neighbours:
        """The nearest points of every query, itself left out: 200, or all others where there are fewer."""
        return nearest_neighbours(self.points, min(MOST_NEIGHBOURS, self.n - 1), queries=self.queries)

    @cached_property
    def neighbours_of_other_groups(self) -> Neighbours | None:
        """The same with all points of the query's own group left out; None where there are no groups."""
        if self.groups is None:
            return None
        return nearest_neighbours(
            self.points, min(MOST_NEIGHBOURS, self.n - 1), queries=self.queries, groups=self.groups
        )

    def nearest_to(self, probes: CodeArray) -> NDArray[np.float32]:
        """Distance from each probe to the nearest point of the cloud.

        Parameters
        ----------
        probes : ndarray of shape (p, d)
            Any places that are no points of this cloud.

        Returns
        -------
        ndarray of shape (p,), float32
            In latent units.
        """
        return nearest_distances(self.points, probes)
