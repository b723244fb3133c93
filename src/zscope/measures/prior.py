"""Prior and aggregate posterior: what of the KL tells images apart, and what is distance from the prior."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.moments import mean_and_covariance, row_chunks
from zscope.measures.base import LatentCodes, Measure, Measurement, chosen_rows, finite_or_none, row_list
from zscope.measures.kl import kl_sums
from zscope.typing import CodeArray, JsonDict, Progress

_POSTERIORS_AT_ONCE = 2000
_RESOLUTION = 0.01
_BESIDE = 40.0


def aggregate_moments(codes: LatentCodes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of all posteriors together, or of the codes of an autoencoder.

    The aggregate posterior q(z) = Σ q(z | x) / N has the mean of the means, and the covariance of the means (divisor N)
    plus the mean of the posterior variances on its diagonal.

    Parameters
    ----------
    codes : LatentCodes
        N codes.

    Returns
    -------
    mean : ndarray of shape (d,)
        In latent units.
    covariance : ndarray of shape (d, d)
        In squared latent units; infinite where a variance is beyond double precision.
    """
    mean, covariance = mean_and_covariance(codes.mean)
    covariance *= max(codes.n - 1, 1) / codes.n
    if codes.logvar is not None:
        noise = np.zeros(codes.dimension)
        with np.errstate(over="ignore"):
            for rows in row_chunks(codes.n):
                noise += np.exp(codes.logvar[rows].astype(np.float64)).sum(axis=0)
        covariance[np.diag_indices(codes.dimension)] += noise / codes.n
    return mean, covariance


