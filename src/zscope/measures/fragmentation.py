"""How much a map falls into pieces, and how well it keeps neighbours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import ConvexHull, Delaunay, cKDTree

from zscope.typing import JsonDict

LOOKED_AT = 2_000
"""Points of a map that its fragmentation is taken from: all scales are shares of their number."""

NEAR, AMONG = 10, 30
"""So many nearest neighbours in space are looked for among so many nearest on the map."""

SMOOTHING, SMOOTHING_POINTS, MOST_SMOOTHING = 0.03, 60, 0.1
"""Density on a map is that of a disc that holds this share of its points, or so many points where that is more, but not
more than the last share: 60 of 600 as of 2,000, so that chance alone changes it by 1 / sqrt(60), 13 %."""

VALLEY, STANDARD_ERRORS = 0.7, 2.8
"""Two groups are two where the density between them falls below this part of the lower peak, and by so many standard
errors of its logarithm: with discs of fewer than 60 points the valley has to be deeper."""

LEAST_GROUP = 0.02
"""A group is counted if it has this share of the points."""

_REACH = 10
_GAP = 0.995
_QHULL = "QJ Qbb Qc"  # joggled: coinciding places and places on a line are allowed
_LEAST_DISTANCE = 1e-12


@dataclass(frozen=True)
class Fragmentation:
    """Figures of one map.

    Attributes
    ----------
    outside : float
        Share of the points outside the largest group, see `valley_groups`.
    groups : int
        Groups with at least 2 % of the points.
    hdbscan_groups : int
        Clusters that HDBSCAN (Campello, Moulavi & Sander 2013) finds, of at least 2 % of the points each.
    gap : float
        Quantile of 99.5 % of the edges of the minimal spanning tree, over their median.
    clark_evans : float
        Mean distance to the nearest point, over that of as many points thrown at random into the map's convex hull
        (Clark & Evans 1954, without an edge correction): below 1 clumped, above 1 evenly spaced.
    """

    outside: float
    groups: int
    hdbscan_groups: int
    gap: float
    clark_evans: float

    def as_json(self) -> JsonDict:
        """Give the figures as JSON holds them.

        Returns
        -------
        dict
            Every field, under its own name.
        """
        return {
            "outside": self.outside,
            "groups": self.groups,
            "hdbscan_groups": self.hdbscan_groups,
            "gap": self.gap,
            "clark_evans": self.clark_evans,
        }


def fragmentation(places: NDArray[np.floating]) -> Fragmentation:
    """Take all figures of a map.

    All scales are shares of n or ratios, so that maps of different size and width compare; but the figures depend on n
    itself, and are compared at the same n only.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        At least 10 points of a map. Of a larger map take 2,000 points at random.

    Returns
    -------
    Fragmentation
        How much it falls into pieces.
    """
    y = np.asarray(places, dtype=np.float64)
    sizes = np.bincount(valley_groups(y))
    return Fragmentation(
        outside=float(1 - sizes.max() / len(y)),
        groups=int(np.count_nonzero(sizes >= LEAST_GROUP * len(y))),
        hdbscan_groups=hdbscan_groups(y),
        gap=tree_gap(y),
        clark_evans=clark_evans(y),
    )


def valley_groups(
    places: NDArray[np.floating], *, smoothing: float | None = None, valley: float = VALLEY
) -> NDArray[np.int64]:
    """Part the points of a map by the valleys of their density (ToMATo; Chazal, Guibas, Oudot & Skraba 2013).

    The density at a point is that of the disc around it that holds a share of the points. From the densest on, a point
    joins its densest neighbour's group, and two groups that meet at a point become one unless the density there is
    below `valley` of the lower peak. Groups that never meet, since none of the ten nearest of any of their points is in
    the other, stay apart.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        At least 10 points.
    smoothing : float, optional
        Share of the points in a disc, 0 … 1, at least 10 points; by default 3 %, of fewer than 2,000 points more.
    valley : float
        0 … 1: the higher, the more groups. A valley that is less than 2.8 standard errors deep is none in any case.

    Returns
    -------
    ndarray of shape (n,), int64
        Number of each point's group, 0 … groups − 1, in no order.
    """
    n = len(places)
    if smoothing is None:
        smoothing = max(SMOOTHING, min(SMOOTHING_POINTS / n, MOST_SMOOTHING))
    k = min(n - 1, max(_REACH, round(smoothing * n)))
    distances, nearest = _on_map(places, places, k)
    height = -2 * np.log(np.maximum(distances[:, k], _LEAST_DISTANCE))
    reach = min(_REACH, n - 1)
    rows = np.repeat(np.arange(n), reach)
    ones = np.ones(n * reach, np.int8)
    graph = csr_matrix((ones, (rows, nearest[:, 1 : reach + 1].ravel())), shape=(n, n))
    graph = (graph + graph.T).tocsr()
    depth = max(-float(np.log(valley)), STANDARD_ERRORS / float(np.sqrt(k)))
    return _joined(height, graph.indptr, graph.indices, depth)


def _joined(
    height: NDArray[np.float64], first: NDArray[np.integer], beside: NDArray[np.integer], depth: float
) -> NDArray[np.int64]:
    """Flood from the top: the root of a group is its peak."""
    heights, bounds, others = height.tolist(), first.tolist(), beside.tolist()
    parent = [-1] * len(heights)

    def root(point: int) -> int:
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    for point in np.argsort(-height, kind="stable").tolist():
        seen = [other for other in others[bounds[point] : bounds[point + 1]] if parent[other] >= 0]
        parent[point] = root(max(seen, key=heights.__getitem__)) if seen else point
        for other in seen:
            one, two = sorted((root(point), root(other)), key=heights.__getitem__)
            if one != two and heights[one] - heights[point] < depth:
                parent[one] = two
    return np.unique([root(point) for point in range(len(parent))], return_inverse=True)[1].astype(np.int64)


def hdbscan_groups(places: NDArray[np.floating]) -> int:
    """Count the clusters that HDBSCAN finds on a map.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        The map.

    Returns
    -------
    int
        Of at least 2 % of the points each, and five.
    """
    from sklearn.cluster import HDBSCAN

    least = max(5, round(LEAST_GROUP * len(places)))
    labels = HDBSCAN(min_cluster_size=least, min_samples=min(_REACH, len(places)), copy=True).fit_predict(places)
    return int(labels.max()) + 1


def tree_gap(places: NDArray[np.floating]) -> float:
    """Compare the longest edges of the minimal spanning tree with the ordinary ones.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        At least 4 points.

    Returns
    -------
    float
        Quantile of 99.5 % over the median; 1 where half of the edges have no length.
    """
    corners = Delaunay(places, qhull_options=_QHULL).simplices
    pairs = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1)
    pairs = np.unique(pairs, axis=0)
    lengths = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    # The tree of a sparse matrix takes no edge for one of length 0.
    held = csr_matrix((np.maximum(lengths, _LEAST_DISTANCE), (pairs[:, 0], pairs[:, 1])), shape=(len(places),) * 2)
    edges = minimum_spanning_tree(held).data
    middle = float(np.median(edges))
    return float(np.quantile(edges, _GAP)) / middle if middle > _LEAST_DISTANCE else 1.0


def clark_evans(places: NDArray[np.floating]) -> float:
    """Compare distances to the nearest point with those of points thrown at random into the convex hull.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        At least 4 points.

    Returns
    -------
    float
        Mean distance over 0.5 sqrt(area / n).
    """
    nearest = _on_map(places, places, 1)[0][:, 1]
    area = float(ConvexHull(places, qhull_options=_QHULL).volume)  # what qhull calls volume is the area in a plane
    return float(nearest.mean() / (0.5 * np.sqrt(area / len(places))))


def kept_neighbours(
    places: NDArray[np.floating], nearest: NDArray[np.integer], rows: NDArray[np.integer] | None = None
) -> float:
    """Find the share of the nearest neighbours in space that are near on the map.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        The map, at least 2 points.
    nearest : ndarray of shape (n, k)
        Rows of the nearest points in space of every point; the first 10 are looked for.
    rows : ndarray of int64, optional
        The points that are asked; by default all.

    Returns
    -------
    float
        Mean over the points of the share of their 10 nearest in space that are among their 30 nearest on the map.
        Chance alone gives 30 / (n − 1).
    """
    asked = np.arange(len(places)) if rows is None else rows
    among = min(AMONG, len(places) - 1)
    found = _on_map(places, places[asked], among)[1]
    own = nearest[asked, :NEAR]
    inside = (own[:, :, None] == np.where(found == asked[:, None], -1, found)[:, None, :]).any(axis=2)
    return float(inside.mean())


def _on_map(
    places: NDArray[np.floating], asked: NDArray[np.floating], k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances and rows of the k nearest places and, mostly as the first, the asked place itself."""
    distances, rows = cKDTree(places).query(asked, k + 1)
    return np.asarray(distances), np.asarray(rows)
