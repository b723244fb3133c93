"""The radius of codes: how far from the origin they lie, and what their mean and covariance alone would give."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaincinv, gammaln

from zscope.clouds.moments import mean_and_covariance, row_chunks
from zscope.measures.base import LatentCodes, Measure, Measurement, row_list
from zscope.measures.histogram import counts_on_interval, peak_by_parabola, scaled_interval, smooth_peak
from zscope.typing import Json, Progress

_SHELLS = ((12.0, 24.0), (14.0, 19.0))
_NODES = 512
_LOG_U = (-7.0, 28.0)


@dataclass(frozen=True)
class RadiusMoments:
    """What mean and covariance say about the radius R = |z| of Gaussian codes, in latent units.

    Attributes
    ----------
    mean, sd, peak : float
        Mean, standard deviation and most frequent value of R.
    mean_square, variance_square : float
        E R² and Var R² (exact for a Gaussian).
    """

    mean: float
    sd: float
    peak: float
    mean_square: float
    variance_square: float


def radii(codes: NDArray[Any]) -> NDArray[np.float64]:
    """Euclidean lengths of codes.

    Parameters
    ----------
    codes : ndarray of shape (N, d)
        Finite numbers.

    Returns
    -------
    ndarray of shape (N,), float64
        In latent units; added up in double precision.
    """
    lengths = np.empty(len(codes))
    for rows in row_chunks(len(codes)):
        lengths[rows] = np.linalg.norm(codes[rows].astype(np.float64), axis=1)
    return lengths


def predicted_radius(mean: NDArray[np.floating[Any]], covariance: NDArray[np.floating[Any]]) -> RadiusMoments:
    """Radius of Gaussian codes from their mean μ and covariance Σ alone.

    The cumulants of R² are E = |μ|² + tr Σ, Var = 2 tr Σ² + 4 μᵀΣμ and κ₃ = 8 tr Σ³ + 24 μᵀΣ²μ (Mathai & Provost 1992,
    "Quadratic Forms in Random Variables"). For mean and sd R² is taken as the shifted gamma variable a + b·Γ(k) that
    has these three: b = κ₃ / 2Var, k = Var / b², a = E − k b; with a = 0 that is Nakagami's distribution of R. The peak
    comes from the saddlepoint density of R² (Kuonen 1999, Biometrika 86), since a few wide axes skew the radius and
    pull its peak below what any three moments say. Both are exact for N(0, σ²I), where R is σχ_d with its peak at
    σ·sqrt(d − 1); with one axis six times as wide as the others the peak is right to 2 %.

    Parameters
    ----------
    mean : ndarray of shape (d,)
        μ, in latent units.
    covariance : ndarray of shape (d, d)
        Σ, positive semi-definite.

    Returns
    -------
    RadiusMoments
        15.98 ± 0.71 with the peak at 15.97 for N(0, I) in 256 dimensions.
    """
    centre, spread = np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    pull = spread @ centre
    expected = float(centre @ centre + np.trace(spread))
    variance = float(2 * np.sum(spread * spread) + 4 * centre @ pull)
    third = float(8 * np.sum(spread * (spread @ spread)) + 24 * pull @ pull)
    if variance <= expected**2 * 1e-24 or third <= 0:
        only = float(np.sqrt(max(expected, 0.0)))
        return RadiusMoments(only, 0.0, only, expected, variance)
    b = third / (2 * variance)
    k = variance / b**2
    a = expected - k * b
    # Gauss–Legendre over the probability; the moments are taken about sqrt(E), where nothing cancels.
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    squares = np.maximum(a + b * gammaincinv(k, (nodes + 1) / 2), 0.0)
    off = np.sqrt(squares) - np.sqrt(expected)
    shift = float(weights @ off) / 2
    sd = float(np.sqrt(max(float(weights @ off**2) / 2 - shift**2, 0.0)))
    return RadiusMoments(float(np.sqrt(expected)) + shift, sd, _peak(centre, spread), expected, variance)


def _peak(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """Most frequent R by the saddlepoint density of y = R².

    ln f(y) = K(s) − s y − ½ ln 2πK″(s) at K′(s) = y, with K(s) = Σ −½ ln(1 − 2sλ) + s m² / (1 − 2sλ) over the
    eigenvalues λ of Σ and the mean's coordinates m in its eigenvectors; R has the density 2R f(R²). It is searched
    along u = 1 − 2sλ_max, which runs through all y: from far outside (ln u = −7) down to the origin (28).
    """
    spreads, directions = np.linalg.eigh(covariance)
    spreads, squares = np.maximum(spreads, 0.0), (mean @ directions) ** 2
    widest = float(spreads[-1])

    def minus_log_density(log_u: float) -> float:
        s = (1 - np.exp(log_u)) / (2 * widest)
        shrunk = 1 - 2 * s * spreads
        first = np.sum(spreads / shrunk + squares / shrunk**2)
        second = np.sum(2 * spreads**2 / shrunk**2 + 4 * spreads * squares / shrunk**3)
        generating = np.sum(-0.5 * np.log(shrunk) + s * squares / shrunk)
        return float(-(generating - s * first - 0.5 * np.log(second) + 0.5 * np.log(first)))

    grid = np.linspace(*_LOG_U, 1001)
    best = int(np.argmin([minus_log_density(log_u) for log_u in grid]))
    bounds = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(minus_log_density, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    shrunk = 1 - (1 - np.exp(found.x)) * (spreads / widest)
    return float(np.sqrt(np.sum(spreads / shrunk + squares / shrunk**2)))


def radius_intervals(lengths: NDArray[np.float64]) -> tuple[float, float]:
    """Choose the two histogram intervals: 0.5 and 0.05, both scaled by the same power of ten where these do not fit.

    Parameters
    ----------
    lengths : ndarray of shape (N,)
        Radii.

    Returns
    -------
    coarse, fine : float
        0.5 and 0.05 wherever 0.5 cuts the range of the radii into 4 to 200 pieces.
    """
    coarse = scaled_interval(0.5, float(np.ptp(lengths)), fewest=4, most=200, largest=float(lengths.max()))
    return coarse, coarse / 10


def log_shell_volume(inner: NDArray[np.float64], outer: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Logarithm of the volume π^(d/2) / Γ(d/2 + 1) · (b^d − a^d) between two spheres around the origin.

    Parameters
    ----------
    inner, outer : ndarray of the same shape
        Radii a ≥ 0 and b > a.
    dimension : int
        d.

    Returns
    -------
    ndarray of that shape
        Natural logarithm of the volume in latent units to the power d, which itself would soon be beyond all numbers.
    """
    ball = dimension / 2 * np.log(np.pi) - gammaln(dimension / 2 + 1)
    # b^d − a^d = b^d (1 − (a / b)^d); expm1 keeps the digits of thin shells.
    with np.errstate(divide="ignore"):
        hollow = dimension * (np.log(inner) - np.log(outer))
    return np.asarray(ball + dimension * np.log(outer) + np.log(-np.expm1(hollow)))


