"""Intrinsic dimension of codes by scale: how many ways they can go, seen from the distances to the nearest neighbours.

Absolute values mean nothing: a smooth cloud in 256 dimensions shows 60 to 80 by any of these figures, and the more of
its points there are, the more. Only the ratio to a null cloud of as many points does.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import LatentCodes, Measure, Measurement
from zscope.measures.neighbours import Neighbours
from zscope.measures.sample import MOST_NEIGHBOURS, Sample
from zscope.measures.words import counted
from zscope.typing import CodeArray, JsonDict, Progress

SCALES = (5, 10, 20, 50, 100, MOST_NEIGHBOURS)
"""Numbers of neighbours at which the dimension is estimated."""

DOUBLING_SCALES = (4, 8, 20, 50, 100, MOST_NEIGHBOURS)
"""Numbers of neighbours to which the doubling dimension looks. It starts at 4, for with the nearest neighbour alone it
would see near-duplicates, and goes on in numbers whose halves are even (or large), so that neighbours in pairs of
near-duplicates double as single ones do."""

LOCAL_SCALES = (20, 50)
"""Numbers of neighbours of a local principal component analysis."""

CONTRAST_SCALE = 100
"""The widest number of neighbours for contrast and hubs."""

MOST = 1e6
"""What an estimate gives where all neighbours are equally far, and it would be infinite."""

_LOCAL_QUERIES = 500
_DISCARDED = 0.1


def two_nn(first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]) -> float:
    """Dimension by the two nearest neighbours (Facco, d'Errico, Rodriguez & Laio 2017).

    Where density does not change between the two, μ = r₂ / r₁ has the distribution F(μ) = 1 − μ^(−m) in m dimensions:
    m is the slope of −log(1 − F) over log μ through the origin, by least squares, without the tenth of the largest μ.

    Parameters
    ----------
    first, second : ndarray of shape (m,)
        Distances to the nearest neighbour and the next, the query itself left out. Queries with a neighbour at distance
        0, and without a second one, are left out.

    Returns
    -------
    float
        At most 1e6; 0 if fewer than two queries are left, since a point has no dimension.
    """
    usable = (first > 0) & np.isfinite(second)
    ratios = np.sort(np.log(second[usable], dtype=np.float64) - np.log(first[usable], dtype=np.float64))
    kept = int(len(ratios) * (1 - _DISCARDED))
    if kept < 2:
        return 0.0
    expected = -np.log1p(-np.arange(1, kept + 1) / len(ratios))
    return _bounded_ratio(float(ratios[:kept] @ expected), float(ratios[:kept] @ ratios[:kept]))


def levina_bickel(distances: NDArray[np.floating[Any]], k: int) -> float:
    """Maximum-likelihood dimension at the scale of k neighbours (Levina & Bickel 2005).

    Of each query 1 / m = mean over j < k of log(r_k / r_j); the 1 / m are averaged over the queries, which is the
    maximum-likelihood estimate for all of them together (MacKay & Ghahramani 2005).

    Parameters
    ----------
    distances : ndarray of shape (m, K)
        Distances to the nearest neighbours, rising, the query itself left out. Queries with a neighbour at distance 0,
        and with fewer than k, are left out.
    k : int
        From 2 to K.

    Returns
    -------
    float
        At most 1e6; 0 if no query is left.
    """
    usable = (distances[:, 0] > 0) & np.isfinite(distances[:, k - 1])
    if not usable.any():
        return 0.0
    logs = np.log(distances[usable, :k], dtype=np.float64)
    return _bounded_ratio(1.0, float(np.mean(logs[:, -1] - logs[:, :-1].mean(axis=1))))


def doubling_dimension(distances: NDArray[np.floating[Any]], k: int) -> float:
    """Dimension by how much further one must go for twice as many neighbours: log 2 / median of log(r_k / r_{k/2}).

    Under constant density (r_{k/2} / r_k)^m has the distribution Beta(k/2, k/2) in m dimensions (Denti, Doimo, Laio &
    Mira 2022, "The generalized ratios intrinsic dimension estimator"), whose median is ½ for every k. As a median it
    does not mind what fewer than half of the codes do; from k = 4 on, where the nearest neighbour does not count, not
    even one near-duplicate of each; and noise that thickens a sheet stays out of it where it is below r_{k/2}.

    Parameters
    ----------
    distances : ndarray of shape (m, K)
        Distances to the nearest neighbours, rising, the query itself left out. Queries with fewer than k are left out.
    k : int
        Even, from 2 to K.

    Returns
    -------
    float
        At most 1e6; 0 if no query is left, or if most have k/2 neighbours at distance 0.
    """
    near, far = distances[:, k // 2 - 1], distances[:, k - 1]
    usable = np.isfinite(far)
    if not usable.any():
        return 0.0
    # The median of ratios is that of their logarithms, and a ratio to 0 needs none.
    shrunk = float(np.median(np.divide(near[usable], far[usable], out=np.zeros(usable.sum()), where=far[usable] > 0)))
    return _bounded_ratio(float(np.log(2)), -float(np.log(shrunk))) if shrunk > 0 else 0.0


def _bounded_ratio(above: float, below: float) -> float:
    return MOST if above >= MOST * below else above / below


def local_participation_ratio(points: CodeArray, indices: NDArray[np.integer[Any]], k: int) -> float:
    """Participation ratio of principal components among k neighbours, its median over the queries.

    (Σ λ)² / Σ λ² of the eigenvalues λ of the neighbours' covariance. With the Gram matrix G of the centred neighbours
    it is (tr G)² / Σ G², which needs no eigenvalues.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Codes.
    indices : ndarray of shape (m, K)
        Rows of each query's nearest neighbours, nearest first.
    k : int
        From 2 to K.

    Returns
    -------
    float
        From 1 to the smaller of d and k − 1; 0 if all neighbours of every query coincide.
    """
    around = points[indices[:, :k]]
    around = around - around.mean(axis=1, keepdims=True)
    # Scaled, so that squares of squares of very large or small codes stay within float32.
    largest = np.abs(around).max(axis=(1, 2), keepdims=True)
    around /= np.where(largest > 0, largest, 1)
    gram = around @ around.transpose(0, 2, 1)
    trace = np.einsum("ijj->i", gram, dtype=np.float64)
    squares = np.einsum("ijk,ijk->i", gram, gram, dtype=np.float64)
    apart = squares > 0
    return float(np.median(trace[apart] ** 2 / squares[apart])) if apart.any() else 0.0


def contrast(distances: NDArray[np.floating[Any]], k: int) -> float:
    """Mean ratio of the distances to the nearest and to the k-th neighbour.

    It goes to 1 in many dimensions, where all neighbours are about equally far (Beyer et al. 1999).

    Parameters
    ----------
    distances : ndarray of shape (m, K)
        Rising; queries with fewer than k neighbours, or with k at distance 0, are left out.
    k : int
        From 2 to K.

    Returns
    -------
    float
        From 0 to 1; 1 if no query is left.
    """
    usable = (distances[:, k - 1] > 0) & np.isfinite(distances[:, k - 1])
    return float(np.mean(distances[usable, 0] / distances[usable, k - 1], dtype=np.float64)) if usable.any() else 1.0


def hub_skewness(indices: NDArray[np.integer[Any]], k: int, n: int) -> float:
    """Skewness of how often a point is among the k nearest of the queries (Radovanović et al. 2010).

    Parameters
    ----------
    indices : ndarray of shape (m, K)
        Rows of each query's nearest neighbours, nearest first; −1 where there are no more.
    k : int
        From 1 to K.
    n : int
        Number of points.

    Returns
    -------
    float
        Third standardised moment of the n counts; 0 where all are equal. High: a few points, the hubs, are near to
        very many.
    """
    found = indices[:, :k]
    counts = np.bincount(found[found >= 0], minlength=n).astype(np.float64)
    counts -= counts.mean()
    variance = float(np.mean(counts**2))
    return float(np.mean(counts**3)) / variance**1.5 if variance > 0 else 0.0


def scales_of(sample: Sample) -> tuple[int, ...]:
    """Scales at which a sample can be looked at: at most a quarter of the points that any query may have as neighbours.

    Parameters
    ----------
    sample : Sample
        Codes. With groups, points of the own group are no neighbours.

    Returns
    -------
    tuple of int
        Out of `SCALES`.
    """
    own = 1 if sample.groups is None else int(np.bincount(sample.groups).max())
    return tuple(k for k in SCALES if 4 * k <= sample.n - own)


def dimension_figures(sample: Sample, neighbours: Neighbours, scales: tuple[int, ...]) -> dict[str, float]:
    """All figures of one sample.

    Parameters
    ----------
    sample : Sample
        Codes or a null draw.
    neighbours : Neighbours
        Of its queries: with or without the own group.
    scales : tuple of int
        From `scales_of`, not empty.

    Returns
    -------
    dict of str to float
        ``twonn``; ``mle_K`` at every scale; ``doubling_K`` up to the widest one; ``participation_K`` at 20 and 50, of
        at most 500 queries; ``contrast_K`` and ``hub_skewness_K`` at the widest scale up to 100.
    """
    distances, indices = neighbours.distances, neighbours.indices
    wide = max(k for k in scales if k <= CONTRAST_SCALE)
    return {
        "twonn": two_nn(distances[:, 0], distances[:, 1]),
        **{f"mle_{k}": levina_bickel(distances, k) for k in scales},
        **{f"doubling_{k}": doubling_dimension(distances, k) for k in DOUBLING_SCALES if k <= max(scales)},
        **{
            f"participation_{k}": local_participation_ratio(sample.points, indices[:_LOCAL_QUERIES], k)
            for k in LOCAL_SCALES
            if k in scales
        },
        f"contrast_{wide}": contrast(distances, wide),
        f"hub_skewness_{wide}": hub_skewness(indices, wide, sample.n),
    }


@dataclass(frozen=True)
class DimensionMeasure(Measure):
    """Intrinsic dimension by scale, of a random choice of the codes."""

    name: ClassVar[str] = "dimension"
    title: ClassVar[str] = "Intrinsic dimension"

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are codes enough for the smallest scale.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        sample = codes.sample
        if scales_of(sample):
            return None
        least = 4 * SCALES[0] + 1
        if sample.n < least:
            return f"neighbours take at least {least} distinct codes, got {sample.n}"
        return f"all but {counted(int(sample.n - np.bincount(_groups(sample)).max()), 'code')} are of one group"

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        sample = codes.sample
        values: JsonDict = {
            **_described(sample, sample.neighbours, scales_of(sample)),
            "n": sample.n,
            "queries": len(sample.queries),
            "of": sample.of,
            "duplicates": sample.duplicates,
        }
        others = sample.neighbours_of_other_groups
        if others is not None:
            values["without_own_group"] = _described(sample, others, scales_of(sample))
        return Measurement(self.name, values)


def _groups(sample: Sample) -> NDArray[np.int64]:
    return np.arange(sample.n) if sample.groups is None else sample.groups


def _reach(name: str) -> int:
    return 2 if name == "twonn" else int(name.rsplit("_", 1)[1])


def _described(sample: Sample, neighbours: Neighbours, scales: tuple[int, ...]) -> JsonDict:
    figures = dimension_figures(sample, neighbours, scales)
    reach = {name: _reach(name) for name in figures if name.startswith(("twonn", "mle", "doubling"))}
    return {
        "dimension": {name: figures[name] for name in reach},
        "distance": {name: float(np.median(neighbours.distances[:, k - 1])) for name, k in reach.items()},
        **{name: value for name, value in figures.items() if name not in reach},
    }
