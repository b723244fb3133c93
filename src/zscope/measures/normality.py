"""How far codes are from a multivariate normal cloud: axis by axis, along leading components, and all at once."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from zscope.clouds.moments import mean_and_covariance, row_chunks
from zscope.measures.base import LatentCodes, Measure, Measurement, row_list
from zscope.measures.goodness import (
    anderson_darling,
    anderson_darling_p,
    holm,
    law_distance,
    lilliefors_p,
    normal_distances,
)
from zscope.measures.words import counted
from zscope.typing import CodeArray, Json, JsonDict, Progress

LEADING = 20
"""Principal components that are looked at one by one."""

_LEAST = 8
_STEP = float(np.finfo(np.float32).eps)
_NAMED = 12


@dataclass(frozen=True, eq=False)
class Normalised:
    """How to centre, scale and whiten codes by their mean and covariance.

    Attributes
    ----------
    mean, sd : ndarray of shape (d,)
        Of every axis; sd is 0 where an axis is constant but for the rounding of float32.
    whitening : ndarray of shape (d, r)
        W with (z − μ) W of covariance I, in r directions.
    leading : ndarray of shape (d, k)
        The k ≤ 20 leading principal components, scaled alike.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    whitening: NDArray[np.float64]
    leading: NDArray[np.float64]

    @classmethod
    def of(cls, points: CodeArray) -> "Normalised":
        """Take mean and covariance of points.

        Directions whose variance is no more than what the rounding of float32 adds are left out: below 1e-9 of that of
        a scaled axis, or 1e-13 of the largest squared mean where the points lie far from the origin.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            At least 2.

        Returns
        -------
        Normalised
            With r ≤ min(n − 1, d) directions, 0 if all points are one.
        """
        mean, covariance = mean_and_covariance(points)
        sd = np.sqrt(np.diag(covariance))
        sd[sd <= 4 * _STEP * np.abs(mean)] = 0
        moving = np.flatnonzero(sd > 0)
        if not len(moving):
            nothing = np.zeros((len(mean), 0))
            return cls(mean, sd, nothing, nothing)
        scale = sd[moving]
        spreads, directions = np.linalg.eigh(covariance[np.ix_(moving, moving)] / np.outer(scale, scale))
        floor = 1e-9 + 1e-13 * float(np.square(mean[moving] / scale).max())
        kept = np.flatnonzero(spreads > floor)[-(len(points) - 1) :]
        whitening = np.zeros((len(mean), len(kept)))
        whitening[moving] = directions[:, kept] / scale[:, None] / np.sqrt(spreads[kept])
        widths, components = np.linalg.eigh(covariance)
        visible = np.flatnonzero(widths > 1e-9 * widths[-1] + 1e-13 * float(np.square(mean).max()))
        leading = visible[::-1][: min(LEADING, len(kept))]
        return cls(mean, sd, whitening, components[:, leading] / np.sqrt(widths[leading]))

    @property
    def rank(self) -> int:
        """Number of directions r."""
        return int(self.whitening.shape[1])

    def coordinates(self, points: CodeArray) -> tuple[CodeArray, CodeArray]:
        """Give points in whitened directions and along the leading components.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            Codes, or a draw that shares their mean and covariance.

        Returns
        -------
        whitened : ndarray of shape (n, r), float32
            Their squared lengths are the squared Mahalanobis distances.
        leading : ndarray of shape (n, k), float32
            Standardised scores.
        """
        # Scaled first, so that every number of the product in single precision is of the size of one.
        scale = np.where(self.sd > 0, self.sd, 1.0)
        both = (np.concatenate([self.whitening, self.leading], axis=1) * scale[:, None]).astype(np.float32)
        found = np.empty((len(points), both.shape[1]), dtype=np.float32)
        for rows in row_chunks(len(points)):
            found[rows] = ((points[rows] - self.mean) / scale).astype(np.float32) @ both
        return found[:, : self.rank], found[:, self.rank :]


def squared_lengths(whitened: CodeArray) -> NDArray[np.float64]:
    """Squared Mahalanobis distances of whitened points.

    Parameters
    ----------
    whitened : ndarray of shape (n, r)
        From `Normalised.coordinates`.

    Returns
    -------
    ndarray of shape (n,), float64
        D².
    """
    return np.asarray(np.einsum("ij,ij->i", whitened, whitened), dtype=np.float64)


