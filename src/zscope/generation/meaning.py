"""Where in the latent space codes are meaningful: what of a code predicts that it decodes to a meaningful image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from zscope.clouds.moments import mean_and_covariance, shrunk
from zscope.errors import CodesError, ParameterError
from zscope.judging.codes import code_spread, cycle_errors
from zscope.measures.neighbours import nearest_neighbours
from zscope.typing import CodeArray, FloatArray, JsonDict

PREDICTORS: dict[str, str] = {
    "radius": "distance from the origin",
    "radius_offset": "how far the radius is from the codes' median radius",
    "mahalanobis": "Mahalanobis distance from the codes' mean",
    "neighbour_distance": "mean distance to the nearest codes",
    "cycle": "re-encoding cycle: how far the image's own code is from the code",
}
"""What is tried, in words. Of each the smaller value is taken to predict a meaningful image."""

NEIGHBOURS = 5
"""So many nearest training codes are averaged over."""

LEAST_OF_EACH = 10
"""Fewer meaningful or meaningless images than this tell nothing of what predicts them."""

_FLOOR = 1e-6
"""Directions with less than this share of the codes' mean variance count as if they had it."""


@dataclass(frozen=True)
class Auc:
    """How well a predictor orders meaningful before meaningless images.

    Attributes
    ----------
    value : float
        P(predictor of a meaningful image < that of a meaningless one) + ½ P(equal): 0.5 is chance, 1 perfect; below
        0.5 the larger values are the meaningful ones.
    low, high : float
        Bounds of its 95 % interval.
    """

    value: float
    low: float
    high: float

    def as_json(self) -> JsonDict:
        """Give it as a JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high}


class Surroundings:
    """What is known of training codes, to place other codes among them.

    The covariance of fewer than 4 d codes is shrunk, as in the cloud `covariance`.

    Parameters
    ----------
    codes : ndarray of shape (N, d), float32
        Training codes, more than `NEIGHBOURS`.

    Attributes
    ----------
    spread : float
        Root mean square distance of the codes from their mean, in latent units.
    median_radius : float
        Median distance of the codes from the origin.

    Raises
    ------
    CodesError
        Too few codes.
    ParameterError
        All codes are one.
    """

    def __init__(self, codes: CodeArray) -> None:
        if len(codes) <= NEIGHBOURS:
            raise CodesError(f"codes must be more than {NEIGHBOURS} to look for neighbours among, got {len(codes)}")
        self.codes = codes
        self.mean, covariance = mean_and_covariance(codes)
        values, vectors = np.linalg.eigh(shrunk(covariance, codes)[0])
        least = _FLOOR * max(float(values.mean()), np.finfo(float).tiny)
        self._whitening = vectors / np.sqrt(np.maximum(values, least))
        self.spread = code_spread(codes)
        self.median_radius = float(np.median(np.linalg.norm(codes, axis=1)))

    def mahalanobis(self, drawn: CodeArray) -> NDArray[np.float64]:
        """Mahalanobis distance sqrt((z − μ)ᵀ Σ⁻¹ (z − μ)) of each code; (n, d) → (n,), without unit."""
        return np.asarray(np.linalg.norm((drawn - self.mean) @ self._whitening, axis=1))

    def neighbour_distance(self, drawn: CodeArray) -> NDArray[np.float64]:
        """Mean distance of each code to its `NEIGHBOURS` nearest training codes, over the spread; (n, d) → (n,)."""
        n = len(self.codes)
        # Drawn codes are one group: none of them is a neighbour of another.
        groups = np.concatenate([np.arange(n), np.full(len(drawn), n)])
        rows = np.arange(n, n + len(drawn))
        points = np.concatenate([self.codes, drawn])
        found = nearest_neighbours(points, NEIGHBOURS, queries=rows, groups=groups, engine="blocks")
        return np.asarray(found.distances.mean(axis=1, dtype=np.float64) / self.spread)

    def predictors(self, drawn: CodeArray, again: CodeArray) -> dict[str, NDArray[np.float64]]:
        """Every predictor of `PREDICTORS`.

        Parameters
        ----------
        drawn : ndarray of shape (n, d)
            Codes.
        again : ndarray of shape (n, d)
            Codes (posterior means) of the images that they decode to.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            Radii in latent units, ``neighbour_distance`` and ``cycle`` in units of the codes' spread.
        """
        radius = np.linalg.norm(drawn.astype(np.float64), axis=1)
        return {
            "radius": radius,
            "radius_offset": np.abs(radius - self.median_radius),
            "mahalanobis": self.mahalanobis(drawn),
            "neighbour_distance": self.neighbour_distance(drawn),
            "cycle": cycle_errors(drawn, again, self.spread),
        }


def auc_below(predictor: FloatArray, meaningful: NDArray[np.bool_], level: float = 0.95) -> Auc:
    """Area under the curve with which smaller values predict a meaningful image, and its interval.

    The value is the Mann–Whitney statistic U / (m n). The interval is Newcombe's (2006, Statistics in Medicine 25,
    "Confidence intervals for an effect size measure based on the Mann–Whitney statistic", method 5): the θ for which
    |AUC − θ| = z √V(θ), V(θ) = θ (1 − θ) (1 + N* (1 − θ) / (2 − θ) + N* θ / (1 + θ)) / (m n), N* = (m + n) / 2 − 1.
    It keeps its width where an AUC is 0 or 1, where the usual ones have none.

    Parameters
    ----------
    predictor : ndarray of shape (N,)
        Finite numbers of any unit.
    meaningful : ndarray of shape (N,), bool
        Which images are meaningful.
    level : float
        Of the interval.

    Returns
    -------
    Auc
        With its interval.

    Raises
    ------
    CodesError
        All images are meaningful, or none is.
    """
    m = int(meaningful.sum())
    n = len(meaningful) - m
    if not m or not n:
        raise CodesError(f"some images must be meaningful and some not, got {m} of {m + n} meaningful")
    ranks = rankdata(predictor)
    value = 1.0 - float(ranks[meaningful].sum() - m * (m + 1) / 2) / (m * n)
    z = float(norm.ppf((1 + level) / 2))
    half = (m + n) / 2 - 1

    def beyond(theta: float) -> float:
        variance = theta * (1 - theta) * (1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)) / (m * n)
        return abs(value - theta) - z * float(np.sqrt(max(variance, 0.0)))

    # At an end of the scale the variance is 0 and the excess |AUC − θ|; at the AUC itself it is −z √V.
    low = 0.0 if value <= 0 else _root(beyond, 0.0, value)
    high = 1.0 if value >= 1 else _root(beyond, value, 1.0)
    return Auc(value, low, high)


def _root(beyond: Any, left: float, right: float) -> float:
    # A variance of 0 at AUC 0 or 1 itself: step off the end, where the sign is the right one.
    step = 1e-12
    a, b = left + (step if beyond(left) == 0 else 0.0), right - (step if beyond(right) == 0 else 0.0)
    return float(brentq(beyond, a, b, xtol=1e-10))


def where_meaningful(
    predictors: Mapping[str, FloatArray], meaningful: NDArray[np.bool_]
) -> tuple[dict[str, Auc], str | None]:
    """Tell how well each predictor tells meaningful from meaningless images.

    Parameters
    ----------
    predictors : mapping of str to ndarray of shape (n,)
        Names of `PREDICTORS` and their values.
    meaningful : ndarray of shape (n,), bool
        Which images are meaningful.

    Returns
    -------
    found : dict of str to Auc
        By predictor, the best first and the radius last; empty where it cannot be told.
    why_not : str or None
        Why it cannot be told.

    Raises
    ------
    ParameterError
        A predictor that there is not.
    """
    for name in predictors:
        if name not in PREDICTORS:
            raise ParameterError("predictor", f"be one of {', '.join(PREDICTORS)}", name)
    m = int(meaningful.sum())
    if min(m, len(meaningful) - m) < LEAST_OF_EACH:
        return {}, f"{m} of {len(meaningful)} images are meaningful, and at least {LEAST_OF_EACH} of each are needed"
    found = {name: auc_below(values, meaningful) for name, values in predictors.items()}
    # The radius comes last: clouds inside an autoencoder's shell make larger radii look like the better ones.
    order = sorted(found, key=lambda name: (name == "radius", -abs(found[name].value - 0.5)))
    return {name: found[name] for name in order}, None