def gaussian_divergence(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """KL(N(μ, Σ) ‖ N(0, I)) = ½ (tr Σ + |μ|² − d − ln det Σ).

    Parameters
    ----------
    mean : ndarray of shape (d,)
        μ.
    covariance : ndarray of shape (d, d)
        Σ.

    Returns
    -------
    float
        In nats; infinite where Σ is singular or not finite.
    """
    if not np.isfinite(covariance).all():
        return float("inf")
    sign, log_determinant = np.linalg.slogdet(covariance)
    if sign <= 0:
        return float("inf")
    return float(np.trace(covariance) + mean @ mean - len(mean) - log_determinant) / 2


def log_ratios(
    mean: CodeArray, logvar: CodeArray, rows: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """Draw from posteriors and compare each draw's own density with the mean of all: ln q(z | x) − ln q(z).

    The mean over draws estimates the mutual information I(x; z); no single value is above ln N. Densities come from
    matrix products in double precision, centred first; the draw's own comes from its noise and loses nothing. Where σ
    is far below the distances between codes the products cancel, by about 1e-16 z² / σ² nats a term.

    Parameters
    ----------
    mean, logvar : ndarray of shape (N, d)
        Of all posteriors.
    rows : ndarray of shape (M,), int64
        Posteriors to draw from.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of shape (M,), float64, or None
        In nats; None where a term that counts (within 40 nats of the largest) may be off by 0.01 nats or more.
    """
    centre = mean.mean(axis=0, dtype=np.float64)
    noise = rng.standard_normal((len(rows), mean.shape[1]))
    own_logvar = logvar[rows].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        draws = (mean[rows] - centre) + np.exp(0.5 * own_logvar) * noise
        squares = np.square(draws)
        own = -0.5 * (np.square(noise) + own_logvar).sum(axis=1)
        highest, total = own.copy(), np.ones(len(rows))
        for start in range(0, len(mean), _POSTERIORS_AT_ONCE):
            part = slice(start, start + _POSTERIORS_AT_ONCE)
            location, log_scale = mean[part] - centre, logvar[part].astype(np.float64)
            precision = np.exp(-log_scale)
            quadratic = squares @ precision.T
            constant = (precision * np.square(location)).sum(axis=1)
            logs = draws @ (precision * location).T - 0.5 * (quadratic + constant + log_scale.sum(axis=1))
            inside = np.flatnonzero((rows >= start) & (rows < start + len(location)))
            logs[inside, rows[inside] - start] = -np.inf
            top = np.maximum(highest, logs.max(axis=1))
            counts = logs > (top - _BESIDE)[:, None]
            size = float((quadratic + constant).max())
            beside = float((quadratic + constant)[counts].max(initial=0.0))
            if not (_rounding(size) < _BESIDE / 2 and _rounding(beside) < _RESOLUTION):
                return None
            total = total * np.exp(highest - top) + np.exp(logs - top[:, None]).sum(axis=1)
            highest = top
    return np.asarray(own - highest - np.log(total) + np.log(len(mean)))


def _rounding(size: float) -> float:
    return 4 * float(np.finfo(np.float64).eps) * size


@dataclass(frozen=True)
class PriorMeasure(Measure):
    """Moments of all posteriors together against N(0, I), and for a variational autoencoder the ELBO's surgery.

    The mean KL of the posteriors from the prior is the sum of two parts (Hoffman & Johnson 2016, "ELBO surgery"): the
    mutual information I(x; z) between image and code, at most ln N, and KL(q(z) ‖ p(z)), the distance of the aggregate
    posterior from the prior. The first is estimated by draws, the second is the difference. N images can be told apart
    by ln N nats and no more: where the first part has reached its bound, the second holds, besides true mismatch, what
    more images would move to the first.

    Attributes
    ----------
    max_points : int
        With more codes than this the surgery takes so many, chosen at random: its bound is ln of that number.
    draws : int
        Draws that estimate the mutual information.
    """

    name: ClassVar[str] = "prior"
    title: ClassVar[str] = "Prior and aggregate posterior"

    max_points: int = 20_000
    draws: int = 2000

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        mean, covariance = aggregate_moments(codes)
        variances = np.diag(covariance)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_axis = float(np.sum(variances + mean**2 - 1 - np.log(variances)) / 2)
        sd = np.sqrt(variances)
        return Measurement(
            self.name,
            {
                "unit": "nats",
                "of": "codes" if codes.logvar is None else "posterior draws",
                "n": codes.n,
                "aggregate": {
                    "mean_length": float(np.linalg.norm(mean)),
                    "mean_square_radius": finite_or_none(variances.sum() + mean @ mean),
                    "sd_min": finite_or_none(sd.min()),
                    "sd_median": finite_or_none(np.median(sd)),
                    "sd_max": finite_or_none(sd.max()),
                    "gaussian_kl": finite_or_none(gaussian_divergence(mean, covariance)),
                    "gaussian_kl_of_axes": finite_or_none(by_axis),
                },
                "per_axis": {"mean": row_list(mean), "sd": row_list(sd)},
                "surgery": self._surgery(codes, rng),
            },
        )

    def _surgery(self, codes: LatentCodes, rng: np.random.Generator) -> JsonDict | None:
        """Take the KL apart; None for an autoencoder."""
        if codes.logvar is None:
            return None
        chosen = chosen_rows(codes.n, self.max_points, rng)
        mean, logvar = codes.mean[chosen], codes.logvar[chosen]
        whole = float(kl_sums(mean, logvar)[0].sum())
        # Every posterior as often as any other, but for one.
        rows = np.resize(rng.permutation(len(chosen)), self.draws)
        ratios = log_ratios(mean, logvar, rows, rng)
        found: dict[str, Any] = {
            "n": len(chosen),
            "draws": self.draws,
            "mean_kl": finite_or_none(whole),
            "bound": float(np.log(len(chosen))),
        }
        if ratios is None:
            return found | {
                "mutual_information": None,
                "standard_error": None,
                "marginal_kl": None,
                "note": "the posteriors are too narrow or too wide for double precision",
            }
        information = float(ratios.mean())
        return found | {
            "mutual_information": information,
            "standard_error": float(ratios.std(ddof=1) / np.sqrt(self.draws)),
            "marginal_kl": finite_or_none(whole - information),
            "note": f"{len(chosen):,} codes can be told apart by their logarithm in nats and no more: at that bound "
            "more codes would raise the mutual information and lower the rest",
        }