def mahalanobis_distance(squares: NDArray[np.float64], rank: int) -> float:
    """Kolmogorov–Smirnov distance of squared Mahalanobis distances from their law in a normal sample.

    By the sample's own mean and covariance (divisor n − 1), n D² / (n − 1)² has exactly the distribution
    Beta(r / 2, (n − r − 1) / 2) (Gnanadesikan & Kettenring 1972).

    Parameters
    ----------
    squares : ndarray of shape (n,)
        D².
    rank : int
        r, at least 1 and below n − 1.

    Returns
    -------
    float
        0 … 1.
    """
    n = len(squares)
    shares = np.minimum(np.sort(squares) * (n / (n - 1) ** 2), 1.0)
    return float(law_distance(betainc(rank / 2, (n - rank - 1) / 2, shares)))


def mardia_kurtosis(squares: NDArray[np.float64], rank: int) -> float:
    """Mardia's kurtosis over its expectation in a normal sample (Mardia 1970).

    b₂ = mean of D⁴ with covariances of divisor n; E b₂ = r (r + 2) (n − 1) / (n + 1).

    Parameters
    ----------
    squares : ndarray of shape (n,)
        Squared Mahalanobis distances D², with covariances of divisor n − 1.
    rank : int
        Number of directions r.

    Returns
    -------
    float
        1 for a normal cloud, above 1 for heavy tails.
    """
    n = len(squares)
    kurtosis = float(np.mean(np.square(squares))) * (n / (n - 1)) ** 2
    return kurtosis * (n + 1) / ((n - 1) * rank * (rank + 2))


def mardia_skewness(whitened: NDArray[np.floating[Any]]) -> float:
    """Mardia's skewness E (yᵀy′)³ over pairs of different points (Mardia 1970), without the bias of equal ones.

    Parameters
    ----------
    whitened : ndarray of shape (n, r)
        At least 2 points, of covariance I.

    Returns
    -------
    float
        0 for a symmetric cloud; for independent axes the sum of their squared skewnesses.
    """
    n = len(whitened)
    products = whitened @ whitened.T
    np.fill_diagonal(products, 0.0)
    return float((np.square(products) * products).sum(dtype=np.float64)) / (n * (n - 1))


@dataclass(frozen=True)
class NormalityMeasure(Measure):
    """Every axis and leading component against a normal law, and Mardia's kurtosis, of the codes that are tested.

    Attributes
    ----------
    level : float
        Axes are rejected at this level, corrected for all axes by Holm's method.
    """

    name: ClassVar[str] = "normality"
    title: ClassVar[str] = "Multivariate normal?"

    level: float = 0.01

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are codes enough.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        n = codes.sample.n
        if n < _LEAST:
            return f"a distribution cannot be seen in {counted(n, 'distinct code')}, it takes {_LEAST}"
        return None

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        sample = codes.sample
        moments = Normalised.of(sample.points)
        whitened, leading = moments.coordinates(sample.points)
        distances = normal_distances(sample.points, moments.mean, moments.sd)
        squares = anderson_darling(sample.points, moments.mean, moments.sd)
        moving = moments.sd > 0
        distances[~moving] = np.nan
        corrected = holm(anderson_darling_p(squares, sample.n))
        rejected = np.flatnonzero(corrected <= self.level)
        order = rejected[np.argsort(-squares[rejected], kind="stable")]
        named: list[Json] = [int(axis) for axis in order[:_NAMED]]
        return Measurement(
            self.name,
            {
                "n": sample.n,
                "of": sample.of,
                "per_axis": {
                    "ks": row_list(distances),
                    "ks_p": row_list(holm(np.where(moving, lilliefors_p(distances, sample.n), np.nan))),
                    "anderson_darling": row_list(squares),
                    "anderson_darling_p": row_list(corrected),
                },
                "p_values": "corrected for the number of axes (Holm)",
                "rejected": {
                    "by": "Anderson–Darling",
                    "level": self.level,
                    "count": len(rejected),
                    "of": int(moving.sum()),
                    "axes": named,
                },
                "components": {"ks": row_list(normal_distances(leading))},
                "mardia": _mardia(squared_lengths(whitened), moments.rank),
                "note": "the test of Henze and Zirkler is left out: beyond 20 axes its figure is one for all clouds",
            },
        )


def _mardia(squares: NDArray[np.float64], rank: int) -> JsonDict:
    """Kurtosis and its ratio to a normal sample's; None where the sample's own covariance leaves it no choice."""
    n = len(squares)
    if not 0 < rank < n - 1:
        return {"directions": rank, "kurtosis": None, "expected": None, "ratio": None}
    ratio, expected = mardia_kurtosis(squares, rank), rank * (rank + 2) * (n - 1) / (n + 1)
    return {"directions": rank, "kurtosis": ratio * expected, "expected": expected, "ratio": ratio}
