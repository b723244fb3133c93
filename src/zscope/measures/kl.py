"""The Kullback–Leibler divergence of the posteriors from the prior, axis by axis."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.errors import CodesError
from zscope.measures.base import LatentCodes, Measure, Measurement, finite_or_none, row_list
from zscope.typing import CodeArray, Progress

NO_LOGVAR = "these codes have no log-variances"


def posteriors(codes: LatentCodes) -> tuple[CodeArray, CodeArray]:
    """Means and log-variances of codes that have both.

    Parameters
    ----------
    codes : LatentCodes
        A variational autoencoder's.

    Returns
    -------
    mean, logvar : ndarray of shape (N, d), float32
        μ and ln σ².

    Raises
    ------
    CodesError
        If there are no log-variances.
    """
    if codes.logvar is None:
        raise CodesError(NO_LOGVAR)
    return codes.mean, codes.logvar


def kl_to_standard_normal(mean: NDArray[Any], logvar: NDArray[Any]) -> NDArray[np.float64]:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − ln σ²), entry by entry (Kingma & Welling 2014, appendix B).

    Parameters
    ----------
    mean, logvar : ndarray of the same shape
        μ and ln σ².

    Returns
    -------
    ndarray of that shape, float64
        In nats; infinite where σ² is beyond double precision.
    """
    location, log_scale = np.asarray(mean, dtype=np.float64), np.asarray(logvar, dtype=np.float64)
    with np.errstate(over="ignore"):
        # expm1 keeps the digits of σ² − 1 near σ = 1, where the whole divergence is small.
        return np.asarray(0.5 * (location**2 + np.expm1(log_scale) - log_scale))


def kl_sums(mean: NDArray[Any], logvar: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """KL of every axis, mean over the points, and of every point, sum over the axes.

    Parameters
    ----------
    mean, logvar : ndarray of shape (N, d)
        μ and ln σ².

    Returns
    -------
    per_axis : ndarray of shape (d,), float64
        In nats.
    per_point : ndarray of shape (N,), float64
        In nats.
    """
    per_axis, per_point = np.zeros(mean.shape[1]), np.empty(len(mean))
    for rows in row_chunks(len(mean)):
        nats = kl_to_standard_normal(mean[rows], logvar[rows])
        per_axis += nats.sum(axis=0)
        per_point[rows] = nats.sum(axis=1)
    return per_axis / len(mean), per_point


@dataclass(frozen=True)
class DivergenceMeasure(Measure):
    """KL of the posteriors from N(0, I), in nats, per axis and in all."""

    name: ClassVar[str] = "kl"
    title: ClassVar[str] = "KL divergence from the prior"

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are posteriors.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return NO_LOGVAR if codes.logvar is None else None

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        per_axis, per_point = kl_sums(*posteriors(codes))
        with np.errstate(over="ignore"):
            column = per_point.astype(np.float32)
        return Measurement(
            self.name,
            {
                "unit": "nats",
                "per_axis": row_list(per_axis),
                "total": finite_or_none(per_axis.sum()),
                "min": finite_or_none(per_point.min()),
                "max": finite_or_none(per_point.max()),
            },
            {"kl": np.where(np.isfinite(column), column, np.float32(np.nan))},
        )
