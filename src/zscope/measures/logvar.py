"""The log-variances of a variational autoencoder, and how far a sampled code lies from its mean."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zscope.clouds.moments import row_chunks
from zscope.measures.base import LatentCodes, Measure, Measurement, finite_or_none
from zscope.measures.kl import NO_LOGVAR, posteriors
from zscope.measures.radius import radii
from zscope.typing import JsonDict, Progress


def sampled_codes(
    mean: NDArray[Any], logvar: NDArray[Any], rng: np.random.Generator, clip: float | None, factor: float = 1.0
) -> NDArray[np.float64]:
    """One draw z = μ + `factor` · exp(logvar / 2) ε of every posterior, ε ~ N(0, 1) clipped at ± `clip`.

    Parameters
    ----------
    mean, logvar : ndarray of shape (n, d)
        μ and ln σ².
    rng : numpy.random.Generator
        Source of ε.
    clip : float or None
        Bound on |ε|, above 0; None for none.
    factor : float
        Factor on the noise, at least 0.

    Returns
    -------
    ndarray of shape (n, d), float64
        z, in latent units.
    """
    noise = factor * rng.standard_normal(mean.shape)
    if clip is not None:
        noise = np.clip(noise, -factor * clip, factor * clip)
    with np.errstate(over="ignore"):
        return mean + np.exp(0.5 * logvar.astype(np.float64)) * noise


@dataclass(frozen=True)
class LogVarianceMeasure(Measure):
    """Extremes of the log-variances, and what one draw of each posterior changes: the code itself and its radius.

    Attributes
    ----------
    clip : float or None
        Bound on |ε| of the draw; None for none. The model's own, as `factor`.
    factor : float
        Factor on the noise of the draw.
    wide : float
        Log-variances above it are counted.
    far : float
        Components that the draw moves further than this are counted, in latent units.
    """

    name: ClassVar[str] = "logvar"
    title: ClassVar[str] = "Log-variances of the posteriors"

    clip: float | None = 5.0
    factor: float = 1.0
    wide: float = -3.0
    far: float = 0.05

    def applies(self, codes: LatentCodes) -> str | None:
        """Say whether there are log-variances.

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
        mean, logvar = posteriors(codes)
        from_mean, from_draw = radii(mean), np.empty(codes.n)
        furthest, far = 0.0, 0
        for rows in row_chunks(codes.n):
            drawn = sampled_codes(mean[rows], logvar[rows], rng, self.clip, self.factor)
            moved = np.abs(drawn - mean[rows])
            furthest = max(furthest, float(moved.max()))
            far += int(np.count_nonzero(moved > self.far))
            with np.errstate(over="ignore"):
                from_draw[rows] = np.linalg.norm(drawn, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = np.abs(from_draw - from_mean)
            relative = apart / from_mean
        return Measurement(
            self.name,
            {
                "logvar": {
                    **_extremes(logvar),
                    "components": logvar.size,
                    "above": {"bound": self.wide, "count": int(np.count_nonzero(logvar > self.wide))},
                },
                "shift": {"max": finite_or_none(furthest), "above": {"bound": self.far, "count": far}},
                "radius_of_draw": {**_extremes(from_draw), "sd": _spread(from_draw)},
                "radius_of_mean": {**_extremes(from_mean), "sd": _spread(from_mean)},
                "difference": {
                    "max": finite_or_none(apart.max()),
                    "mean": finite_or_none(apart.mean()),
                    "max_relative": finite_or_none(relative.max()),
                    "mean_relative": finite_or_none(relative.mean()),
                },
                "clip": self.clip,
                "factor": self.factor,
            },
        )


def _spread(lengths: NDArray[np.float64]) -> float | None:
    with np.errstate(over="ignore", invalid="ignore"):
        return finite_or_none(lengths.std())


def _extremes(numbers: NDArray[Any]) -> JsonDict:
    return {
        "max": finite_or_none(numbers.max()),
        "min": finite_or_none(numbers.min()),
        "mean": finite_or_none(numbers.mean(dtype=np.float64)),
    }
