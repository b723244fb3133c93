"""Which axes carry anything, and which have collapsed."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.measures.base import LatentCodes, Measure, Measurement, row_list
from zscope.measures.kl import kl_sums, posteriors
from zscope.typing import Json, JsonDict, Progress

LEAST_VARIANCE, LEAST_KL = 0.01, 0.01
"""Bounds of an active axis of a variational autoencoder: squared latent units, and nats."""


def active_posteriors(
    codes: LatentCodes, least_variance: float = LEAST_VARIANCE, least_kl: float = LEAST_KL
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which axes of a variational autoencoder pass each of the two bounds; an active axis passes both.

    Parameters
    ----------
    codes : LatentCodes
        At least 2 points, with log-variances.
    least_variance, least_kl : float
        Bounds on the variance of the posterior mean over the data, and on the mean KL.

    Returns
    -------
    by_variance, by_kl : ndarray of shape (d,)
        Whether each axis passes.

    Raises
    ------
    CodesError
        If there are no log-variances.
    """
    per_axis, _ = kl_sums(*posteriors(codes))
    return codes.mean.var(axis=0, dtype=np.float64, ddof=1) > least_variance, per_axis > least_kl


@dataclass(frozen=True)
class ActivityMeasure(Measure):
    """Active and collapsed axes.

    For a variational autoencoder an axis is active if the variance of its posterior mean over the data passes
    `least_variance` (Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders") and its KL, mean over the
    data, passes `least_kl`: a collapsed axis can pass the one and not the other. Both counts are reported, with the
    axes on which they disagree.

    The scale of an autoencoder's codes is free, so that a bound in latent units means nothing: there an axis is active
    if its variance is more than `least_relative_variance` of the largest axis's. The largest, and not the median,
    because the median axis may itself have collapsed; 1e-4 (a hundredth in standard deviation) lies far below the
    ordinary axes even where a few dominate tenfold.

    Attributes
    ----------
    least_variance : float
        In squared latent units of a variational autoencoder, whose prior has variance 1.
    least_kl : float
        In nats.
    least_relative_variance : float
        Share of the largest variance.
    """

    name: ClassVar[str] = "activity"
    title: ClassVar[str] = "Active and collapsed axes"

    least_variance: float = LEAST_VARIANCE
    least_kl: float = LEAST_KL
    least_relative_variance: float = 1e-4

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there is a variance over the data.

        Parameters
        ----------
        codes : LatentCodes
            The codes in question.

        Returns
        -------
        str or None
            The reason why not.
        """
        return None if codes.n >= 2 else "a variance over the data needs at least 2 codes, got 1"

    def _measure(self, codes: LatentCodes, rng: np.random.Generator, progress: Progress) -> Measurement:  # noqa: ARG002
        variance = codes.mean.var(axis=0, dtype=np.float64, ddof=1)
        if codes.logvar is None:
            largest = float(variance.max())
            active = variance > self.least_relative_variance * largest
            found: JsonDict = {
                "criterion": f"variance above {self.least_relative_variance:g} of the largest axis's",
                "threshold": self.least_relative_variance * largest,
            }
        else:
            by_variance, by_kl = active_posteriors(codes, self.least_variance, self.least_kl)
            active = by_variance & by_kl
            found = {
                "criterion": f"variance of the posterior mean above {self.least_variance:g} and KL above "
                f"{self.least_kl:g} nats",
                "threshold": self.least_variance,
                "active_by_variance": int(by_variance.sum()),
                "active_by_kl": int(by_kl.sum()),
                "disagree": _axes(by_variance != by_kl),
            }
        return Measurement(
            self.name,
            {
                **found,
                "active": int(active.sum()),
                "dimension": codes.dimension,
                "collapsed_axes": _axes(~active),
                "variance": variance.tolist(),
                "log10_variance": _log10(variance),
            },
        )


def _axes(chosen: NDArray[np.bool_]) -> list[Json]:
    return [int(axis) for axis in np.flatnonzero(chosen)]


def _log10(variance: NDArray[Any]) -> list[Json]:
    with np.errstate(divide="ignore"):
        return row_list(np.log10(variance))
