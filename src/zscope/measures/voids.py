"""Voids: how far from the nearest code a place lies, in full space and in the leading components."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import LatentCodes, Measure, Measurement, finite_or_none
from zscope.measures.neighbours import nearest_distances, nearest_neighbours
from zscope.measures.normality import Normalised
from zscope.measures.sample import Sample
from zscope.typing import CodeArray, JsonDict, Progress

COMPONENTS = (2, 3, 5)
"""Numbers of leading components in which voids are looked for."""

HOLLOW = 0.75
"""Share of a uniform ball's spread of radii below which a cloud is hollow: three quarters, so that samples of balls,
which are not, stay above it from 200 points on."""

ALL = "all"
"""Name of the space of all dimensions."""

_LEAST_DISTANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Space:
    """Where distances are taken: in some leading components, each in its own standard deviations, or everywhere.

    Attributes
    ----------
    name : str
        ``2d`` … for so many components, or ``all``.
    centre : ndarray of shape (d,), float32
        Subtracted first.
    directions : ndarray of shape (d, c), float32, or None
        Components divided by the standard deviations of the codes along them, so that a stretched cloud is searched as
        closely along its short axes; None: all dimensions, in latent units.
    unit : float
        Typical extent of the codes in the space's own units: 1, or the root of their total variance.
    """

    name: str
    centre: CodeArray
    directions: CodeArray | None
    unit: float

    def project(self, points: CodeArray) -> CodeArray:
        """Give the coordinates of points.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            Of the codes or of a null draw.

        Returns
        -------
        ndarray of shape (n, c), float32
            The points themselves in the space of all dimensions.
        """
        return points if self.directions is None else np.asarray((points - self.centre) @ self.directions)

    def nearest(self, sample: Sample, places: CodeArray) -> NDArray[np.float32]:
        """Distance from each place to the nearest point of a cloud.

        Parameters
        ----------
        sample : Sample
            The cloud.
        places : ndarray of shape (p, c)
            From `project`; no points of this cloud.

        Returns
        -------
        ndarray of shape (p,)
            In the space's own units.
        """
        if self.directions is None:
            return sample.nearest_to(places)
        return nearest_distances(self.project(sample.points), places)


def spaces(points: CodeArray) -> tuple[Space, ...]:
    """Find the spaces of a cloud: its leading 2, 3 and 5 components, and all dimensions where there are more than 5.

    Where codes vary in fewer directions there are fewer spaces, the last with all of these directions: 1 of a line.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The codes. The same spaces serve for null draws, whose covariance is the same, or nearly (copula, elliptical).

    Returns
    -------
    tuple of Space
        Empty for a single place.
    """
    moments = Normalised.of(points)
    centre = moments.mean.astype(np.float32)
    leading = moments.leading.astype(np.float32)
    most = leading.shape[1]
    found = [
        Space(f"{count}d", centre, np.ascontiguousarray(leading[:, :count]), 1.0)
        for count in dict.fromkeys(min(number, most) for number in COMPONENTS if most)
    ]
    if moments.rank > max(COMPONENTS):
        found.append(Space(ALL, centre, None, float(np.linalg.norm(moments.sd))))
    return tuple(found)


def void_share(distances: NDArray[np.float32], pilots: NDArray[np.float32]) -> float:
    """Share of places that lie further from a cloud than from each of several pilot clouds.

    With K pilots of as many points, and the cloud ρ times as dense about a place as they are, the place is counted with
    probability Π_{k=1}^{K} k / (k + ρ). (In units of the pilots' density the volumes of the empty balls are
    exponential, with rate 1 for a pilot and ρ for the cloud; the largest of K is Σ E_k / k with independent E_k, and
    the cloud's exceeds it with probability E exp(−ρ Σ E_k / k).) That is 1 for a void, 1 / (K + 1) for ρ = 1, and does
    not depend on the number of points: with 19 pilots 0.20 for ρ = 1/2 and 0.05 for ρ = 1. It is convex in ρ, so that
    the mean over the null's places is not below 1 / (K + 1), whatever the cloud is.

    This holds where densities hardly change over the distance to the nearest point. In hundreds of dimensions that
    distance is about as large as the cloud: points near the centre are then near to every place, and a cloud with heavy
    tails, which has many of them, can have a share far below 1 / (K + 1).

    Parameters
    ----------
    distances : ndarray of shape (p,)
        From each place to the nearest point of the cloud.
    pilots : ndarray of shape (K, p)
        The same for each pilot cloud.

    Returns
    -------
    float
        0 … 1.
    """
    return float(np.mean(distances > pilots.max(axis=0)))


def mean_log_ratio(distances: NDArray[np.float32], pilots: NDArray[np.float32], unit: float) -> float:
    """Mean logarithm of the distance to a cloud over the median of the distances to pilot clouds.

    Parameters
    ----------
    distances, pilots : ndarray of shape (p,) and (K, p)
        As for `void_share`.
    unit : float
        Typical extent of the cloud; below a millionth of it all distances are taken as equal.

    Returns
    -------
    float
        0 where cloud and pilots are alike.
    """
    least = _LEAST_DISTANCE * unit
    usual = np.maximum(np.median(pilots, axis=0), least)
    return float(np.mean(np.log(np.maximum(distances, least) / usual), dtype=np.float64))


def radius_spread(points: CodeArray) -> float | None:
    """Interquartile range of the logarithms of the Mahalanobis radii, over that of a Gaussian cloud.

    Squared radii of n Gaussian points about their own mean, by their own covariance (divisor n − 1) of rank r, are
    (n − 1)² / n times a Beta(r/2, (n − r − 1)/2) variable (Gnanadesikan & Kettenring 1972, "Robust Estimates, Residuals
    and Outlier Detection with Multiresponse Data").

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The codes.

    Returns
    -------
    float or None
        Above 1 for heavy tails, below 1 for a shell, whatever single outliers do; None where n ≤ r + 1, or for a single
        place.
    """
    from scipy.stats import beta

    found = _log_range(points)
    if found is None:
        return None
    span, rank = found
    expected = beta(rank / 2, (len(points) - rank - 1) / 2)
    return span / float(np.log(expected.ppf(0.75) / expected.ppf(0.25)) / 2)


def hollow(points: CodeArray) -> bool:
    """Tell whether a cloud is empty about its centre, by its Mahalanobis radii.

    Where an ellipsoidal cloud nowhere grows denser outwards, R^r is a mixture of uniform variables that begin at 0 (r
    dimensions), and log R spreads at least as much as in a uniform ball, whose interquartile range is ln 3 / r. The
    cloud is hollow where it spreads less than `HOLLOW` of that.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        The codes.

    Returns
    -------
    bool
        False too where radii cannot tell: few points, a single place, or so many dimensions that the estimate of the
        covariance alone spreads the radii as much (from some 0.86 √n dimensions on).
    """
    found = _log_range(points)
    return found is not None and found[0] < HOLLOW * np.log(3) / found[1]


def _log_range(points: CodeArray) -> tuple[float, int] | None:
    """Interquartile range of the logarithm of the Mahalanobis radius, and the number of directions."""
    moments = Normalised.of(points)
    if moments.rank == 0 or len(points) <= moments.rank + 1:
        return None
    whitened, _ = moments.coordinates(points)
    low, high = np.quantile(np.einsum("ij,ij->i", whitened, whitened), [0.25, 0.75])
    return (float(np.log(high / low)) / 2, moments.rank) if low > 0 else None


@dataclass(frozen=True)
class VoidMeasure(Measure):
    """How far codes lie from each other, where voids are looked for.

    Voids themselves are a matter of comparison: in 256 dimensions every cloud is empty nearly everywhere. They are
    decided by `zscope.nulls.voids.VoidBattery`. The figures are those of the tested codes: ``nearest`` holds for each
    space the median, the 99 % quantile and the largest of the distances from a query to the nearest other code, in
    standard deviations of each component (``2d``, ``3d``, ``5d``) or in latent units (``all``); ``radius_spread`` says
    how widely the Mahalanobis radii spread (see there).
    """

    name: ClassVar[str] = "voids"
    title: ClassVar[str] = "Voids"

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether codes have neighbours.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        if codes.n == 1:
            return "there is only one code"
        return None if codes.sample.n >= 2 else "all codes are the same point"

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        sample = codes.sample
        nearest: JsonDict = {}
        for space in spaces(sample.points):
            if space.directions is None:
                distances = sample.neighbours.distances[:, 0]
            else:
                distances = nearest_neighbours(space.project(sample.points), 1, queries=sample.queries).distances[:, 0]
            median, far = np.quantile(distances, [0.5, 0.99])
            nearest[space.name] = {
                "median": finite_or_none(median),
                "far": finite_or_none(far),
                "largest": finite_or_none(distances.max()),
            }
        return Measurement(
            self.name,
            {
                "nearest": nearest,
                "radius_spread": radius_spread(sample.points),
                "n": sample.n,
                "of": sample.of,
                "queries": len(sample.queries),
                "duplicates": sample.duplicates,
            },
        )