def log_density(edges: NDArray[np.float64], counts: NDArray[np.integer[Any]], dimension: int) -> NDArray[np.float64]:
    """Logarithm of codes to a unit of volume in each shell: the density that counts of radii hide.

    Counts peak where shells have grown and the density has not yet fallen: those of N(0, I) at sqrt(d − 1), while its
    density is highest at the origin.

    Parameters
    ----------
    edges : ndarray of shape (m + 1,)
        Radii between the shells, from 0 or above.
    counts : ndarray of shape (m,)
        Codes in each shell.
    dimension : int
        d.

    Returns
    -------
    ndarray of shape (m,)
        ln count − ln volume; minus infinity for an empty shell.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(counts) - log_shell_volume(edges[:-1], edges[1:], dimension))


@dataclass(frozen=True)
class RadiusMeasure(Measure):
    """Histogram of the radius, its peak and what mean and covariance predict of it, and the density behind counts."""

    name: ClassVar[str] = "radius"
    title: ClassVar[str] = "Radius of the codes"

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        lengths = radii(codes.mean)
        coarse, fine = radius_intervals(lengths)
        histograms = {width: counts_on_interval(lengths, width) for width in (coarse, fine)}
        intervals: dict[str, Json] = {
            f"{width:g}": {"edges": edges.tolist(), "counts": counts.tolist()}
            for width, (edges, counts) in histograms.items()
        }
        shares: dict[str, Json] = {
            f"{low:g}_{high:g}": float(np.mean((lengths > low) & (lengths < high))) for low, high in _SHELLS
        }
        moments = asdict(predicted_radius(*mean_and_covariance(codes.mean)))
        return Measurement(
            self.name,
            {
                "of": "codes" if codes.logvar is None else "posterior means",
                "interval": coarse,
                "interval_fine": fine,
                "intervals": intervals,
                "log_density": row_list(log_density(*histograms[coarse], codes.dimension)),
                "log_density_unit": f"natural logarithm of codes to a unit of volume, in intervals of {coarse:g}",
                "peak": peak_by_parabola(*histograms[coarse]),
                "peak_method": f"parabola through the logarithms of the highest count of interval {coarse:g} "
                "and its two neighbours",
                "peak_fine": smooth_peak(lengths).place,
                "peak_fine_method": "highest point of a Gaussian kernel estimate with Silverman's bandwidth",
                "mean": float(lengths.mean()),
                "sd": float(lengths.std()),
                "min": float(lengths.min()),
                "max": float(lengths.max()),
                "share_within": shares,
                "moments": {key: moments[key] for key in ("mean", "sd", "peak")},
            },
            {"radius": lengths.astype(np.float32)},
        )
